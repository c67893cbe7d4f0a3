/* The codec of lookup/map_record.h.
 *
 * Trust: none in the bytes. Pure.
 * On failure: see lookup/map_record.h.
 */
#include "lookup/map_record.h"

enum { CHECKSUM_BYTES = 4, COMPONENT_BYTES = 255, INTEGER_BYTES_MAX = 8 };

static void
put(struct buf *out, uint64_t value, unsigned bytes)
{
	char wire[INTEGER_BYTES_MAX];

	for (unsigned i = 0; i < bytes; i++)
		wire[i] = (char)(value >> (8 * (bytes - 1 - i)) & 0xff);
	buf_append(out, span_make(wire, bytes));
}

static bool
take(struct span *rest, unsigned bytes, uint64_t *value)
{
	if (rest->length < bytes)
		return false;
	*value = 0;
	for (unsigned i = 0; i < bytes; i++)
		*value = *value << 8 | (unsigned char)rest->data[i];
	*rest = span_skip(*rest, bytes);
	return true;
}

static void
put_text(struct buf *out, struct span text)
{
	put(out, text.length, 2);
	buf_append(out, text);
}

static bool
take_text(struct span *rest, size_t limit_bytes, struct span *text)
{
	uint64_t length;

	if (!take(rest, 2, &length) || length > rest->length || length > limit_bytes)
		return false;
	*text = span_take(*rest, (size_t)length);
	*rest = span_skip(*rest, (size_t)length);
	return true;
}

static bool
take_number(struct span *rest, unsigned bytes, unsigned *number)
{
	uint64_t value;

	if (!take(rest, bytes, &value))
		return false;
	*number = (unsigned)value;
	return true;
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

/* Ends a value that began at `start` of the buffer. */
static void
put_checksum(struct buf *out, size_t start, struct span key)
{
	if (buf_ok(out))
		put(out, checksum(key, span_skip(buf_span(out), start)), CHECKSUM_BYTES);
}

/* Takes version, kind and checksum off a value; false when they are wrong. */
static bool
open_value(struct span key, struct span value, struct span *body, unsigned *kind)
{
	uint64_t version;
	uint64_t sum;

	if (value.length < 2 + CHECKSUM_BYTES)
		return false;
	*body = span_take(value, value.length - CHECKSUM_BYTES);
	struct span tail = span_skip(value, body->length);
	if (!take(&tail, CHECKSUM_BYTES, &sum) || sum != checksum(key, *body))
		return false;
	return take(body, 1, &version) && version == MAP_VERSION && take_number(body, 1, kind);
}

static void
put_head(struct buf *out, enum map_kind kind)
{
	put(out, MAP_VERSION, 1);
	put(out, (unsigned)kind, 1);
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
	put(out, mailbox->root, 1);
	put_text(out, mailbox->path);
	put(out, mailbox->quota_bytes, 8);
	put(out, mailbox->line, 4);
}

static bool
take_mailbox(struct span *rest, struct map_mailbox *mailbox)
{
	if (!take_text(rest, MAP_ADDRESS_BYTES, &mailbox->address) || !take_number(rest, 1, &mailbox->root) ||
	    !take_text(rest, MAP_PATH_BYTES, &mailbox->path) || !take(rest, 8, &mailbox->quota_bytes) ||
	    !take_number(rest, 4, &mailbox->line))
		return false;
	return mailbox->root < MAP_ROOTS_MAX && map_path_is_safe(mailbox->path);
}

void
map_record_encode(struct span key, const struct map_record *record, struct buf *out)
{
	size_t start = out->length;

	put_head(out, record->kind);
	put(out, record->file, 2);
	put(out, record->line, 4);
	if (record->kind == MAP_KIND_DELIVER) {
		put(out, record->count, 2);
		for (size_t i = 0; i < record->count; i++)
			put_mailbox(out, &record->mailboxes[i]);
	} else {
		put_text(out, record->text);
	}
	put_checksum(out, start, key);
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
	unsigned kind;

	*record = (struct map_record){ 0 };
	if (!open_value(key, value, &body, &kind))
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
	size_t start = out->length;

	put_head(out, MAP_KIND_FILE);
	buf_append(out, name);
	put_checksum(out, start, key);
}

bool
map_file_decode(struct span key, struct span value, struct span *name)
{
	unsigned kind;

	return open_value(key, value, name, &kind) && kind == MAP_KIND_FILE && name->length <= MAP_PATH_BYTES;
}

void
map_domain_encode(struct span key, struct buf *out)
{
	size_t start = out->length;

	put_head(out, MAP_KIND_DOMAIN);
	put_checksum(out, start, key);
}

bool
map_domain_decode(struct span key, struct span value)
{
	struct span body;
	unsigned kind;

	return open_value(key, value, &body, &kind) && kind == MAP_KIND_DOMAIN && body.length == 0;
}

void
map_meta_encode(const struct map_totals *totals, struct buf *out)
{
	size_t start = out->length;

	put_head(out, MAP_KIND_META);
	put(out, totals->built_at_seconds, 8);
	put(out, totals->addresses, 8);
	put(out, totals->entries, 8);
	put(out, totals->records, 8);
	put(out, totals->file_bytes, 8);
	buf_append(out, span_make((const char *)totals->digest, MAP_DIGEST_BYTES));
	buf_append(out, span_make((const char *)totals->settings, MAP_DIGEST_BYTES));
	put_checksum(out, start, MAP_META_KEY);
}

bool
map_meta_decode(struct span value, struct map_totals *totals)
{
	struct span body;
	unsigned kind;

	if (value.length != MAP_META_VALUE_BYTES || !open_value(MAP_META_KEY, value, &body, &kind))
		return false;
	if (kind != MAP_KIND_META || !take(&body, 8, &totals->built_at_seconds) ||
	    !take(&body, 8, &totals->addresses) || !take(&body, 8, &totals->entries) ||
	    !take(&body, 8, &totals->records) || !take(&body, 8, &totals->file_bytes))
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
