/* The reader of lookup/map_read.h, over tinycdb, which checks every offset that it follows; what a record holds is
 * checked by lookup/map_record.c.
 *
 * Trust: the file is root's, but may be damaged in any way. It is never changed in place, so it does not shrink while
 * it is mapped. On failure: map_open says why; a lookup answers MAP_BROKEN.
 */
#include "lookup/map_read.h"

#include <stdlib.h>
#include <unistd.h>

#include "lookup/cdb_file.h"
#include "lookup/map_record.h"
#include "lookup/map_resolve.h"

enum { TABLES = 256, TABLE_BYTES = 8, SLOT_BYTES = 8, HEAD_BYTES = TABLES * TABLE_BYTES };

struct map {
	struct cdb cdb; /* owns the mapping; its descriptor is closed */
	struct map_meta meta;
};

static struct span
found_key(const struct cdb *cdb)
{
	return span_make(cdb_getkey(cdb), cdb_keylen(cdb));
}

/* The hash tables lie behind the records, one behind the other, up to the end of the file, with two slots a record. */
static bool
has_sane_tables(const struct cdb *cdb, const struct map_totals *totals)
{
	const unsigned char *head = cdb_get(cdb, HEAD_BYTES, 0);
	uint64_t at = cdb->cdb_dend;
	uint64_t slots = 0;

	if (!head)
		return false;
	for (unsigned i = 0; i < TABLES; i++) {
		uint64_t count = cdb_unpack(head + i * TABLE_BYTES + 4);

		if (cdb_unpack(head + i * TABLE_BYTES) != at)
			return false;
		at += count * SLOT_BYTES;
		slots += count;
	}
	return at == cdb->cdb_fsize && slots == totals->records * 2;
}

/* Why what the map says of itself does not fit it; NULL when it does. */
static const char *
check(const struct cdb *cdb, struct span meta, struct map_totals *totals)
{
	if (!map_meta_decode(meta, totals))
		return "its \\0meta record is damaged";
	if (totals->file_bytes != cdb->cdb_fsize)
		return "it has not the length that was written: it is truncated or was changed";
	if (totals->addresses > totals->entries || totals->entries >= totals->records || !has_sane_tables(cdb, totals))
		return "its tables and its counts do not fit each other: it is damaged";
	if (totals->entries == 0)
		return "it holds no address at all";
	return NULL;
}

static const char *
open_checked(struct map *map, int fd)
{
	struct map_totals totals;
	struct span meta;
	const char *wrong = cdb_file_open(&map->cdb, fd, MAP_META_KEY, MAP_VERSION, &meta);

	if (wrong)
		return wrong;
	wrong = check(&map->cdb, meta, &totals);
	if (wrong) {
		cdb_free(&map->cdb);
		return wrong;
	}
	map->meta.built_at_seconds = totals.built_at_seconds;
	map->meta.addresses = totals.addresses;
	map->meta.entries = totals.entries;
	map_digest_text(totals.digest, map->meta.digest);
	map_digest_text(totals.settings, map->meta.settings);
	return NULL;
}

struct map *
map_open(int fd, struct buf *why)
{
	struct map *map = calloc(1, sizeof *map);
	const char *wrong = map ? open_checked(map, fd) : "there is not enough memory to open it";

	(void)close(fd);
	if (!wrong)
		return map;
	buf_append_text(why, wrong);
	free(map);
	return NULL;
}

const struct map_meta *
map_meta(const struct map *map)
{
	return &map->meta;
}

/* A lookup's own view of the map: tinycdb keeps what it found in its struct. */
struct view {
	struct cdb cdb;
	struct span key; /* of the last entry found, in the map */
	struct span value;
};

static enum map_find
find_key(struct view *view, struct span key)
{
	int found = cdb_find(&view->cdb, key.data, (unsigned)key.length);

	if (found < 0)
		return MAP_FIND_BROKEN;
	return found ? MAP_FIND_HIT : MAP_FIND_NOTHING;
}

static enum map_find
find_entry(void *context, struct span key)
{
	struct view *view = context;
	enum map_find found = find_key(view, key);

	if (found == MAP_FIND_HIT) {
		view->key = found_key(&view->cdb);
		view->value = cdb_file_value(&view->cdb);
	}
	return found;
}

static enum map_find
find_domain(void *context, struct span key)
{
	struct view *view = context;
	enum map_find found = find_key(view, key);

	if (found == MAP_FIND_HIT && !map_domain_decode(key, cdb_file_value(&view->cdb)))
		return MAP_FIND_BROKEN;
	return found;
}

static void
name_file(struct view *view, unsigned file, struct map_result *result)
{
	char bytes[MAP_FILE_KEY_BYTES];
	struct span key = span_make(bytes, sizeof bytes);

	map_file_key(file, bytes);
	if (find_key(view, key) != MAP_FIND_HIT || !map_file_decode(key, cdb_file_value(&view->cdb), &result->file))
		result->file = span_make("", 0);
}

/* A mailbox without an address is the entry's own; a catch-all's is whom the client asked for. */
static void
fill_addresses(struct map_result *result, struct span asked)
{
	bool is_wildcard = map_is_wildcard(result->key);

	for (size_t i = 0; i < result->count; i++)
		if (result->mailboxes[i].address.length == 0)
			result->mailboxes[i].address = is_wildcard ? asked : result->key;
}

/* Reads the record that the view found last. */
static void
read_record(struct view *view, struct span asked, struct map_result *result)
{
	struct map_record record;

	result->verdict = MAP_BROKEN;
	if (!map_record_decode(view->key, view->value, &record, result->mailboxes))
		return;
	result->key = view->key;
	result->line = record.line;
	result->text = record.text;
	result->count = record.count;
	fill_addresses(result, asked);
	name_file(view, record.file, result);
	result->verdict = record.kind == MAP_KIND_DELIVER  ? MAP_DELIVER
			  : record.kind == MAP_KIND_REFUSE ? MAP_REFUSE
							   : MAP_DEFER;
}

void
map_lookup(const struct map *map, const struct map_rules *rules, struct span address, struct map_result *result)
{
	struct view view = { .cdb = map->cdb };
	const struct map_finder finder = { find_entry, find_domain, &view };

	/* Not the mailboxes: 60 KB to clear would cost more than the lookup. */
	result->key = result->text = result->file = span_make("", 0);
	result->line = 0;
	result->count = 0;
	switch (map_resolve(rules, address, &finder, &result->is_postmaster)) {
	case MAP_FINDS_ENTRY:
		read_record(&view, address, result);
		return;
	case MAP_FINDS_NOTHING:
		result->verdict = MAP_UNKNOWN;
		return;
	case MAP_FINDS_FOREIGN:
		result->verdict = MAP_NOT_OURS;
		return;
	case MAP_FINDS_BROKEN:
		result->verdict = MAP_BROKEN;
		return;
	}
}

void
map_close(struct map *map)
{
	if (!map)
		return;
	cdb_free(&map->cdb);
	free(map);
}
