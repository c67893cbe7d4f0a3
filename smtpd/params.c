/* The parameter lists of smtpd/params.h.
 *
 * Trust: none in the text; it is looked at once, from left to right.
 * On failure: the first parameter at fault is named.
 */
#include "smtpd/params.h"

#include <stddef.h>

struct param {
	struct span whole;
	struct span key;
	struct span value; /* empty when there is no "=": a value that is there has a byte at least */
};

static bool
is_letter_or_digit(char c)
{
	return (c >= '0' && c <= '9') || (span_lower(c) >= 'a' && span_lower(c) <= 'z');
}

/* esmtp-keyword: a letter or digit, then those and hyphens. */
static bool
is_keyword(struct span text)
{
	if (text.length == 0 || text.data[0] == '-')
		return false;
	for (size_t i = 0; i < text.length; i++)
		if (!is_letter_or_digit(text.data[i]) && text.data[i] != '-')
			return false;
	return true;
}

/* esmtp-value: printable ASCII without space and "=". */
static bool
is_value(struct span text)
{
	if (text.length == 0)
		return false;
	for (size_t i = 0; i < text.length; i++)
		if (text.data[i] <= ' ' || text.data[i] > '~' || text.data[i] == '=')
			return false;
	return true;
}

static bool
is_upper_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

/* RFC 3461 4: a "+" begins two digits in hex; everything else stands for itself. */
static bool
is_xtext(struct span text)
{
	for (size_t i = 0; i < text.length; i++) {
		if (text.data[i] != '+')
			continue;
		if (text.length - i < 3 || !is_upper_hex(text.data[i + 1]) || !is_upper_hex(text.data[i + 2]))
			return false;
		i += 2;
	}
	return true;
}

/* Takes the next parameter off the front of *text. */
static enum params_result
take_param(struct span *text, struct param *param)
{
	struct span rest = *text;

	while (rest.length && rest.data[0] == ' ')
		rest = span_skip(rest, 1);
	param->whole = span_take(rest, span_find(rest, ' '));
	/* Something glued to the path or to the parameter before it. */
	bool has_space = rest.length < text->length;
	*text = span_skip(rest, param->whole.length);
	size_t equals = span_find(param->whole, '=');
	param->key = span_take(param->whole, equals);
	param->value = span_skip(param->whole, equals + 1);
	if (!has_space || !is_keyword(param->key))
		return PARAMS_BAD_SYNTAX;
	return equals == param->whole.length || is_value(param->value) ? PARAMS_OK : PARAMS_BAD_SYNTAX;
}

static enum params_result
set_size(struct mail_params *params, struct span value)
{
	enum { SIZE_DIGITS = 20 };

	if (params->has_size)
		return PARAMS_TWICE;
	if (value.length > SIZE_DIGITS || !span_read_decimal(value, &params->size_bytes))
		return PARAMS_BAD_VALUE;
	params->has_size = true;
	return PARAMS_OK;
}

static enum params_result
set_body(struct mail_params *params, struct span value)
{
	if (params->body != BODY_UNSAID)
		return PARAMS_TWICE;
	if (span_equal_nocase(value, SPAN("7BIT")))
		params->body = BODY_7BIT;
	else if (span_equal_nocase(value, SPAN("8BITMIME")))
		params->body = BODY_8BITMIME;
	else
		return PARAMS_BAD_VALUE;
	return PARAMS_OK;
}

/* A keyword without a value. */
static enum params_result
set_flag(bool *flag, struct span value)
{
	if (*flag)
		return PARAMS_TWICE;
	if (value.length)
		return PARAMS_BAD_VALUE;
	*flag = true;
	return PARAMS_OK;
}

/* RFC 4954 5: "<>", or an address as xtext. Nobody here believes it, so nothing of it is kept. */
static enum params_result
set_auth(struct mail_params *params, struct span value)
{
	if (params->has_auth)
		return PARAMS_TWICE;
	if (value.length == 0 || !is_xtext(value))
		return PARAMS_BAD_VALUE;
	params->has_auth = true;
	return PARAMS_OK;
}

static enum params_result
set_smtputf8(struct mail_params *params, struct span value)
{
	return set_flag(&params->is_smtputf8, value);
}

static enum params_result
set_prdr(struct mail_params *params, struct span value)
{
	return set_flag(&params->has_prdr, value);
}

static const struct mail_keyword {
	const char *key;
	enum params_result (*set)(struct mail_params *params, struct span value);
} mail_keywords[] = {
	{ "SIZE", set_size },
	{ "BODY", set_body },
	{ "AUTH", set_auth },
	{ "SMTPUTF8", set_smtputf8 },
	{ "PRDR", set_prdr },
};

static enum params_result
set_mail_param(struct mail_params *params, const struct param *param)
{
	for (size_t i = 0; i < sizeof mail_keywords / sizeof mail_keywords[0]; i++)
		if (span_equal_nocase(param->key, span_of(mail_keywords[i].key)))
			return mail_keywords[i].set(params, param->value);
	return PARAMS_UNKNOWN;
}

/* RFC 5321 4.1.1: receivers should tolerate white space at the end of a line. */
static struct span
without_trailing_space(struct span text)
{
	while (text.length && (text.data[text.length - 1] == ' ' || text.data[text.length - 1] == '\t'))
		text.length--;
	return text;
}

enum params_result
params_parse_mail(struct span text, struct mail_params *params, struct span *offender)
{
	struct mail_params found = { 0 };
	struct param param;

	text = without_trailing_space(text);
	while (text.length) {
		enum params_result result = take_param(&text, &param);

		if (result == PARAMS_OK)
			result = set_mail_param(&found, &param);
		if (result != PARAMS_OK) {
			*offender = param.whole;
			return result;
		}
	}
	*params = found;
	return PARAMS_OK;
}

enum params_result
params_parse_rcpt(struct span text, struct span *offender)
{
	struct param param;

	text = without_trailing_space(text);
	if (text.length == 0)
		return PARAMS_OK;
	enum params_result result = take_param(&text, &param);
	*offender = param.whole;
	return result == PARAMS_OK ? PARAMS_UNKNOWN : result;
}
