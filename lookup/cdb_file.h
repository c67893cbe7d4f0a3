/* A compiled map of recipients or of users as a tinycdb file: mapped, its record about itself found.
 *
 * Trust: the file is root's, but may be damaged in any way; tinycdb checks every offset that it follows. It is never
 * changed in place, so it does not shrink while it is mapped.
 * On failure: why in a few words, and nothing is mapped.
 */
#ifndef TIDEGATE_LOOKUP_CDB_FILE_H
#define TIDEGATE_LOOKUP_CDB_FILE_H

#include <cdb.h>
#include <stdint.h>

#include "lib/span.h"

/* Maps the file behind fd, which stays the caller's, and finds the record of that key, which must begin with that
 * version. NULL when all is well: cdb_free() ends it, and meta points into it. */
const char *cdb_file_open(struct cdb *cdb, int fd, struct span meta_key, uint8_t version, struct span *meta);

/* Of what cdb_find() has found last. */
static inline struct span
cdb_file_value(const struct cdb *cdb)
{
	return span_make(cdb_getdata(cdb), cdb_datalen(cdb));
}

#endif
