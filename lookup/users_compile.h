/* The users file compiled into a map that tidegate-auth reads.
 *
 * Trust: the administrator's file.
 * On failure: all that is wrong with file and line; the old map is untouched and nothing is left beside it.
 */
#ifndef TIDEGATE_LOOKUP_USERS_COMPILE_H
#define TIDEGATE_LOOKUP_USERS_COMPILE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"

enum users_compiled {
	USERS_COMPILED,
	USERS_MISTAKEN, /* the file must be mended first */
	USERS_TROUBLE   /* the system could not (no room, no memory): the same file may be compiled later */
};

extern const char users_map_name[]; /* "users.cdb" */

/* Reads the file at path and writes users.cdb in folder: mode 0600, aside, fsync, rename, fsync of the folder. users:
 * how many were written. The caller sees to it that nobody else writes there at the same time. */
enum users_compiled users_compile(
    const char *path, bool keeps_local_case, int folder, uint64_t *users, struct buf *messages);

#endif
