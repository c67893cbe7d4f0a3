/* The reader of lookup/users_map.h, over tinycdb, which checks every offset that it follows.
 *
 * Trust: see the header. The file is never changed in place, so it does not shrink while it is mapped.
 * On failure: see the header.
 */
#include "lookup/users_map.h"

#include <cdb.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lookup/users_record.h"

struct users_map {
	struct cdb cdb; /* owns the mapping */
	struct users_totals totals;
};

static struct span
found_value(const struct cdb *cdb)
{
	return span_make(cdb_getdata(cdb), cdb_datalen(cdb));
}

/* Why the mapped file is not a good map; NULL when it is. */
static const char *
check(struct users_map *users)
{
	struct span key = USERS_META_KEY;

	if (cdb_find(&users->cdb, key.data, (unsigned)key.length) <= 0)
		return "it has no \\0meta record: it was not made by tidegate, or is damaged";
	struct span value = found_value(&users->cdb);
	if (value.length && value.data[0] != USERS_VERSION)
		return "it was made by another version of tidegate";
	if (!users_meta_decode(value, &users->totals))
		return "its \\0meta record is damaged";
	if (users->totals.file_bytes != users->cdb.cdb_fsize)
		return "it has not the length that was written: it is truncated or was changed";
	return NULL;
}

static const char *
open_regular(struct users_map *users, int fd)
{
	struct stat facts;

	if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode))
		return "it is no regular file";
	if (facts.st_size == 0)
		return "it is empty";
	if (cdb_init(&users->cdb, fd) != 0)
		return errno == EPROTO ? "it is truncated, or no map at all" : "the system cannot map it into memory";
	const char *wrong = check(users);
	if (wrong)
		cdb_free(&users->cdb);
	return wrong;
}

struct users_map *
users_open(int fd, struct buf *why)
{
	struct users_map *users = calloc(1, sizeof *users);
	const char *wrong = users ? open_regular(users, fd) : "there is not enough memory to open it";

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
	if (found < 0 || !users_record_decode(address, found_value(&cdb), hash))
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
