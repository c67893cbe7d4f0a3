/* The writer of lookup/map_write.h.
 *
 * Trust: the source has been checked.
 * On failure: see lookup/map_write.h.
 */
#include "lookup/map_write.h"

#include <cdb.h>
#include <errno.h>
#include <openssl/evp.h>

#include "lib/durable_replace.h"

enum { HEAD_BYTES = 2048, RECORD_HEAD_BYTES = 8, TABLE_BYTES_A_RECORD = 16, VALUE_BYTES = 4 << 20 };

struct writer {
	struct cdb_make cdb;
	EVP_MD_CTX *digest;
	struct buf value; /* of the record at hand */
	struct buf path;
	const struct map_entries *source;
	const struct map_flat *flat;
	struct map_totals *totals;
	bool is_broken; /* errno says why */
};

/* Writes the record whose value has been put together. */
static void
write_record(struct writer *writer, struct span key)
{
	struct span value = buf_span(&writer->value);

	if (writer->is_broken)
		return;
	if (!buf_ok(&writer->value) || !buf_ok(&writer->path) ||
	    cdb_make_add(&writer->cdb, key.data, (unsigned)key.length, value.data, (unsigned)value.length) != 0) {
		writer->is_broken = true;
		return;
	}
	writer->totals->records++;
	writer->totals->file_bytes += RECORD_HEAD_BYTES + key.length + value.length + TABLE_BYTES_A_RECORD;
}

static void
write_digested(struct writer *writer, struct span key)
{
	struct span value = buf_span(&writer->value);

	if (EVP_DigestUpdate(writer->digest, key.data, key.length) != 1 ||
	    EVP_DigestUpdate(writer->digest, value.data, value.length) != 1) {
		errno = ENOMEM;
		writer->is_broken = true;
	}
	write_record(writer, key);
	buf_reset(&writer->value);
}

static void
write_maildir(struct writer *writer, const struct map_entry *entry)
{
	struct map_mailbox mailbox = map_mailbox_of(entry, &writer->path);
	const struct map_record record = {
		.kind = MAP_KIND_DELIVER, .file = entry->file, .line = entry->line, .count = 1, .mailboxes = &mailbox
	};

	mailbox.address = span_make("", 0); /* the key says it */
	map_record_encode(entry->address, &record, &writer->value);
}

static void
write_alias(struct writer *writer, const struct map_entry *entry, const struct map_reach *reach)
{
	const struct map_record record = { .kind = MAP_KIND_DELIVER,
		.file = entry->file,
		.line = entry->line,
		.count = reach->count,
		.mailboxes = reach->mailboxes };

	map_record_encode(entry->address, &record, &writer->value);
}

static void
write_text(struct writer *writer, const struct map_entry *entry, enum map_kind kind)
{
	const struct map_record record = {
		.kind = kind, .file = entry->file, .line = entry->line, .text = entry->text
	};

	map_record_encode(entry->address, &record, &writer->value);
}

static void
write_entry(struct writer *writer, const struct map_entry *entry, const struct map_reach *reach)
{
	switch (entry->destination) {
	case MAP_TO_NOTHING:
		return;
	case MAP_TO_DOMAIN:
		map_domain_encode(entry->address, &writer->value);
		break;
	case MAP_TO_MAILDIR:
		write_maildir(writer, entry);
		break;
	case MAP_TO_ALIAS:
		write_alias(writer, entry, reach);
		break;
	case MAP_TO_REFUSE:
		write_text(writer, entry, MAP_KIND_REFUSE);
		break;
	case MAP_TO_DEFER:
		write_text(writer, entry, MAP_KIND_DEFER);
		break;
	}
	if (entry->destination != MAP_TO_DOMAIN) {
		writer->totals->entries++;
		writer->totals->addresses += !map_is_wildcard(entry->address);
	}
	write_digested(writer, entry->address);
}

static void
write_files(struct writer *writer)
{
	const struct map_entries *source = writer->source;

	for (size_t i = 0; i < source->file_count; i++) {
		char key[MAP_FILE_KEY_BYTES];

		map_file_key((unsigned)i, key);
		map_file_encode(
		    span_make(key, sizeof key), span_take(source->files[i], MAP_PATH_BYTES), &writer->value);
		write_digested(writer, span_make(key, sizeof key));
	}
}

static void
write_meta(struct writer *writer)
{
	struct span key = MAP_META_KEY;
	unsigned length = MAP_DIGEST_BYTES;

	if (EVP_DigestFinal_ex(writer->digest, writer->totals->digest, &length) != 1) {
		errno = ENOMEM;
		writer->is_broken = true;
	}
	/* Written last and of known length, it can tell the length of the whole. */
	struct map_totals whole = *writer->totals;
	whole.records++;
	whole.file_bytes += RECORD_HEAD_BYTES + key.length + MAP_META_VALUE_BYTES + TABLE_BYTES_A_RECORD;
	map_meta_encode(&whole, &writer->value);
	write_record(writer, key);
}

static bool
fill(void *context, int fd)
{
	struct writer *writer = context;
	const struct map_entries *source = writer->source;

	if (cdb_make_start(&writer->cdb, fd) != 0)
		return false;
	for (size_t i = 0; i < source->count && !writer->is_broken; i++)
		write_entry(writer, &source->entries[i], &writer->flat->of[i]);
	write_files(writer);
	write_meta(writer);
	int error = errno;
	/* It also gives the maker's memory back. */
	bool is_finished = cdb_make_finish(&writer->cdb) == 0;
	if (writer->is_broken)
		errno = error;
	return is_finished && !writer->is_broken;
}

bool
map_write(int folder, const char *name, const struct map_entries *source, const struct map_flat *flat,
    struct map_totals *totals, struct buf *why)
{
	struct writer writer = { .value = BUF_LIMIT(VALUE_BYTES),
		.path = BUF_LIMIT(MAP_PATH_BYTES),
		.digest = EVP_MD_CTX_new(),
		.source = source,
		.flat = flat,
		.totals = totals };
	bool ok = writer.digest && EVP_DigestInit_ex(writer.digest, EVP_sha256(), NULL) == 1;

	totals->addresses = totals->entries = totals->records = 0;
	totals->file_bytes = HEAD_BYTES;
	errno = ENOMEM;
	ok = ok && durable_replace(folder, name, 0644, fill, &writer) == DURABLE_REPLACED;
	int error = errno;
	EVP_MD_CTX_free(writer.digest);
	buf_free(&writer.value);
	buf_free(&writer.path);
	if (!ok)
		buf_printf(why,
		    "the map cannot be written (%s); see to the room and the rights of the folder `maps` in the state "
		    "folder",
		    strerror(error));
	return ok;
}
