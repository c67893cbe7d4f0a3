/* The codec of lookup/users_record.h.
 *
 * Trust: none in the bytes. Pure.
 * On failure: see the header.
 */
#include "lookup/users_record.h"

#include "lookup/users_line.h"

enum { KIND_USER = 1, KIND_META = 2, HEAD_BYTES = 2, CHECKSUM_BYTES = 4, NUMBER_BYTES = 8 };

static void
put(struct buf *out, uint64_t value, unsigned bytes)
{
	for (unsigned i = bytes; i > 0; i--)
		buf_append_char(out, (char)(value >> (8 * (i - 1)) & 0xff));
}

static uint64_t
number_at(struct span bytes, size_t at, unsigned count)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < count; i++)
		value = value << 8 | (unsigned char)bytes.data[at + i];
	return value;
}

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

static void
end_value(struct buf *out, size_t start, struct span key)
{
	if (buf_ok(out))
		put(out, checksum(key, span_skip(buf_span(out), start)), CHECKSUM_BYTES);
}

/* Takes version, kind and checksum off a value; false when they are wrong. */
static bool
open_value(struct span key, struct span value, char kind, struct span *body)
{
	if (value.length < HEAD_BYTES + CHECKSUM_BYTES || value.data[0] != USERS_VERSION || value.data[1] != kind)
		return false;
	struct span sealed = span_take(value, value.length - CHECKSUM_BYTES);
	if (number_at(value, sealed.length, CHECKSUM_BYTES) != checksum(key, sealed))
		return false;
	*body = span_skip(sealed, HEAD_BYTES);
	return true;
}

void
users_record_encode(struct span key, struct span hash, struct buf *out)
{
	size_t start = out->length;

	buf_append_char(out, USERS_VERSION);
	buf_append_char(out, KIND_USER);
	buf_append(out, hash);
	end_value(out, start, key);
}

bool
users_record_decode(struct span key, struct span value, struct span *hash)
{
	return open_value(key, value, KIND_USER, hash) && hash->length > 0 && hash->length <= USERS_HASH_BYTES &&
	       span_find(*hash, '\0') == hash->length;
}

void
users_meta_encode(const struct users_totals *totals, struct buf *out)
{
	size_t start = out->length;

	buf_append_char(out, USERS_VERSION);
	buf_append_char(out, KIND_META);
	put(out, totals->built_at_seconds, NUMBER_BYTES);
	put(out, totals->users, NUMBER_BYTES);
	put(out, totals->file_bytes, NUMBER_BYTES);
	buf_append(out, totals->stand_in);
	end_value(out, start, USERS_META_KEY);
}

bool
users_meta_decode(struct span value, struct users_totals *totals)
{
	struct span body;

	if (!open_value(USERS_META_KEY, value, KIND_META, &body) || body.length < 3 * NUMBER_BYTES)
		return false;
	totals->built_at_seconds = number_at(body, 0, NUMBER_BYTES);
	totals->users = number_at(body, NUMBER_BYTES, NUMBER_BYTES);
	totals->file_bytes = number_at(body, 2 * NUMBER_BYTES, NUMBER_BYTES);
	totals->stand_in = span_skip(body, 3 * NUMBER_BYTES);
	return totals->stand_in.length <= USERS_HASH_BYTES &&
	       span_find(totals->stand_in, '\0') == totals->stand_in.length &&
	       (totals->users == 0) == (totals->stand_in.length == 0);
}
