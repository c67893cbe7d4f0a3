/* Received-SPF (RFC 7208 9.1): see smtpd/trace_header.h.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "smtpd/field.h"
#include "smtpd/trace_header.h"

static bool
is_dot_atom(struct span text)
{
	bool wants_byte = true;

	for (size_t i = 0; i < text.length; i++) {
		bool is_dot = text.data[i] == '.';

		if (is_dot ? wants_byte : !field_is_atom_byte(text.data[i]))
			return false;
		wants_byte = is_dot;
	}
	return !wants_byte;
}

/* The value of a key-value pair: a dot-atom, else a quoted string with every byte that has no place in one shown
 * as "?". A line folded inside of the quotes begins with the space that stands there. */
static void
put_value(struct field *field, struct foreign value)
{
	if (is_dot_atom(value.text)) {
		field_put(field, value.text);
		return;
	}
	field_put_char(field, '"');
	for (size_t i = 0; i < value.text.length; i++) {
		char c = value.text.data[i];

		if (c == ' ') {
			field_end_word(field);
			field->fold = ' ';
			continue;
		}
		if (c == '"' || c == '\\')
			field_put_char(field, '\\');
		field_put_char(field, foreign_may_show(&value, c) ? c : '?');
	}
	field_put_char(field, '"');
}

static void
put_foreign_pair(struct field *field, const char *key, struct foreign value)
{
	bool follows_pair = field->length > 0;

	if (follows_pair) {
		field_put_char(field, ';');
		field_end_word(field);
	}
	field->fold = '\t';
	field_put_words(field, key);
	field_put_char(field, '=');
	put_value(field, value);
}

static void
put_pair(struct field *field, const char *key, struct span value)
{
	put_foreign_pair(field, key, foreign_text(value, false));
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

	field_put_char(field, '(');
	field_put_hostname(field, facts->hostname);
	field_put_words(field, ": domain of ");
	field_put_foreign(field,
	    judges_helo ? foreign_text(facts->helo, false) : foreign_text(facts->envelope_from, facts->is_smtputf8));
	field_end_word(field);
	field_put_words(field, spf_words[facts->result].says);
	field_end_word(field);
	field_put_ip(field, &facts->client);
	if (spf_words[facts->result].about[0])
		field_end_word(field);
	field_put_words(field, spf_words[facts->result].about);
	field_put_char(field, ')');
	field_end_word(field);
}

void
trace_received_spf(const struct trace_spf *facts, struct buf *out)
{
	char ip[PEER_TEXT_SIZE];

	if (facts->result >= SPF_RESULT_COUNT)
		return;
	struct field field = field_begin(out, "Received-SPF:");
	field_put_words(&field, spf_result_name(facts->result));
	field_end_word(&field);
	put_spf_comment(&field, facts);
	peer_format_ip(&facts->client, ip);
	put_pair(&field, "receiver", facts->hostname);
	put_pair(&field, "client-ip", span_of(ip));
	put_foreign_pair(&field, "envelope-from", foreign_text(facts->envelope_from, facts->is_smtputf8));
	put_pair_if_any(&field, "helo", facts->helo);
	put_pair(&field, "identity", facts->identity == SPF_IDENTITY_HELO ? SPAN("helo") : SPAN("mailfrom"));
	put_pair_if_any(&field, "mechanism", facts->mechanism);
	put_pair_if_any(&field, "problem", facts->problem);
	field_end_word(&field);
	field_end(&field);
}
