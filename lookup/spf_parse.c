/* The record parser of lookup/spf_parse.h. One table says what each mechanism takes; modifiers are the rest.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "lookup/spf_parse.h"

#include <arpa/inet.h>
#include <string.h>

#include "lookup/spf_macro.h"

enum argument { ARGUMENT_NONE, ARGUMENT_NETWORK, ARGUMENT_DOMAIN, ARGUMENT_DOMAIN_OR_NONE };

static const struct mechanism {
	const char *name;
	enum spf_term_kind kind;
	enum argument argument;
	bool has_prefixes; /* dual-cidr-length */
} mechanisms[] = {
	{ "all", SPF_TERM_ALL, ARGUMENT_NONE, false },
	{ "include", SPF_TERM_INCLUDE, ARGUMENT_DOMAIN, false },
	{ "a", SPF_TERM_A, ARGUMENT_DOMAIN_OR_NONE, true },
	{ "mx", SPF_TERM_MX, ARGUMENT_DOMAIN_OR_NONE, true },
	{ "ptr", SPF_TERM_PTR, ARGUMENT_DOMAIN_OR_NONE, false },
	{ "ip4", SPF_TERM_IP4, ARGUMENT_NETWORK, false },
	{ "ip6", SPF_TERM_IP6, ARGUMENT_NETWORK, false },
	{ "exists", SPF_TERM_EXISTS, ARGUMENT_DOMAIN, false },
};

enum { VERSION_BYTES = 6, PREFIX4_MAX = 32, PREFIX6_MAX = 128 };

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alpha(char c)
{
	return span_lower(c) >= 'a' && span_lower(c) <= 'z';
}

static bool
is_alphanumeric(char c)
{
	return is_alpha(c) || is_digit(c);
}

static bool
is_visible(char c)
{
	return c > ' ' && c <= '~';
}

bool
spf_parse_is_record(struct span text)
{
	return span_starts_nocase(text, SPAN("v=spf1")) &&
	       (text.length == VERSION_BYTES || text.data[VERSION_BYTES] == ' ');
}

struct span
spf_parse_terms(struct span record)
{
	return span_skip(record, VERSION_BYTES);
}

/* toplabel: letters, digits and inner hyphens, but not digits alone. */
static bool
is_toplabel(struct span text)
{
	bool is_numeric = true;

	if (text.length == 0 || text.data[0] == '-' || text.data[text.length - 1] == '-')
		return false;
	for (size_t i = 0; i < text.length; i++) {
		if (!is_alphanumeric(text.data[i]) && text.data[i] != '-')
			return false;
		is_numeric = is_numeric && is_digit(text.data[i]);
	}
	return !is_numeric;
}

/* macro-string. *tail: what follows its last macro. */
static bool
is_macro_string(struct span text, bool may_use_explanation_letters, struct span *tail)
{
	struct spf_macro macro;

	*tail = text;
	while (text.length) {
		if (text.data[0] != '%') {
			if (!is_visible(text.data[0]))
				return false;
			text = span_skip(text, 1);
			continue;
		}
		if (!spf_macro_take(&text, &macro))
			return false;
		if (!may_use_explanation_letters && spf_macro_is_for_explanations(&macro))
			return false;
		*tail = text;
	}
	return true;
}

/* domain-spec: a macro-string that ends in a macro, or in a dot, a toplabel and perhaps another dot. */
static bool
is_domain_spec(struct span text)
{
	struct span tail;

	if (text.length == 0 || !is_macro_string(text, false, &tail))
		return false;
	if (tail.length == 0)
		return true;
	if (tail.data[tail.length - 1] == '.')
		tail.length--;
	for (size_t i = tail.length; i > 0; i--)
		if (tail.data[i - 1] == '.')
			return is_toplabel(span_skip(tail, i));
	return false;
}

/* A prefix length: digits without a leading zero, up to limit. */
static bool
read_prefix(struct span digits, unsigned limit, uint8_t *prefix)
{
	unsigned value = 0;

	if (digits.length == 0 || digits.length > 3 || (digits.length > 1 && digits.data[0] == '0'))
		return false;
	for (size_t i = 0; i < digits.length; i++) {
		if (!is_digit(digits.data[i]))
			return false;
		value = value * 10 + (unsigned)(digits.data[i] - '0');
	}
	*prefix = (uint8_t)value;
	return value <= limit;
}

/* Cuts "/" digits (or "//" digits) off the end of *text into *digits. False when there are none. */
static bool
cut_prefix(struct span *text, struct span slashes, struct span *digits)
{
	size_t at = text->length;

	while (at > 0 && is_digit(text->data[at - 1]))
		at--;
	if (at == text->length || at < slashes.length)
		return false;
	const size_t before = at - slashes.length;
	if (!span_equal(span_make(text->data + before, slashes.length), slashes))
		return false;
	*digits = span_skip(*text, at);
	*text = span_take(*text, before);
	return true;
}

