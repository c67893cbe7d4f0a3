/* The writer of smtpd/trace_header.h: fields are built word by word, and a word that would pass column 77 goes to the
 * next line. No word is longer than WORD_BYTES, so no line can reach 998 octets.
 *
 * Trust: hosts and addresses are parsed again before they are written; free text has its bytes replaced.
 * On failure: the buffer's sticky error.
 */
#include "smtpd/trace_header.h"

#include <stddef.h>

#include "lib/clock.h"
#include "lib/utf8.h"
#include "smtpd/address.h"

enum {
	LINE_BYTES = 77,
	WORD_BYTES = 900, /* with a full line before it still under 998 */
	SHOWN_BYTES = 400 /* of any text that somebody else wrote; each byte may need a backslash */
};

/* A field being written, with the word that is not yet placed. */
struct field {
	struct buf *out;
	size_t column;
	bool at_line_start;
	char fold; /* what begins a folded line */
	size_t length;
	char word[WORD_BYTES];
};

static void
put_char(struct field *field, char c)
{
	if (field->length < sizeof field->word)
		field->word[field->length++] = c;
}

static void
put(struct field *field, struct span text)
{
	for (size_t i = 0; i < text.length; i++)
		put_char(field, text.data[i]);
}

static void
begin_line(struct field *field)
{
	buf_append_char(field->out, '\n');
	buf_append_char(field->out, field->fold);
	field->column = 1;
	field->at_line_start = true;
}

/* Places the word behind a space or on a line of its own. An empty word never begins a line: a line of nothing but
 * white space is no folding. */
static void
end_word(struct field *field)
{
	if (!field->at_line_start) {
		if (field->length && field->column + 1 + field->length > LINE_BYTES) {
			begin_line(field);
		} else {
			buf_append_char(field->out, ' ');
			field->column++;
		}
	}
	buf_append(field->out, span_make(field->word, field->length));
	field->column += field->length;
	field->length = 0;
	field->at_line_start = false;
}

static void
put_word(struct field *field, struct span word)
{
	put(field, word);
	end_word(field);
}

static struct field
begin_field(struct buf *out, const char *name)
{
	buf_append_text(out, name);
	return (struct field){ .out = out, .column = strlen(name), .fold = '\t' };
}

static void
end_field(struct field *field)
{
	buf_append_char(field->out, '\n');
}

static bool
is_printable(char c)
{
	return c > ' ' && c <= '~';
}

