/* The guard before c-ares' name reader, and the way between its escapes and plain text.
 *
 * On failure: see lookup/dns_name.h; running out of memory counts as BROKEN.
 */
#include "lookup/dns_name.h"

#include <ares.h>

enum {
	JUMPS_MAX = 40,       /* c-ares gives up after 50 */
	WIRE_MAX_BYTES = 254, /* RFC 1035 2.3.4, without the root's octet */
	POINTER = 0xc0
};

static unsigned
octet_at(struct span message, size_t at)
{
	return (unsigned char)message.data[at];
}

static bool
label_has_text(struct span label)
{
	return span_find(label, '.') == label.length && span_find(label, '\0') == label.length;
}

/* Walks a name without copying it. *end: behind it; *has_text: may it be handed to c-ares. */
static bool
name_walk(struct span message, size_t at, size_t *end, bool *has_text)
{
	unsigned jumps = 0;
	size_t wire_bytes = 0;

	*has_text = true;
	while (at < message.length) {
		unsigned octet = octet_at(message, at);
		if (octet == 0) {
			*end = jumps ? *end : at + 1;
			return true;
		}
		if ((octet & POINTER) == POINTER) {
			if (message.length - at < 2 || jumps == JUMPS_MAX)
				return false;
			*end = jumps ? *end : at + 2;
			at = (size_t)(octet & ~(unsigned)POINTER) << 8 | octet_at(message, at + 1);
			jumps++;
			continue;
		}
		wire_bytes += octet + 1;
		if ((octet & POINTER) || octet >= message.length - at || wire_bytes > WIRE_MAX_BYTES)
			return false;
		*has_text = *has_text && label_has_text(span_make(message.data + at + 1, octet));
		at += octet + 1;
	}
	return false;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Undoes "\DDD" and "\x"; returns the length. */
static size_t
unescape(const char *from, char text[static DNS_NAME_BYTES])
{
	size_t length = 0;

	while (*from && length < DNS_NAME_BYTES) {
		char c = *from++;

		if (c == '\\' && is_digit(from[0]) && is_digit(from[1]) && is_digit(from[2])) {
			c = (char)((from[0] - '0') * 100 + (from[1] - '0') * 10 + (from[2] - '0'));
			from += 3;
		} else if (c == '\\' && *from) {
			c = *from++;
		}
		text[length++] = span_lower(c);
	}
	return length;
}

enum dns_name_result
dns_name_read(struct span message, size_t *at, char text[static DNS_NAME_BYTES], size_t *length)
{
	const unsigned char *bytes = (const unsigned char *)message.data;
	char *expanded = NULL;
	long wire_bytes = 0;
	size_t end = 0;
	bool has_text;

	*length = 0;
	if (!name_walk(message, *at, &end, &has_text))
		return DNS_NAME_BROKEN;
	size_t start = *at;
	*at = end;
	if (!has_text)
		return DNS_NAME_STRANGE;
	if (ares_expand_name(bytes + start, bytes, (int)message.length, &expanded, &wire_bytes) != ARES_SUCCESS)
		return DNS_NAME_BROKEN;
	*length = unescape(expanded, text);
	ares_free_string(expanded);
	return DNS_NAME_READ;
}

bool
dns_name_skip(struct span message, size_t *at)
{
	size_t end = 0;
	bool has_text;

	if (!name_walk(message, *at, &end, &has_text))
		return false;
	*at = end;
	return true;
}

bool
dns_name_escape(struct span name, char escaped[static DNS_NAME_ESCAPED_SIZE])
{
	size_t length = 0;

	if (name.length > DNS_NAME_BYTES)
		return false;
	for (size_t i = 0; i < name.length; i++) {
		if (name.data[i] == '\0')
			return false;
		if (name.data[i] == '\\')
			escaped[length++] = '\\';
		escaped[length++] = name.data[i];
	}
	escaped[length] = '\0';
	return true;
}
