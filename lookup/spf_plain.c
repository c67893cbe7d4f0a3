/* The normaliser of lookup/spf_plain.h.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "lookup/spf_plain.h"

#include <stdio.h>

enum { TOKEN_DIGITS_MAX = 4 };

/* What stands behind the eleventh cannot be reached. */
static void
add_step(struct spf_plain *plain, const struct spf_term *term)
{
	if (plain->count < SPF_PLAIN_STEPS)
		plain->steps[plain->count++] = *term;
}

/* Takes a mechanism over. True when no later term can be reached. */
static bool
take_mechanism(struct spf_plain *plain, const struct spf_term *term, const struct peer_address *client)
{
	switch (term->kind) {
	case SPF_TERM_IP4:
	case SPF_TERM_IP6:
		if (!network_contains(&term->network, client))
			return false;
		add_step(plain, term);
		return true;
	case SPF_TERM_ALL:
		add_step(plain, term);
		return true;
	case SPF_TERM_INCLUDE:
	case SPF_TERM_A:
	case SPF_TERM_MX:
	case SPF_TERM_PTR:
	case SPF_TERM_EXISTS:
		add_step(plain, term);
		return false;
	case SPF_TERM_REDIRECT:
	case SPF_TERM_EXP:
	case SPF_TERM_OTHER:
		break;
	}
	return false;
}

void
spf_plain_make(struct span record, const struct peer_address *client, struct spf_plain *plain)
{
	struct span terms = spf_parse_terms(record);
	struct spf_term redirect = { .kind = SPF_TERM_OTHER };
	bool is_ended = false;
	struct spf_term term;

	plain->count = 0;
	plain->explanation = span_make("", 0);
	while (spf_parse_next(&terms, &term) == SPF_PARSE_TERM) {
		if (term.kind == SPF_TERM_REDIRECT)
			redirect = term;
		else if (term.kind == SPF_TERM_EXP)
			plain->explanation = term.domain_spec;
		else if (!is_ended)
			is_ended = take_mechanism(plain, &term, client);
	}
	if (!is_ended && redirect.kind == SPF_TERM_REDIRECT)
		add_step(plain, &redirect);
}

static void
write_named(const char *name, unsigned number, struct buf *out)
{
	char token[SPF_TOKEN_BYTES];

	buf_append_text(out, name);
	buf_append(out, spf_token_write((struct spf_token){ .letter = 'k', .number = number }, token));
}

static void
write_mechanism(const struct spf_term *term, const char *name, unsigned number, struct buf *out)
{
	buf_append_char(out, ' ');
	buf_append_char(out, term->qualifier);
	write_named(name, number, out);
}

/* a and mx. */
static void
write_address_mechanism(
    const struct spf_term *term, const struct peer_address *client, unsigned number, struct buf *out)
{
	const unsigned bits = client->family == 6 ? term->prefix6 : term->prefix4;
	const unsigned full = client->family == 6 ? 128 : 32;

	write_mechanism(term, term->kind == SPF_TERM_A ? "a:" : "mx:", number, out);
	if (bits > 0 && bits < full)
		buf_printf(out, client->family == 6 ? "//%u" : "/%u", bits);
}

static void
write_step(const struct spf_term *term, const struct peer_address *client, unsigned number, struct buf *out)
{
	switch (term->kind) {
	case SPF_TERM_A:
	case SPF_TERM_MX:
		write_address_mechanism(term, client, number, out);
		break;
	case SPF_TERM_INCLUDE:
		write_mechanism(term, "include:", number, out);
		break;
	case SPF_TERM_PTR:
	case SPF_TERM_EXISTS:
		write_mechanism(term, "exists:", number, out);
		break;
	case SPF_TERM_ALL:
	case SPF_TERM_IP4:
	case SPF_TERM_IP6:
		write_named(" ?exists:", number, out);
		buf_append_char(out, ' ');
		buf_append_char(out, term->qualifier);
		buf_append_text(out, "all");
		break;
	case SPF_TERM_REDIRECT:
		write_named(" redirect=", number, out);
		break;
	case SPF_TERM_EXP:
	case SPF_TERM_OTHER:
		break;
	}
}

void
spf_plain_write(const struct spf_plain *plain, const struct peer_address *client, unsigned first, struct buf *out)
{
	buf_append_text(out, "v=spf1");
	for (size_t i = 0; i < plain->count; i++)
		write_step(&plain->steps[i], client, first + (unsigned)i, out);
}

struct span
spf_token_write(struct spf_token token, char text[static SPF_TOKEN_BYTES])
{
	const int length = snprintf(text, SPF_TOKEN_BYTES, "%c%u.g", token.letter, token.number);

	return span_make(text, (size_t)length);
}

bool
spf_token_read(struct span text, struct spf_token *token)
{
	const size_t digits = span_find(span_skip(text, 1), '.');

	*token = (struct spf_token){ .letter = text.length ? text.data[0] : '\0' };
	if (digits == 0 || digits > TOKEN_DIGITS_MAX || !span_equal(span_skip(text, 1 + digits), SPAN(".g")))
		return false;
	for (size_t i = 1; i <= digits; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		token->number = token->number * 10 + (unsigned)(text.data[i] - '0');
	}
	return token->letter == 'k' || token->letter == 'x';
}