/* atext of RFC 5322 3.2.3 */
static bool
is_atom_byte(char c)
{
	return (c >= '0' && c <= '9') || (span_lower(c) >= 'a' && span_lower(c) <= 'z') ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool
is_dot_atom(struct span text)
{
	bool wants_byte = true;

	for (size_t i = 0; i < text.length; i++) {
		bool is_dot = text.data[i] == '.';

		if (is_dot ? wants_byte : !is_atom_byte(text.data[i]))
			return false;
		wants_byte = is_dot;
	}
	return !wants_byte;
}

/* A text of somebody else: only so much of it, and may its bytes over 127 stay? */
struct foreign {
	struct span text;
	bool is_utf8;
};

static struct foreign
foreign(struct span text, bool may_be_utf8)
{
	text = span_take(text, SHOWN_BYTES);
	return (struct foreign){ text, may_be_utf8 && !span_is_ascii(text) && utf8_is_text(text) };
}

static bool
may_show(const struct foreign *foreign, char c)
{
	return is_printable(c) || (foreign->is_utf8 && (unsigned char)c >= 0x80);
}

/* Somebody's bytes inside a comment: no parenthesis, no backslash, no space. */
static void
put_shown(struct field *field, struct foreign shown)
{
	for (size_t i = 0; i < shown.text.length; i++) {
		char c = shown.text.data[i];

		put_char(field, may_show(&shown, c) && c != '(' && c != ')' && c != '\\' ? c : '?');
	}
}

/* Our own words, which stand for themselves. */
static void
put_words(struct field *field, const char *words)
{
	for (; *words; words++) {
		if (*words == ' ')
			end_word(field);
		else
			put_char(field, *words);
	}
}

static void
put_ip(struct field *field, const struct peer_address *client)
{
	char ip[PEER_TEXT_SIZE];

	peer_format_ip(client, ip);
	put(field, span_of(ip));
}

/* address-literal of RFC 5321 4.1.3 */
static void
put_literal(struct field *field, const struct peer_address *client)
{
	put(field, client->family == 6 ? SPAN("[IPv6:") : SPAN("["));
	put_ip(field, client);
	put_char(field, ']');
}

static void
put_hostname(struct field *field, struct span hostname)
{
	put(field, address_is_helo_name(hostname) ? hostname : SPAN("unknown"));
}

/* TCP-info: the confirmed name, if any, and the address. */
static void
put_tcp_info(struct field *field, const struct trace_received *facts)
{
	if (facts->client.family == 0)
		return;
	put_char(field, '(');
	if (address_is_domain(facts->client_name))
		put_word(field, facts->client_name);
	put_literal(field, &facts->client);
	put_char(field, ')');
	end_word(field);
}

/* From-domain. What the client called itself stands in a comment when it is no name. */
static void
put_from(struct field *field, const struct trace_received *facts)
{
	bool is_name = address_is_helo_name(facts->helo);

	put_words(field, "from ");
	if (is_name)
		put(field, facts->helo);
	else if (facts->client.family != 0)
		put_literal(field, &facts->client);
	else
		put(field, SPAN("unknown"));
	end_word(field);
	put_tcp_info(field, facts);
	if (is_name || facts->helo.length == 0)
		return;
	put_words(field, "(HELO ");
	put_shown(field, foreign(facts->helo, false));
	put_char(field, ')');
	end_word(field);
}

static void
put_tls(struct field *field, const struct trace_received *facts)
{
	if (facts->tls_version.length == 0)
		return;
	put_words(field, " (");
	put_shown(field, foreign(facts->tls_version, false));
	end_word(field);
	put_shown(field, foreign(facts->tls_cipher, false));
	put_char(field, ')');
}

static void
put_id(struct field *field, struct span id)
{
	id = span_take(id, SHOWN_BYTES);
	if (id.length == 0)
		return;
	end_word(field);
	put_words(field, "id ");
	for (size_t i = 0; i < id.length; i++)
		put_char(field, is_atom_byte(id.data[i]) ? id.data[i] : '?');
}

static void
put_for(struct field *field, const struct trace_received *facts)
{
	struct span recipient = facts->single_recipient;
	struct address address;

	/* <postmaster> has no domain, and no place in the grammar of this clause. */
	if (address_parse_mailbox(recipient, &address) != ADDRESS_OK || (address.is_utf8 && !facts->is_smtputf8))
		return;
	end_word(field);
	begin_line(field);
	put_words(field, "for ");
	put_char(field, '<');
	put(field, recipient);
	put_char(field, '>');
}

/* The protocol, by its registered names: RFC 3848, RFC 6531 4.3. There is none for TLS or a user without EHLO. */
static void
put_protocol(struct field *field, const struct trace_received *facts)
{
	put_words(field, "with ");
	if (!facts->is_esmtp && !facts->is_smtputf8) {
		put(field, SPAN("SMTP"));
		return;
	}
	put(field, facts->is_smtputf8 ? SPAN("UTF8SMTP") : SPAN("ESMTP"));
	if (facts->is_encrypted)
		put_char(field, 'S');
	if (facts->is_authenticated)
		put_char(field, 'A');
}

void
trace_received(const struct trace_received *facts, struct buf *out)
{
	struct field field = begin_field(out, "Received:");
	char date[CLOCK_MAIL_SIZE];

	put_from(&field, facts);
	begin_line(&field);
	put_words(&field, "by ");
	put_hostname(&field, facts->hostname);
	end_word(&field);
	put_protocol(&field, facts);
	put_tls(&field, facts);
	put_id(&field, facts->id);
	put_for(&field, facts);
	put_char(&field, ';');
	end_word(&field);
	begin_line(&field);
	clock_format_mail(facts->wall_us, date);
	put_words(&field, date);
	end_word(&field);
	end_field(&field);
}

/* The value of a key-value pair: a dot-atom, else a quoted string with every byte that has no place in one shown
 * as "?". A line folded inside of the quotes begins with the space that stands there. */
static void
put_value(struct field *field, struct foreign value)
{
	if (is_dot_atom(value.text)) {
		put(field, value.text);
		return;
	}
	put_char(field, '"');
	for (size_t i = 0; i < value.text.length; i++) {
		char c = value.text.data[i];

		if (c == ' ') {
			end_word(field);
			field->fold = ' ';
			continue;
		}
		if (c == '"' || c == '\\')
			put_char(field, '\\');
		put_char(field, may_show(&value, c) ? c : '?');
	}
	put_char(field, '"');
}

static void
put_foreign_pair(struct field *field, const char *key, struct foreign value)
{
	bool follows_pair = field->length > 0;

	if (follows_pair) {
		put_char(field, ';');
		end_word(field);
	}
	field->fold = '\t';
	put_words(field, key);
	put_char(field, '=');
	put_value(field, value);
}

static void
put_pair(struct field *field, const char *key, struct span value)
{
	put_foreign_pair(field, key, foreign(value, false));
}

static void
put_pair_if_any(struct field *field, const char *key, struct span value)
{
	if (value.length)
		put_pair(field, key, value);
}

/* What a result says about the client, in a comment for people (RFC 7208 9.1). */
static const struct {
	const char *says;
	const char *about;
} spf_words[SPF_RESULT_COUNT] = {
	[SPF_NONE] = { "has no policy about", "" },
	[SPF_NEUTRAL] = { "neither permits nor denies", "as sender" },
	[SPF_PASS] = { "designates", "as permitted sender" },
	[SPF_FAIL] = { "does not designate", "as permitted sender" },
	[SPF_SOFTFAIL] = { "probably does not designate", "as permitted sender" },
	[SPF_TEMPERROR] = { "could for now not be asked about", "" },
	[SPF_PERMERROR] = { "has a broken policy about", "" },
};

static void
put_spf_comment(struct field *field, const struct trace_spf *facts)
{
	bool judges_helo = facts->identity == SPF_IDENTITY_HELO || facts->envelope_from.length == 0;

	put_char(field, '(');
	put_hostname(field, facts->hostname);
	put_words(field, ": domain of ");
	put_shown(field, judges_helo ? foreign(facts->helo, false) : foreign(facts->envelope_from, facts->is_smtputf8));
	end_word(field);
	put_words(field, spf_words[facts->result].says);
	end_word(field);
	put_ip(field, &facts->client);
	if (spf_words[facts->result].about[0])
		end_word(field);
	put_words(field, spf_words[facts->result].about);
	put_char(field, ')');
	end_word(field);
}

void
trace_received_spf(const struct trace_spf *facts, struct buf *out)
{
	char ip[PEER_TEXT_SIZE];

	if (facts->result >= SPF_RESULT_COUNT)
		return;
	struct field field = begin_field(out, "Received-SPF:");
	put_words(&field, spf_result_name(facts->result));
	end_word(&field);
	put_spf_comment(&field, facts);
	peer_format_ip(&facts->client, ip);
	put_pair(&field, "receiver", facts->hostname);
	put_pair(&field, "client-ip", span_of(ip));
	put_foreign_pair(&field, "envelope-from", foreign(facts->envelope_from, facts->is_smtputf8));
	put_pair_if_any(&field, "helo", facts->helo);
	put_pair(&field, "identity", facts->identity == SPF_IDENTITY_HELO ? SPAN("helo") : SPAN("mailfrom"));
	put_pair_if_any(&field, "mechanism", facts->mechanism);
	put_pair_if_any(&field, "problem", facts->problem);
	end_word(&field);
	end_field(&field);
}
