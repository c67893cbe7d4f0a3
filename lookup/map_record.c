/* The codec of lookup/map_record.h.
 *
 * Trust: none in the bytes. Pure.
 * On failure: see lookup/map_record.h.
 */
#include "lookup/map_record.h"

enum { COMPONENT_BYTES = 255 };

static void
put_text(struct buf *out, struct span text)
{
	buf_append_number(out, text.length, 2);
	buf_append(out, text);
}

static bool
take_text(struct span *rest, size_t limit_bytes, struct span *text)
{
	uint64_t length;

	if (!span_take_number(rest, 2, &length) || length > rest->length || length > limit_bytes)
		return false;
	*text = span_take(*rest, (size_t)length);
	*rest = span_skip(*rest, (size_t)length);
	return true;
}

static bool
take_number(struct span *rest, unsigned bytes, unsigned *number)
{
	uint64_t value;

	if (!span_take_number(rest, bytes, &value))
		return false;
	*number = (unsigned)value;
	return true;
}

bool
map_path_is_safe(struct span path)
{
	if (path.length == 0 || path.length > MAP_PATH_BYTES || span_find(path, '\0') < path.length)
		return false;
	for (;;) {
		size_t length = span_find(path, '/');
		struct span component = span_take(path, length);

		if (length == 0 || length > COMPONENT_BYTES || span_equal(component, SPAN(".")) ||
		    span_equal(component, SPAN("..")))
			return false;
		if (length == path.length)
			return true;
		path = span_skip(path, length + 1);
	}
}

static void
put_mailbox(struct buf *out, const struct map_mailbox *mailbox)
{
	put_text(out, mailbox->address);
	buf_append_number(out, mailbox->root, 1);
	put_text(out, mailbox->path);
	buf_append_number(out, mailbox->quota_bytes, 8);
	buf_append_number(out, mailbox->line, 4);
}

static bool
take_mailbox(struct span *rest, struct map_mailbox *mailbox)
{
	if (!take_text(rest, MAP_ADDRESS_BYTES, &mailbox->address) || !take_number(rest, 1, &mailbox->root) ||
	    !take_text(rest, MAP_PATH_BYTES, &mailbox->path) || !span_take_number(rest, 8, &mailbox->quota_bytes) ||
	    !take_number(rest, 4, &mailbox->line))
		return false;
	return mailbox->root < MAP_ROOTS_MAX && map_path_is_safe(mailbox->path);
}

void
map_record_encode(struct span key, const struct map_record *record, struct buf *out)
{
	size_t start = record_begin(out, MAP_VERSION, (uint8_t)record->kind);

	buf_append_number(out, record->file, 2);
	buf_append_number(out, record->line, 4);
	if (record->kind == MAP_KIND_DELIVER) {
		buf_append_number(out, record->count, 2);
		for (size_t i = 0; i < record->count; i++)
			put_mailbox(out, &record->mailboxes[i]);
	} else {
		put_text(out, record->text);
	}
	record_end(out, start, key);
}

static bool
take_mailboxes(struct span *rest, struct map_record *record, struct map_mailbox *mailboxes)
{
	unsigned count;

	if (!take_number(rest, 2, &count) || count == 0 || count > MAP_MAILBOXES_MAX)
		return false;
	record->count = count;
	record->mailboxes = mailboxes;
	for (size_t i = 0; i < count; i++)
		if (!take_mailbox(rest, &mailboxes[i]))
			return false;
	return rest->length == 0;
}

bool
map_record_decode(struct span key, struct span value, struct map_record *record, struct map_mailbox *mailboxes)
{
	struct span body;
	uint8_t kind;

	*record = (struct map_record){ 0 };
	if (!record_open(key, value, MAP_VERSION, &kind, &body))
		return false;
	if (kind != MAP_KIND_DELIVER && kind != MAP_KIND_REFUSE && kind != MAP_KIND_DEFER)
		return false;
	record->kind = (enum map_kind)kind;
	if (!take_number(&body, 2, &record->file) || !take_number(&body, 4, &record->line))
		return false;
	if (record->kind == MAP_KIND_DELIVER)
		return take_mailboxes(&body, record, mailboxes);
	return take_text(&body, MAP_TEXT_BYTES, &record->text) && body.length == 0;
}

void
map_file_key(unsigned file, char key[static MAP_FILE_KEY_BYTES])
{
	const char bytes[MAP_FILE_KEY_BYTES] = { '\0', 'f', 'i', 'l', 'e', (char)(file >> 8 & 0xff),
		(char)(file & 0xff) };

	memcpy(key, bytes, sizeof bytes);
}

void
map_file_encode(struct span key, struct span name, struct buf *out)
{
	size_t start = record_begin(out, MAP_VERSION, MAP_KIND_FILE);

	buf_append(out, name);
	record_end(out, start, key);
}

bool
map_file_decode(struct span key, struct span value, struct span *name)
{
	uint8_t kind;

	return record_open(key, value, MAP_VERSION, &kind, name) && kind == MAP_KIND_FILE &&
	       name->length <= MAP_PATH_BYTES;
}

void
map_domain_encode(struct span key, struct buf *out)
{
	size_t start = record_begin(out, MAP_VERSION, MAP_KIND_DOMAIN);

	record_end(out, start, key);
}

bool
map_domain_decode(struct span key, struct span value)
{
	struct span body;
	uint8_t kind;

	return record_open(key, value, MAP_VERSION, &kind, &body) && kind == MAP_KIND_DOMAIN && body.length == 0;
}

void
map_meta_encode(const struct map_totals *totals, struct buf *out)
{
	size_t start = record_begin(out, MAP_VERSION, MAP_KIND_META);

	buf_append_number(out, totals->built_at_seconds, 8);
	buf_append_number(out, totals->addresses, 8);
	buf_append_number(out, totals->entries, 8);
	buf_append_number(out, totals->records, 8);
	buf_append_number(out, totals->file_bytes, 8);
	buf_append(out, span_make((const char *)totals->digest, MAP_DIGEST_BYTES));
	buf_append(out, span_make((const char *)totals->settings, MAP_DIGEST_BYTES));
	record_end(out, start, MAP_META_KEY);
}

bool
map_meta_decode(struct span value, struct map_totals *totals)
{
	struct span body;
	uint8_t kind;

	if (value.length != MAP_META_VALUE_BYTES || !record_open(MAP_META_KEY, value, MAP_VERSION, &kind, &body))
		return false;
	if (kind != MAP_KIND_META || !span_take_number(&body, 8, &totals->built_at_seconds) ||
	    !span_take_number(&body, 8, &totals->addresses) || !span_take_number(&body, 8, &totals->entries) ||
	    !span_take_number(&body, 8, &totals->records) || !span_take_number(&body, 8, &totals->file_bytes))
		return false;
	memcpy(totals->digest, body.data, MAP_DIGEST_BYTES);
	memcpy(totals->settings, body.data + MAP_DIGEST_BYTES, MAP_DIGEST_BYTES);
	return true;
}

void
map_digest_text(const unsigned char digest[static MAP_DIGEST_BYTES], char text[static 2 * MAP_DIGEST_BYTES + 1])
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < MAP_DIGEST_BYTES; i++) {
		*text++ = hex[digest[i] >> 4];
		*text++ = hex[digest[i] & 15];
	}
	*text = '\0';
}
