/* Any bytes as a map record: refused, or decoded to what encodes to the very same bytes. The first byte is the length
 * of the key; "\0meta" and file keys are tried as well. A checksum that fits is put behind, else nothing would get far.
 */
#include <stdint.h>

#include "lib/bug.h"
#include "lookup/map_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct map_mailbox mailboxes[MAP_MAILBOXES_MAX];

/* The checksum of lookup/map_record.c, so that what it covers is reached. */
static void
append_checksum(struct buf *value, struct span key)
{
	uint32_t hash = 2166136261u;
	size_t length = value->length;

	for (size_t i = 0; i < key.length; i++)
		hash = (hash ^ (unsigned char)key.data[i]) * 16777619u;
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)value->data[i]) * 16777619u;
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_append_char(value, (char)(hash >> shift & 0xff));
}

static void
try_entry(struct span key, struct span value)
{
	struct map_record record;

	if (!map_record_decode(key, value, &record, mailboxes))
		return;
	struct buf again = BUF_LIMIT(8 << 20);
	map_record_encode(key, &record, &again);
	if (!span_equal(buf_span(&again), value))
		BUG("a record does not encode to what it was decoded from");
	for (size_t i = 0; i < record.count; i++)
		if (!map_path_is_safe(mailboxes[i].path))
			BUG("an unsafe path was decoded");
	buf_free(&again);
}

static void
try_meta(struct span value)
{
	struct map_totals totals;

	if (!map_meta_decode(value, &totals))
		return;
	struct buf again = BUF_LIMIT(4096);
	map_meta_encode(&totals, &again);
	if (!span_equal(buf_span(&again), value))
		BUG("a meta record does not encode to what it was decoded from");
	buf_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = span_make((const char *)data, size);
	struct buf value = BUF_LIMIT(8 << 20);
	struct span name;

	if (size < 1)
		return 0;
	struct span key = span_take(span_skip(bytes, 1), data[0]);
	struct span rest = span_skip(bytes, 1 + key.length);
	try_entry(key, rest);
	try_meta(rest);
	buf_append(&value, rest);
	append_checksum(&value, key);
	try_entry(key, buf_span(&value));
	(void)map_file_decode(key, buf_span(&value), &name);
	(void)map_domain_decode(key, buf_span(&value));
	value.length = rest.length;
	append_checksum(&value, MAP_META_KEY);
	try_meta(buf_span(&value));
	buf_free(&value);
	return 0;
}
