/* The codec of lookup/users_record.h.
 *
 * Trust: none in the bytes. Pure.
 * On failure: see the header.
 */
#include "lookup/users_record.h"

#include "lookup/record.h"
#include "lookup/users_line.h"

enum { KIND_USER = 1, KIND_META = 2, NUMBER_BYTES = 8 };

void
users_record_encode(struct span key, struct span hash, struct buf *out)
{
	size_t start = record_begin(out, USERS_VERSION, KIND_USER);

	buf_append(out, hash);
	record_end(out, start, key);
}

bool
users_record_decode(struct span key, struct span value, struct span *hash)
{
	uint8_t kind;

	return record_open(key, value, USERS_VERSION, &kind, hash) && kind == KIND_USER && hash->length > 0 &&
	       hash->length <= USERS_HASH_BYTES && span_find(*hash, '\0') == hash->length;
}

void
users_meta_encode(const struct users_totals *totals, struct buf *out)
{
	size_t start = record_begin(out, USERS_VERSION, KIND_META);

	buf_append_number(out, totals->built_at_seconds, NUMBER_BYTES);
	buf_append_number(out, totals->users, NUMBER_BYTES);
	buf_append_number(out, totals->file_bytes, NUMBER_BYTES);
	buf_append(out, totals->stand_in);
	record_end(out, start, USERS_META_KEY);
}

bool
users_meta_decode(struct span value, struct users_totals *totals)
{
	struct span body;
	uint8_t kind;

	if (!record_open(USERS_META_KEY, value, USERS_VERSION, &kind, &body) || kind != KIND_META ||
	    !span_take_number(&body, NUMBER_BYTES, &totals->built_at_seconds) ||
	    !span_take_number(&body, NUMBER_BYTES, &totals->users) ||
	    !span_take_number(&body, NUMBER_BYTES, &totals->file_bytes))
		return false;
	totals->stand_in = body;
	return body.length <= USERS_HASH_BYTES && span_find(body, '\0') == body.length &&
	       (totals->users == 0) == (body.length == 0);
}
