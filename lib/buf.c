/* The capped buffer of lib/buf.h.
 *
 * Trust: its content is anybody's; sizes are compared before they are added.
 * On failure: see lib/buf.h (sticky `failed`).
 */
#include "lib/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY_BYTES = 64 };

static void
wipe(struct buf *buf, size_t from, size_t to)
{
	if (buf->holds_secrets && buf->data)
		explicit_bzero(buf->data + from, to - from);
}

/* Moves to a greater home. realloc would leave the old one as it was. */
static char *
move_home(struct buf *buf, size_t capacity)
{
	char *grown = buf->holds_secrets ? malloc(capacity) : realloc(buf->data, capacity);

	if (grown && buf->holds_secrets && buf->data) {
		memcpy(grown, buf->data, buf->length);
		wipe(buf, 0, buf->length);
		free(buf->data);
	}
	return grown;
}

/* Takes more memory, when the budget has it. */
static bool
grow(struct buf *buf, size_t capacity)
{
	enum budget_need need = capacity <= BUF_SMALL_BYTES ? BUDGET_UNDER_WAY : BUDGET_DISPENSABLE;
	size_t more = capacity - buf->capacity;

	if (buf->budget && !budget_take(buf->budget, need, more))
		return false;
	char *grown = move_home(buf, capacity);
	if (!grown) {
		if (buf->budget)
			budget_give(buf->budget, more);
		return false;
	}
	buf->data = grown;
	buf->capacity = capacity;
	return true;
}

/* Makes room for n bytes of content and `behind` more that are none (a NUL): those do not count against the limit. */
static char *
make_room(struct buf *buf, size_t n, size_t behind)
{
	if (buf->failed)
		return NULL;
	if (n > buf->limit_bytes || buf->length > buf->limit_bytes - n || buf->length + n > SIZE_MAX - behind) {
		buf->failed = true;
		return NULL;
	}
	size_t needed = buf->length + n + behind;
	if (needed > buf->capacity || !buf->data) {
		size_t capacity = buf->capacity > buf->limit_bytes / 2 ? buf->limit_bytes : buf->capacity * 2;

		if (capacity < FIRST_CAPACITY_BYTES)
			capacity = FIRST_CAPACITY_BYTES;
		if (capacity < needed)
			capacity = needed;
		if (!grow(buf, capacity)) {
			buf->failed = true;
			return NULL;
		}
	}
	return buf->data + buf->length;
}

char *
buf_reserve(struct buf *buf, size_t n)
{
	return make_room(buf, n, 0);
}

void
buf_append(struct buf *buf, struct span bytes)
{
	if (bytes.length == 0)
		return;
	char *to = buf_reserve(buf, bytes.length);
	if (!to)
		return;
	memcpy(to, bytes.data, bytes.length);
	buf->length += bytes.length;
}

void
buf_append_text(struct buf *buf, const char *text)
{
	buf_append(buf, span_of(text));
}

void
buf_append_char(struct buf *buf, char c)
{
	buf_append(buf, span_make(&c, 1));
}

void
buf_printf(struct buf *buf, const char *format, ...)
{
	va_list arguments;
	va_list again;

	va_start(arguments, format);
	va_copy(again, arguments);
	int length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	/* vsnprintf writes a NUL too. */
	char *to = length < 0 ? NULL : make_room(buf, (size_t)length, 1);
	if (to) {
		(void)vsnprintf(to, (size_t)length + 1, format, again);
		buf->length += (size_t)length;
	} else {
		buf->failed = true;
	}
	va_end(again);
}

void
buf_append_u64(struct buf *buf, uint64_t number)
{
	char digits[20];
	size_t at = sizeof digits;

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	buf_append(buf, span_make(digits + at, sizeof digits - at));
}

void
buf_append_number(struct buf *buf, uint64_t value, unsigned bytes)
{
	char wire[sizeof value];

	for (unsigned i = 0; i < bytes; i++)
		wire[i] = (char)(value >> (8 * (bytes - 1 - i)) & 0xff);
	buf_append(buf, span_make(wire, bytes));
}

void
buf_append_escaped(struct buf *buf, struct span bytes)
{
	static const char hex[] = "0123456789abcdef";
	size_t plain = 0;

	for (size_t i = 0; i < bytes.length; i++) {
		unsigned char c = (unsigned char)bytes.data[i];

		if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\')
			continue;
		const char escape[4] = { '\\', 'x', hex[c >> 4], hex[c & 15] };
		buf_append(buf, span_make(bytes.data + plain, i - plain));
		buf_append(buf, span_make(escape, sizeof escape));
		plain = i + 1;
	}
	buf_append(buf, span_skip(bytes, plain));
}

const char *
buf_text(struct buf *buf)
{
	char *end = make_room(buf, 0, 1);

	if (!end)
		return NULL;
	*end = '\0';
	return buf->data;
}

void
buf_consume(struct buf *buf, size_t n)
{
	size_t before = buf->length;

	buf->length -= n < before ? n : before;
	if (buf->length)
		memmove(buf->data, buf->data + n, buf->length);
	wipe(buf, buf->length, before);
}

void
buf_reset(struct buf *buf)
{
	wipe(buf, 0, buf->length);
	buf->length = 0;
	buf->failed = false;
}

void
buf_free(struct buf *buf)
{
	bool holds_secrets = buf->holds_secrets;

	wipe(buf, 0, buf->length);
	free(buf->data);
	if (buf->budget)
		budget_give(buf->budget, buf->capacity);
	*buf = BUF_PAID_BY(buf->budget, buf->limit_bytes);
	buf->holds_secrets = holds_secrets;
}
