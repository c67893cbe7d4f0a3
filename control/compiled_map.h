/* A compiled map in the state folder, of recipients or of users: opened, checked when there is another one, and the
 * last good one kept open for the processes that read it.
 *
 * It is looked at again and again and not watched by inotify: one fstatat costs nothing, works on every file system and
 * in every container, and cannot miss a folder that was replaced.
 *
 * Trust: the file is root's, but may be anything.
 * On failure: a map that is refused is logged once and never replaces the one in force.
 */
#ifndef TIDEGATE_CONTROL_COMPILED_MAP_H
#define TIDEGATE_CONTROL_COMPILED_MAP_H

#include <stdbool.h>

#include "control/file_identity.h"
#include "lib/buf.h"

enum compiled_state {
	COMPILED_ABSENT, /* there has been none yet */
	COMPILED_IN_FORCE,
	COMPILED_REFUSED /* the file there now is refused, or gone; an older one may be in force */
};

struct compiled_map {
	int folder; /* not owned */
	const char *name;
	const char *title;  /* for the log: "recipient map" */
	const char *remedy; /* likewise: what makes a good one */
	/* Is the file behind fd, which stays the caller's, a good map? Else why, in a few words. */
	bool (*check)(void *context, int fd, struct buf *why);
	void *context;
	enum compiled_state state;
	struct file_identity seen; /* of the file looked at last */
	struct file_identity in_force;
	bool is_doubted; /* the next look checks the file, be it the one seen */
	int fd;          /* the map in force, read-only; -1: none */
};

/* Looks at the file. True: another map is in force. */
bool compiled_map_look(struct compiled_map *map);
/* What the check goes by is another one: the next look checks the file again, be it the same. */
void compiled_map_doubt(struct compiled_map *map);
/* None is in force, and none has been seen. */
void compiled_map_close(struct compiled_map *map);

#endif
