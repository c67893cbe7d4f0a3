/* uthash as deliver uses it: out of memory is an error to be handled (hh.tbl is then NULL), and the hash has a secret
 * start, so that nobody outside can choose keys that all fall into one place.
 *
 * Trust: keys may be anybody's.
 * On failure: see uthash; nothing here can fail.
 */
#ifndef TIDEGATE_DELIVER_TABLE_H
#define TIDEGATE_DELIVER_TABLE_H

#include <stddef.h>

/* FNV-1a from a start that is drawn once a process. */
unsigned table_hash(const void *key, size_t length);

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(key, length, result) ((result) = table_hash((key), (length)))
#include <uthash.h>

#endif
