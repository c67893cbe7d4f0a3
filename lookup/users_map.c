/* The reader of lookup/users_map.h.
 *
 * Trust: see the header, and lookup/cdb_file.h.
 * On failure: see the header.
 */
#include "lookup/users_map.h"

#include <stdlib.h>
#include <unistd.h>

#include "lookup/cdb_file.h"
#include "lookup/users_record.h"

struct users_map {
	struct cdb cdb; /* owns the mapping */
	struct users_totals totals;
};

/* Why what the map says of itself does not fit it; NULL when it does. */
static const char *
check(struct users_map *users, struct span meta)
{
	if (!users_meta_decode(meta, &users->totals))
		return "its \\0meta record is damaged";
	if (users->totals.file_bytes != users->cdb.cdb_fsize)
		return "it has not the length that was written: it is truncated or was changed";
	return NULL;
}

static const char *
open_map(struct users_map *users, int fd)
{
	struct span meta;
	const char *wrong = cdb_file_open(&users->cdb, fd, USERS_META_KEY, USERS_VERSION, &meta);

	if (wrong)
		return wrong;
	wrong = check(users, meta);
	if (wrong)
		cdb_free(&users->cdb);
	return wrong;
}

struct users_map *
users_open(int fd, struct buf *why)
{
	struct users_map *users = calloc(1, sizeof *users);
	const char *wrong = users ? open_map(users, fd) : "there is not enough memory to open it";

	(void)close(fd);
	if (!wrong)
		return users;
	buf_append_text(why, wrong);
	free(users);
	return NULL;
}

enum users_find_result
users_find(const struct users_map *users, struct span address, struct span *hash)
{
	struct cdb cdb = users->cdb; /* tinycdb keeps what it found in its struct */
	int found = cdb_find(&cdb, address.data, (unsigned)address.length);

	if (found == 0)
		return USERS_NOT_FOUND;
	if (found < 0 || !users_record_decode(address, cdb_file_value(&cdb), hash))
		return USERS_BROKEN;
	return USERS_FOUND;
}

struct span
users_stand_in(const struct users_map *users)
{
	return users->totals.stand_in;
}

uint64_t
users_count(const struct users_map *users)
{
	return users->totals.users;
}

void
users_close(struct users_map *users)
{
	if (!users)
		return;
	cdb_free(&users->cdb);
	free(users);
}
