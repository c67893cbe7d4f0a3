/* The compiler of lookup/users_compile.h.
 *
 * Trust: the administrator's file.
 * On failure: see the header.
 */
#include "lookup/users_compile.h"

#include <cdb.h>
#include <errno.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/durable_replace.h"
#include "lookup/users_line.h"
#include "lookup/users_record.h"
#include "lookup/users_source.h"

enum { HEAD_BYTES = 2048, RECORD_HEAD_BYTES = 8, TABLE_BYTES_A_RECORD = 16 };

const char users_map_name[] = "users.cdb";

static bool
put_record(struct cdb_make *cdb, struct span key, const struct buf *value, uint64_t *file_bytes)
{
	*file_bytes += RECORD_HEAD_BYTES + key.length + value->length + TABLE_BYTES_A_RECORD;
	return buf_ok(value) &&
	       cdb_make_add(cdb, key.data, (unsigned)key.length, value->data, (unsigned)value->length) == 0;
}

/* The class that most hashes have, as one of them: what is computed for somebody who is not there must take as long as
 * for most who are. Few classes stand in one file: each is counted against the best so far. */
static struct span
choose_stand_in(const struct users_source *source)
{
	struct span chosen = span_make("", 0);
	size_t votes = 0;

	/* Boyer and Moore's majority vote: right when more than half agree, and some user's hash otherwise. */
	for (size_t i = 0; i < source->count; i++) {
		struct span hash = source->entries[i].hash;

		if (hash.length == 0)
			continue;
		if (votes == 0)
			chosen = hash;
		if (span_equal(users_hash_class(hash), users_hash_class(chosen)))
			votes++;
		else
			votes--;
	}
	return chosen;
}

static bool
put_users(struct cdb_make *cdb, const struct users_source *source, struct users_totals *totals)
{
	struct buf value = BUF_OF_SECRETS(USERS_META_BYTES_MAX);
	bool ok = true;

	for (size_t i = 0; i < source->count && ok; i++) {
		const struct users_entry *entry = &source->entries[i];

		if (entry->hash.length == 0)
			continue;
		buf_reset(&value);
		users_record_encode(entry->address, entry->hash, &value);
		ok = put_record(cdb, entry->address, &value, &totals->file_bytes);
		totals->users++;
	}
	buf_free(&value);
	return ok;
}

/* Written last and of known length, it can tell the length of the whole. */
static bool
put_meta(struct cdb_make *cdb, struct users_totals *totals)
{
	struct span key = USERS_META_KEY;
	struct buf value = BUF_OF_SECRETS(USERS_META_BYTES_MAX);
	uint64_t ignored = 0;

	users_meta_encode(totals, &value);
	totals->file_bytes += RECORD_HEAD_BYTES + key.length + value.length + TABLE_BYTES_A_RECORD;
	buf_reset(&value);
	users_meta_encode(totals, &value);
	bool ok = put_record(cdb, key, &value, &ignored);
	buf_free(&value);
	return ok;
}

struct filling {
	const struct users_source *source;
	struct users_totals *totals;
};

static bool
fill(void *context, int fd)
{
	const struct filling *filling = context;
	struct cdb_make cdb;

	if (cdb_make_start(&cdb, fd) != 0)
		return false;
	bool ok = put_users(&cdb, filling->source, filling->totals) && put_meta(&cdb, filling->totals);
	/* It also gives the maker's memory back. */
	return cdb_make_finish(&cdb) == 0 && ok;
}

static enum users_compiled
write_map(int folder, const struct users_source *source, struct users_totals *totals, struct buf *messages)
{
	struct filling filling = { source, totals };

	totals->stand_in = choose_stand_in(source);
	if (durable_replace(folder, users_map_name, 0600, fill, &filling) == DURABLE_REPLACED)
		return USERS_COMPILED;
	buf_printf(messages,
	    "the users cannot be written (%s); see to the room and the rights of the folder `users` in the state "
	    "folder",
	    strerror(errno));
	return USERS_TROUBLE;
}

static enum users_compiled
compile_text(const char *path, bool keeps_local_case, int folder, struct span text, struct users_totals *totals,
    struct buf *messages)
{
	struct users_source source = { 0 };
	enum users_compiled outcome = USERS_TROUBLE;

	if (!users_source_parse(&source, path, text, keeps_local_case)) {
		buf_printf(messages, "%s: there is not enough memory to read it", path);
	} else if (source.problems.count) {
		problems_write(&source.problems, messages);
		outcome = USERS_MISTAKEN;
	} else {
		outcome = write_map(folder, &source, totals, messages);
	}
	users_source_free(&source);
	return outcome;
}

enum users_compiled
users_compile(const char *path, bool keeps_local_case, int folder, uint64_t *users, struct buf *messages)
{
	struct buf text = USERS_TEXT;
	struct users_totals totals = { .file_bytes = HEAD_BYTES, .built_at_seconds = clock_wall_us() / 1000000u };
	enum users_compiled outcome = USERS_MISTAKEN;

	switch (users_source_read(path, &text, messages)) {
	case USERS_READ_OK:
		outcome = compile_text(path, keeps_local_case, folder, buf_span(&text), &totals, messages);
		break;
	case USERS_READ_TROUBLE:
		outcome = USERS_TROUBLE;
		break;
	case USERS_READ_MISSING:
	case USERS_READ_REFUSED:
		break;
	}
	*users = totals.users;
	buf_free(&text);
	return outcome;
}
