/* A growing buffer with a cap and an error that sticks.
 *
 * Trust: may be filled with anybody's bytes; it never grows over its limit.
 * On failure: an append that would pass the limit or the budget, or finds no memory, leaves the buffer as it was and
 * sets `failed`; later appends do nothing. Callers append freely and ask buf_ok() once, at the end.
 */
#ifndef TIDEGATE_LIB_BUF_H
#define TIDEGATE_LIB_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/budget.h"
#include "lib/span.h"

/* What a budget pays up to here belongs to something under way; what grows larger is dispensable. */
enum { BUF_SMALL_BYTES = 8192 };

struct buf {
	char *data; /* owned; NULL until something is appended */
	size_t length;
	size_t capacity;
	size_t limit_bytes;
	struct budget *budget; /* who pays for the capacity; NULL: nobody */
	bool failed;
	bool holds_secrets; /* what leaves it is overwritten: when it grows, is consumed, emptied or freed */
};

#define BUF_LIMIT(n) ((struct buf){ .limit_bytes = (n) })
#define BUF_OF_SECRETS(n) ((struct buf){ .limit_bytes = (n), .holds_secrets = true })
#define BUF_PAID_BY(payer, n) ((struct buf){ .limit_bytes = (n), .budget = (payer) })

void buf_append(struct buf *buf, struct span bytes);
void buf_append_text(struct buf *buf, const char *text);
void buf_append_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_append_u64(struct buf *buf, uint64_t number); /* decimal, without printf's cost */
/* Big-endian, in so many bytes (1 to 8); span_take_number() reads it. */
void buf_append_number(struct buf *buf, uint64_t value, unsigned bytes);
/* Appends bytes with everything but printable ASCII, '"' and '\' as they are; those as \xHH. */
void buf_append_escaped(struct buf *buf, struct span bytes);
/* Makes room for n more bytes and returns where to write them (then add to length), or NULL. */
char *buf_reserve(struct buf *buf, size_t n);
/* A NUL after the content, not counted in length; returns data, or NULL on failure. */
const char *buf_text(struct buf *buf);
/* Drops the first n bytes. */
void buf_consume(struct buf *buf, size_t n);
/* Empties it and clears `failed`; memory is kept. */
void buf_reset(struct buf *buf);
/* Empties it and gives the memory back. */
void buf_free(struct buf *buf);

static inline bool
buf_ok(const struct buf *buf)
{
	return !buf->failed;
}

static inline struct span
buf_span(const struct buf *buf)
{
	return span_make(buf->data ? buf->data : "", buf->length);
}

#endif
