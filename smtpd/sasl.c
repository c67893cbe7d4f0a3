/* The codecs of smtpd/sasl.h.
 *
 * OpenSSL's decoder lets white space pass and knows no length of its own output, so this one is ours; it takes the same
 * time for every letter, since it has no table to look them up in.
 *
 * Trust: none in the text.
 * On failure: see the header.
 */
#include "smtpd/sasl.h"

#include <stdint.h>

enum { QUARTET = 4, NO_LETTER = 64 };

bool
sasl_mechanism_of(struct span name, enum sasl_mechanism *mechanism)
{
	*mechanism = span_equal_nocase(name, SPAN("LOGIN")) ? SASL_LOGIN : SASL_PLAIN;
	return *mechanism == SASL_LOGIN || span_equal_nocase(name, SPAN("PLAIN"));
}

struct span
sasl_challenge(enum sasl_mechanism mechanism, unsigned step)
{
	if (mechanism == SASL_PLAIN)
		return SPAN("");
	/* "Username:" and "Password:", which old programs compare with. */
	return step == 0 ? SPAN("VXNlcm5hbWU6") : SPAN("UGFzc3dvcmQ6");
}

/* All bits one when low <= c <= high, else zero. */
static unsigned
in_range(unsigned c, unsigned low, unsigned high)
{
	return ((low - 1 - c) & (c - high - 1)) >> 8 & 0xff ? ~0u : 0;
}

/* What a letter of the alphabet stands for; NO_LETTER or more for anything else. */
static unsigned
value_of(char letter)
{
	unsigned c = (unsigned char)letter;
	unsigned known = in_range(c, 'A', 'Z') | in_range(c, 'a', 'z') | in_range(c, '0', '9') | in_range(c, '+', '+') |
			 in_range(c, '/', '/');
	unsigned value = (in_range(c, 'A', 'Z') & (c - 'A')) | (in_range(c, 'a', 'z') & (c - 'a' + 26)) |
			 (in_range(c, '0', '9') & (c - '0' + 52)) | (in_range(c, '+', '+') & 62) |
			 (in_range(c, '/', '/') & 63);

	return value | (~known & NO_LETTER);
}

/* Decodes four letters, of which the last `padding` (0 to 2) are "=", into 3 - padding octets. */
static bool
decode_quartet(const char letters[static QUARTET], unsigned padding, char *out)
{
	unsigned values[QUARTET] = { 0 };
	unsigned all = 0;

	for (unsigned i = 0; i < QUARTET - padding; i++) {
		values[i] = value_of(letters[i]);
		all |= values[i];
	}
	uint32_t bits = values[0] << 18 | values[1] << 12 | values[2] << 6 | values[3];
	if (all >= NO_LETTER || (bits & ((1u << padding * 8) - 1)) != 0)
		return false;
	for (unsigned i = 0; i < 3 - padding; i++)
		out[i] = (char)(bits >> (16 - 8 * i) & 0xff);
	return true;
}

static unsigned
padding_of(struct span text)
{
	if (text.length == 0 || text.data[text.length - 1] != '=')
		return 0;
	return text.data[text.length - 2] == '=' ? 2 : 1;
}

bool
sasl_decode(struct span text, char out[static SASL_TEXT_BYTES], size_t *length)
{
	*length = 0;
	if (text.length % QUARTET != 0 || text.length > SASL_LINE_BYTES)
		return false;
	unsigned padding = padding_of(text);
	for (size_t at = 0; at < text.length; at += QUARTET) {
		unsigned missing = at + QUARTET == text.length ? padding : 0;

		if (!decode_quartet(text.data + at, missing, out + *length))
			return false;
		*length += 3 - missing;
	}
	return true;
}

bool
sasl_is_answer(struct span text)
{
	return text.length > 0 && span_find(text, '\0') == text.length;
}

bool
sasl_parse_plain(struct span message, struct sasl_credentials *credentials)
{
	struct span authzid = span_take(message, span_find(message, '\0'));
	struct span rest = span_skip(message, authzid.length + 1);
	struct span user = span_take(rest, span_find(rest, '\0'));
	struct span password = span_skip(rest, user.length + 1);

	if (!sasl_is_answer(user) || !sasl_is_answer(password))
		return false;
	if (authzid.length && !span_equal_nocase(authzid, user))
		return false;
	*credentials = (struct sasl_credentials){ user, password };
	return true;
}
