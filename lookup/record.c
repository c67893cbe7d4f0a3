/* The frame of lookup/record.h.
 *
 * On failure: see the header.
 */
#include "lookup/record.h"

enum { CHECKSUM_BYTES = 4 };

static uint32_t
hash_more(uint32_t hash, struct span bytes)
{
	for (size_t i = 0; i < bytes.length; i++)
		hash = (hash ^ (unsigned char)bytes.data[i]) * 16777619u;
	return hash;
}

/* FNV-1a, 32 bits: against damage, not against malice; the file is root's. */
static uint32_t
checksum(struct span key, struct span value)
{
	return hash_more(hash_more(2166136261u, key), value);
}

size_t
record_begin(struct buf *out, uint8_t version, uint8_t kind)
{
	size_t start = out->length;

	buf_append_number(out, version, 1);
	buf_append_number(out, kind, 1);
	return start;
}

void
record_end(struct buf *out, size_t start, struct span key)
{
	if (buf_ok(out))
		buf_append_number(out, checksum(key, span_skip(buf_span(out), start)), CHECKSUM_BYTES);
}

bool
record_open(struct span key, struct span value, uint8_t version, uint8_t *kind, struct span *body)
{
	uint64_t sum;

	if (value.length < RECORD_FRAME_BYTES)
		return false;
	struct span sealed = span_take(value, value.length - CHECKSUM_BYTES);
	struct span tail = span_skip(value, sealed.length);
	if (!span_take_number(&tail, CHECKSUM_BYTES, &sum) || sum != checksum(key, sealed) ||
	    (uint8_t)sealed.data[0] != version)
		return false;
	*kind = (uint8_t)sealed.data[1];
	*body = span_skip(sealed, 2);
	return true;
}
