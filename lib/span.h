/* A view of bytes that somebody else owns. Never NUL-terminated by promise.
 *
 * Trust: the bytes may come from anybody; a span says nothing about them.
 * On failure: nothing here can fail.
 */
#ifndef TIDEGATE_LIB_SPAN_H
#define TIDEGATE_LIB_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const char *data;
	size_t length;
};

/* A span over a string literal (without its NUL). */
#define SPAN(literal) ((struct span){ (literal), sizeof(literal) - 1 })
/* The two arguments of printf's "%.*s". Only for bytes known to be printable. */
#define SPAN_ARG(s) (int)(s).length, (s).data

static inline struct span
span_make(const char *data, size_t length)
{
	return (struct span){ data, length };
}

/* A span over a C string that outlives it. */
static inline struct span
span_of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

static inline char
span_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static inline bool
span_equal(struct span a, struct span b)
{
	return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

/* Equal but for the case of ASCII letters. */
static inline bool
span_equal_nocase(struct span a, struct span b)
{
	if (a.length != b.length)
		return false;
	for (size_t i = 0; i < a.length; i++)
		if (span_lower(a.data[i]) != span_lower(b.data[i]))
			return false;
	return true;
}

static inline bool
span_starts_nocase(struct span s, struct span prefix)
{
	return s.length >= prefix.length && span_equal_nocase(span_make(s.data, prefix.length), prefix);
}

/* Is no byte over 127? Eight at a time: this stands before everything that ASCII need not pay for. */
static inline bool
span_is_ascii(struct span s)
{
	uint64_t high = 0;
	size_t at = 0;

	for (; s.length - at >= sizeof high; at += sizeof high) {
		uint64_t word;

		memcpy(&word, s.data + at, sizeof word);
		high |= word;
	}
	for (; at < s.length; at++)
		high |= (uint64_t)(unsigned char)s.data[at];
	return (high & 0x8080808080808080u) == 0;
}

/* What is left of s after its first n bytes; empty when it has no more. */
static inline struct span
span_skip(struct span s, size_t n)
{
	return n >= s.length ? span_make(s.data, 0) : span_make(s.data + n, s.length - n);
}

/* The first n bytes of s, or all of it when it is shorter. */
static inline struct span
span_take(struct span s, size_t n)
{
	return n >= s.length ? s : span_make(s.data, n);
}

/* Position of the first c in s, or s.length when there is none. */
static inline size_t
span_find(struct span s, char c)
{
	const char *p = s.length ? memchr(s.data, c, s.length) : NULL;

	return p ? (size_t)(p - s.data) : s.length;
}

/* Takes a big-endian number of so many bytes (1 to 8) off the front; false, and nothing is taken, when there are fewer.
 */
static inline bool
span_take_number(struct span *rest, unsigned bytes, uint64_t *value)
{
	uint64_t result = 0;

	if (rest->length < bytes)
		return false;
	for (unsigned i = 0; i < bytes; i++)
		result = result << 8 | (unsigned char)rest->data[i];
	*rest = span_skip(*rest, bytes);
	*value = result;
	return true;
}

/* Reads a decimal number: digits, one at least, and nothing else. One that is too large for *number is UINT64_MAX. */
static inline bool
span_read_decimal(struct span digits, uint64_t *number)
{
	uint64_t value = 0;

	for (size_t i = 0; i < digits.length; i++) {
		if (digits.data[i] < '0' || digits.data[i] > '9')
			return false;
		unsigned digit = (unsigned)(digits.data[i] - '0');
		value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : value * 10 + digit;
	}
	*number = value;
	return digits.length > 0;
}

/* s without spaces and tabs at either end. */
static inline struct span
span_trim(struct span s)
{
	while (s.length && (s.data[0] == ' ' || s.data[0] == '\t'))
		s = span_skip(s, 1);
	while (s.length && (s.data[s.length - 1] == ' ' || s.data[s.length - 1] == '\t'))
		s.length--;
	return s;
}

#endif
