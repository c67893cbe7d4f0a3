/* The opening of lookup/cdb_file.h.
 *
 * On failure: see the header.
 */
#include "lookup/cdb_file.h"

#include <errno.h>
#include <sys/stat.h>

static const char *
find_meta(struct cdb *cdb, struct span key, uint8_t version, struct span *meta)
{
	if (cdb_find(cdb, key.data, (unsigned)key.length) <= 0)
		return "it has no \\0meta record: it was not made by tidegate, or is damaged";
	*meta = cdb_file_value(cdb);
	if (meta->length && (uint8_t)meta->data[0] != version)
		return "it was made by another version of tidegate";
	return NULL;
}

const char *
cdb_file_open(struct cdb *cdb, int fd, struct span meta_key, uint8_t version, struct span *meta)
{
	struct stat facts;

	if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode))
		return "it is no regular file";
	if (facts.st_size == 0)
		return "it is empty";
	if (cdb_init(cdb, fd) != 0)
		return errno == EPROTO ? "it is truncated, or no map at all" : "the system cannot map it into memory";
	const char *wrong = find_meta(cdb, meta_key, version, meta);
	if (wrong)
		cdb_free(cdb);
	return wrong;
}