/* dual-cidr-length, at the end of a mechanism. */
static bool
take_prefixes(struct span *argument, struct spf_term *term)
{
	struct span digits;

	if (cut_prefix(argument, SPAN("//"), &digits) && !read_prefix(digits, PREFIX6_MAX, &term->prefix6))
		return false;
	if (cut_prefix(argument, SPAN("/"), &digits) && !read_prefix(digits, PREFIX4_MAX, &term->prefix4))
		return false;
	return true;
}

/* ip4-network and ip6-network with their prefix length. peer_parse_ip would turn "::ffff:192.0.2.1" into IPv4. */
static bool
take_network(struct span text, struct spf_term *term)
{
	const bool is_ip4 = term->kind == SPF_TERM_IP4;
	const unsigned limit = is_ip4 ? PREFIX4_MAX : PREFIX6_MAX;
	const size_t slash = span_find(text, '/');
	char address[INET6_ADDRSTRLEN];

	term->network.prefix_bits = (uint8_t)limit;
	if (slash < text.length && !read_prefix(span_skip(text, slash + 1), limit, &term->network.prefix_bits))
		return false;
	if (slash == 0 || slash >= sizeof address || span_find(text, '\0') < text.length)
		return false;
	memcpy(address, text.data, slash);
	address[slash] = '\0';
	term->network.address.family = is_ip4 ? 4 : 6;
	return inet_pton(is_ip4 ? AF_INET : AF_INET6, address, term->network.address.ip) == 1;
}

static bool
take_argument(struct span argument, const struct mechanism *mechanism, struct spf_term *term)
{
	term->prefix4 = PREFIX4_MAX;
	term->prefix6 = PREFIX6_MAX;
	if (mechanism->has_prefixes && !take_prefixes(&argument, term))
		return false;
	if (argument.length == 0)
		return mechanism->argument == ARGUMENT_NONE || mechanism->argument == ARGUMENT_DOMAIN_OR_NONE;
	if (argument.data[0] != ':' || mechanism->argument == ARGUMENT_NONE)
		return false;
	argument = span_skip(argument, 1);
	if (mechanism->argument == ARGUMENT_NETWORK)
		return take_network(argument, term);
	term->domain_spec = argument;
	return is_domain_spec(argument);
}

static bool
take_directive(struct span text, struct spf_term *term)
{
	size_t end = 0;

	if (text.length && span_find(SPAN("+-~?"), text.data[0]) < 4) {
		term->qualifier = text.data[0];
		text = span_skip(text, 1);
	}
	while (end < text.length && is_alphanumeric(text.data[end]))
		end++;
	for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++) {
		if (!span_equal_nocase(span_take(text, end), span_of(mechanisms[i].name)))
			continue;
		term->kind = mechanisms[i].kind;
		return take_argument(span_skip(text, end), &mechanisms[i], term);
	}
	return false;
}

static bool
take_modifier(struct span name, struct span value, struct spf_term *term)
{
	struct span tail;

	if (span_equal_nocase(name, SPAN("redirect"))) {
		term->kind = SPF_TERM_REDIRECT;
	} else if (span_equal_nocase(name, SPAN("exp"))) {
		term->kind = SPF_TERM_EXP;
	} else {
		term->kind = SPF_TERM_OTHER;
		return is_macro_string(value, true, &tail);
	}
	term->domain_spec = value;
	return is_domain_spec(value);
}

/* name of a modifier: a letter, then letters, digits, hyphens, underscores and dots. */
static size_t
name_length(struct span text)
{
	size_t length = 0;

	if (text.length == 0 || !is_alpha(text.data[0]))
		return 0;
	while (length < text.length &&
	       (is_alphanumeric(text.data[length]) || span_find(SPAN("-_."), text.data[length]) < 3))
		length++;
	return length;
}

enum spf_parse_result
spf_parse_next(struct span *terms, struct spf_term *term)
{
	while (terms->length && terms->data[0] == ' ')
		*terms = span_skip(*terms, 1);
	if (terms->length == 0)
		return SPF_PARSE_END;
	const struct span text = span_take(*terms, span_find(*terms, ' '));
	const size_t name = name_length(text);
	*terms = span_skip(*terms, text.length);
	*term = (struct spf_term){ .kind = SPF_TERM_OTHER, .qualifier = '+', .text = text };
	const bool is_modifier = name > 0 && name < text.length && text.data[name] == '=';
	const bool is_good = is_modifier ? take_modifier(span_take(text, name), span_skip(text, name + 1), term)
					 : take_directive(text, term);
	return is_good ? SPF_PARSE_TERM : SPF_PARSE_BAD;
}

bool
spf_parse_check(struct span record, struct span *offender)
{
	struct span terms = spf_parse_terms(record);
	unsigned redirects = 0;
	unsigned explanations = 0;
	struct spf_term term;

	while (true) {
		const enum spf_parse_result result = spf_parse_next(&terms, &term);

		if (result == SPF_PARSE_END)
			return true;
		redirects += term.kind == SPF_TERM_REDIRECT;
		explanations += term.kind == SPF_TERM_EXP;
		if (result == SPF_PARSE_BAD || redirects > 1 || explanations > 1) {
			*offender = term.text;
			return false;
		}
	}
}
