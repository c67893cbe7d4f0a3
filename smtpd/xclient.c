/* The reader of smtpd/xclient.h.
 *
 * Trust: none. Pure.
 * On failure: see the header.
 */
#include "smtpd/xclient.h"

#include <string.h>

#include "smtpd/address.h"

struct value {
	char bytes[XCLIENT_VALUE_BYTES + 1];
	size_t length;
};

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One octet of xtext: itself, or "+" and two hexadecimal digits; how many bytes it takes, 0 when it is none. */
static size_t
decode_octet(struct span text, char *octet)
{
	if (text.data[0] != '+') {
		*octet = text.data[0];
		return *octet > ' ' && *octet < 0x7f && *octet != '=' ? 1 : 0;
	}
	if (text.length < 3 || hex_digit(text.data[1]) < 0 || hex_digit(text.data[2]) < 0)
		return 0;
	*octet = (char)(hex_digit(text.data[1]) * 16 + hex_digit(text.data[2]));
	return 3;
}

static bool
decode(struct span text, struct value *value)
{
	*value = (struct value){ .length = 0 };
	while (text.length) {
		size_t taken = decode_octet(text, &value->bytes[value->length]);

		if (taken == 0 || ++value->length > XCLIENT_VALUE_BYTES)
			return false;
		text = span_skip(text, taken);
	}
	return value->length > 0;
}

static struct span
span_of_value(const struct value *value)
{
	return span_make(value->bytes, value->length);
}

static bool
is_unavailable(const struct value *value)
{
	return span_equal_nocase(span_of_value(value), SPAN("[UNAVAILABLE]")) ||
	       span_equal_nocase(span_of_value(value), SPAN("[TEMPUNAVAIL]"));
}

static bool
take_name(const struct value *value, struct xclient *xclient)
{
	if (is_unavailable(value)) {
		bool is_for_now = span_equal_nocase(span_of_value(value), SPAN("[TEMPUNAVAIL]"));

		xclient->name_kind = is_for_now ? XCLIENT_NAME_TROUBLE : XCLIENT_NAME_NONE;
		return true;
	}
	xclient->name_kind = XCLIENT_NAME_GIVEN;
	memcpy(xclient->name_text, value->bytes, sizeof xclient->name_text);
	return address_is_domain(span_of_value(value));
}

/* "192.0.2.1" or "IPV6:2001:db8::1". */
static bool
read_address(const struct value *value, struct peer_address *address)
{
	struct span text = span_of_value(value);
	struct span tag = SPAN("IPV6:");
	bool is_ipv6 = span_starts_nocase(text, tag);

	if (is_unavailable(value))
		return true;
	if (is_ipv6)
		text = span_skip(text, tag.length);
	return (span_find(text, ':') < text.length) == is_ipv6 && peer_parse_ip(text, address);
}

static bool
read_port(const struct value *value, bool *has_port, uint16_t *port)
{
	uint64_t number;

	if (is_unavailable(value))
		return true;
	if (!span_read_decimal(span_of_value(value), &number))
		return false;
	*has_port = true;
	*port = (uint16_t)number;
	return number <= UINT16_MAX;
}

static bool
take_address(const struct value *value, struct xclient *xclient)
{
	return read_address(value, &xclient->client);
}

static bool
take_called_address(const struct value *value, struct xclient *xclient)
{
	return read_address(value, &xclient->called);
}

static bool
take_port(const struct value *value, struct xclient *xclient)
{
	return read_port(value, &xclient->has_client_port, &xclient->client_port);
}

static bool
take_called_port(const struct value *value, struct xclient *xclient)
{
	return read_port(value, &xclient->has_called_port, &xclient->called_port);
}

static bool
take_protocol(const struct value *value, struct xclient *xclient)
{
	(void)xclient;
	return span_equal_nocase(span_of_value(value), SPAN("SMTP")) ||
	       span_equal_nocase(span_of_value(value), SPAN("ESMTP"));
}

/* A value that has only to be xtext. */
static bool
take_nothing(const struct value *value, struct xclient *xclient)
{
	(void)value;
	(void)xclient;
	return true;
}

static const struct attribute {
	struct span name;
	bool (*take)(const struct value *value, struct xclient *xclient);
} attributes[] = {
	{ SPAN("NAME"), take_name },
	{ SPAN("ADDR"), take_address },
	{ SPAN("PORT"), take_port },
	{ SPAN("PROTO"), take_protocol },
	{ SPAN("HELO"), take_nothing },
	{ SPAN("LOGIN"), take_nothing },
	{ SPAN("DESTADDR"), take_called_address },
	{ SPAN("DESTPORT"), take_called_port },
};

enum { ATTRIBUTES = sizeof attributes / sizeof attributes[0] };

/* Reads "NAME=value"; *seen has a bit for each attribute that was there before. */
static bool
take_attribute(struct span text, unsigned *seen, struct xclient *xclient)
{
	struct span name = span_take(text, span_find(text, '='));
	struct value value;

	for (unsigned i = 0; i < ATTRIBUTES; i++) {
		if (!span_equal_nocase(name, attributes[i].name))
			continue;
		if (*seen & 1u << i)
			return false;
		*seen |= 1u << i;
		return decode(span_skip(text, name.length + 1), &value) && attributes[i].take(&value, xclient);
	}
	return false;
}

bool
xclient_read(struct span argument, struct xclient *xclient, struct span *offender)
{
	struct xclient found = { .name_kind = XCLIENT_NAME_ABSENT };
	unsigned seen = 0;

	do {
		struct span word = span_take(argument, span_find(argument, ' '));

		if (!take_attribute(word, &seen, &found)) {
			*offender = span_take(word, span_find(word, '='));
			return false;
		}
		argument = span_trim(span_skip(argument, word.length));
	} while (argument.length);
	*xclient = found;
	return true;
}
