/* The table of deliver/unread_table.h.
 *
 * On failure: see deliver/unread_table.h.
 */
#include "deliver/unread_table.h"

#include <stdlib.h>
#include <string.h>

#include "deliver/table.h"

struct key {
	uint8_t digest[JOURNAL_DIGEST_BYTES];
	unsigned root;
	char path[JOURNAL_PATH_SIZE];
};

struct row {
	struct unread_entry entry; /* first: what callers hold */
	UT_hash_handle by_key;
	UT_hash_handle by_serial;
	size_t key_bytes;
	struct key *key; /* owned */
};

struct unread_table {
	struct row *keys;
	struct row *serials;
};

struct unread_table *
unread_table_new(void)
{
	return calloc(1, sizeof(struct unread_table));
}

size_t
unread_table_count(const struct unread_table *table)
{
	return HASH_CNT(by_key, table->keys);
}

static void
row_free(struct row *row)
{
	free(row->entry.file);
	free(row->key);
	free(row);
}

void
unread_table_remove(struct unread_table *table, struct unread_entry *entry)
{
	struct row *row = (struct row *)entry;

	HASH_DELETE(by_key, table->keys, row);
	HASH_DELETE(by_serial, table->serials, row);
	row_free(row);
}

void
unread_table_free(struct unread_table *table)
{
	if (!table)
		return;
	struct row *row = table->keys;
	HASH_CLEAR(by_serial, table->serials);
	HASH_CLEAR(by_key, table->keys);
	while (row) {
		struct row *next = row->by_key.next;

		row_free(row);
		row = next;
	}
	free(table);
}

/* How many bytes of the key count; 0 when the path is too long. */
static size_t
key_make(struct key *key, const uint8_t *digest, unsigned root, const char *path)
{
	size_t length = strlen(path);

	if (length >= sizeof key->path)
		return 0;
	memcpy(key->digest, digest, sizeof key->digest);
	key->root = root;
	memcpy(key->path, path, length + 1);
	return offsetof(struct key, path) + length;
}

static struct row *
row_new(uint64_t serial, const uint8_t *digest, unsigned root, const char *path)
{
	struct row *row = calloc(1, sizeof *row);
	struct key key;

	if (!row)
		return NULL;
	row->key_bytes = key_make(&key, digest, root, path);
	row->key = row->key_bytes ? malloc(row->key_bytes + 1) : NULL;
	if (!row->key) {
		free(row);
		return NULL;
	}
	memcpy(row->key, &key, row->key_bytes + 1);
	row->entry.serial = serial;
	memcpy(row->entry.digest, digest, sizeof row->entry.digest);
	row->entry.root = root;
	row->entry.path = (const char *)row->key + offsetof(struct key, path);
	return row;
}

struct unread_entry *
unread_table_add(struct unread_table *table, uint64_t serial, const uint8_t digest[static JOURNAL_DIGEST_BYTES],
    unsigned root, const char *path)
{
	struct row *row = row_new(serial, digest, root, path);

	if (!row)
		return NULL;
	HASH_ADD(by_serial, table->serials, entry.serial, sizeof row->entry.serial, row);
	if (!row->by_serial.tbl) {
		row_free(row);
		return NULL;
	}
	HASH_ADD_KEYPTR(by_key, table->keys, row->key, row->key_bytes, row);
	if (!row->by_key.tbl) {
		HASH_DELETE(by_serial, table->serials, row);
		row_free(row);
		return NULL;
	}
	return &row->entry;
}

bool
unread_table_name(struct unread_entry *entry, const char *file)
{
	char *copy = strdup(file);

	if (!copy)
		return false;
	free(entry->file);
	entry->file = copy;
	return true;
}

struct unread_entry *
unread_table_find(const struct unread_table *table, const uint8_t digest[static JOURNAL_DIGEST_BYTES], unsigned root,
    const char *path)
{
	struct key key;
	size_t key_bytes = key_make(&key, digest, root, path);
	struct row *row = NULL;

	if (key_bytes)
		HASH_FIND(by_key, table->keys, &key, key_bytes, row);
	return row ? &row->entry : NULL;
}

struct unread_entry *
unread_table_find_serial(const struct unread_table *table, uint64_t serial)
{
	struct row *row;

	HASH_FIND(by_serial, table->serials, &serial, sizeof serial, row);
	return row ? &row->entry : NULL;
}

struct unread_entry *
unread_table_next(const struct unread_table *table, const struct unread_entry *entry)
{
	struct row *next = entry ? ((const struct row *)entry)->by_key.next : table->keys;

	return next ? &next->entry : NULL;
}
