/* The canonical form of lookup/mail_domain.h.
 *
 * Trust: domains are a client's, or the administrator's. Pure.
 * On failure: see lookup/mail_domain.h.
 */
#include "lookup/mail_domain.h"

#include <idn2.h>

enum { LABEL_BYTES = 63, U_LABELS_BYTES = 1024 };

static bool
is_name_byte(char c)
{
	return c == '-' || c == '_' || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Letters, digits, "-" and "_" in labels, in lower case. */
static enum mail_domain_result
lower_ascii(struct span text, char out[static MAIL_DOMAIN_BYTES])
{
	size_t label = 0;

	if (text.length > MAIL_DOMAIN_BYTES)
		return MAIL_DOMAIN_TOO_LONG;
	for (size_t i = 0; i < text.length; i++) {
		char c = span_lower(text.data[i]);

		out[i] = c;
		if (c == '.' ? label == 0 || text.data[i - 1] == '-' : label == 0 && c == '-')
			return MAIL_DOMAIN_BAD;
		if (c != '.' && !is_name_byte(c))
			return MAIL_DOMAIN_BAD;
		label = c == '.' ? 0 : label + 1;
		if (label > LABEL_BYTES)
			return MAIL_DOMAIN_TOO_LONG;
	}
	return label && text.data[text.length - 1] != '-' ? MAIL_DOMAIN_OK : MAIL_DOMAIN_BAD;
}

static enum mail_domain_result
result_of(int code)
{
	switch (code) {
	case IDN2_OK:
		return MAIL_DOMAIN_OK;
	case IDN2_MALLOC:
		return MAIL_DOMAIN_NO_MEMORY;
	case IDN2_ENCODING_ERROR:
		return MAIL_DOMAIN_BAD_UTF8;
	case IDN2_BIDI:
		return MAIL_DOMAIN_BAD_DIRECTION;
	case IDN2_PUNYCODE_BIG_OUTPUT:
	case IDN2_TOO_BIG_DOMAIN:
	case IDN2_TOO_BIG_LABEL:
		return MAIL_DOMAIN_TOO_LONG;
	case IDN2_DISALLOWED:
	case IDN2_UNASSIGNED:
	case IDN2_CONTEXTJ:
	case IDN2_CONTEXTJ_NO_RULE:
	case IDN2_CONTEXTO:
	case IDN2_CONTEXTO_NO_RULE:
	case IDN2_LEADING_COMBINING:
	case IDN2_INVALID_NONTRANSITIONAL:
	case IDN2_ALABEL_ROUNDTRIP_FAILED:
		return MAIL_DOMAIN_BAD_CHARACTER;
	default:
		return MAIL_DOMAIN_BAD;
	}
}

/* U-labels become A-labels; what comes out is checked as if it had been written so. */
static enum mail_domain_result
encode(struct span text, char out[static MAIL_DOMAIN_BYTES], size_t *length)
{
	char copy[U_LABELS_BYTES];
	char *encoded = NULL;

	if (text.length >= sizeof copy)
		return MAIL_DOMAIN_TOO_LONG;
	if (span_find(text, '\0') < text.length)
		return MAIL_DOMAIN_BAD;
	memcpy(copy, text.data, text.length);
	copy[text.length] = '\0';
	enum mail_domain_result result =
	    result_of(idn2_to_ascii_8z(copy, &encoded, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL));
	if (result != MAIL_DOMAIN_OK)
		return result;
	result = lower_ascii(span_of(encoded), out);
	if (result == MAIL_DOMAIN_OK)
		*length = strlen(encoded);
	idn2_free(encoded);
	return result;
}

enum mail_domain_result
mail_domain_read(struct span text, char out[static MAIL_DOMAIN_BYTES], size_t *length)
{
	if (!span_is_ascii(text))
		return encode(text, out, length);
	enum mail_domain_result result = lower_ascii(text, out);
	if (result == MAIL_DOMAIN_OK)
		*length = text.length;
	return result;
}

size_t
mail_domain_canonical(struct span text, char out[static MAIL_DOMAIN_BYTES])
{
	size_t length;

	return mail_domain_read(text, out, &length) == MAIL_DOMAIN_OK ? length : 0;
}

const char *
mail_domain_problem(enum mail_domain_result result)
{
	switch (result) {
	case MAIL_DOMAIN_OK:
		break;
	case MAIL_DOMAIN_BAD:
		return "its part behind the @ is no domain name; write one such as example.org";
	case MAIL_DOMAIN_BAD_UTF8:
		return "its part behind the @ is not UTF-8; save the file as UTF-8";
	case MAIL_DOMAIN_BAD_CHARACTER:
		return "its part behind the @ holds a character that cannot stand there in a domain name (RFC 5892); "
		       "write the name as it is registered";
	case MAIL_DOMAIN_BAD_DIRECTION:
		return "its part behind the @ mixes right-to-left and left-to-right characters in a way that no domain "
		       "name may (RFC 5893); write the name as it is registered";
	case MAIL_DOMAIN_TOO_LONG:
		return "its part behind the @ is longer than a domain name can be: 253 bytes, and 63 between dots, "
		       "counted in A-labels (xn--...)";
	case MAIL_DOMAIN_NO_MEMORY:
		return "there is not enough memory to read it; free some and try again";
	}
	return "its part behind the @ is right";
}
