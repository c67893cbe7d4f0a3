/* The recipient map in force: notices a new one within half a second, checks it, keeps the last good one.
 *
 * The folder is looked at by a timer and not by inotify: one fstatat costs nothing, works on every file system and in
 * every container, and cannot miss a folder that was replaced.
 *
 * Trust: the file is root's, but may be anything; lookup/map_read.h checks it.
 * On failure: a map that is refused is logged once and never replaces the one in force.
 */
#ifndef TIDEGATE_CONTROL_MAP_WATCH_H
#define TIDEGATE_CONTROL_MAP_WATCH_H

#include <event2/event.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/stat.h>
#include <time.h>

#include "conf/config.h"
#include "control/state_folder.h"
#include "lib/buf.h"

enum map_state {
	MAP_ABSENT, /* there has been none yet: every recipient is deferred */
	MAP_IN_FORCE,
	MAP_REFUSED /* the file there now is refused; an older one may be in force */
};

/* What tells one version of a file from another. */
struct map_identity {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
};

struct map_identity map_identity_of(const struct stat *facts);
bool map_identity_equal(const struct map_identity *a, const struct map_identity *b);

struct map_watch {
	const struct state_folder *state;
	const struct config *config; /* not owned; a map must suit it */
	struct event *timer;
	void (*on_new)(void *context); /* a new map is in force; not called by map_watch_open() */
	void *context;
	struct map_identity seen; /* of the file looked at last */
	struct map_identity in_force;
	enum map_state file; /* what that file is */
	struct buf why;      /* for MAP_REFUSED */
	int fd;              /* the map in force; -1: none */
	uint64_t entries;    /* in it */
};

/* Takes the map that is there, if any. */
void map_watch_open(struct map_watch *watch, const struct state_folder *state, const struct config *config);
/* Begins to watch. False without memory. */
bool map_watch_start(struct map_watch *watch, struct event_base *base, void (*on_new)(void *context), void *context);
/* Looks now. */
enum map_state map_watch_look(struct map_watch *watch);
/* Would the file that is there now be taken with this configuration? True too when there is none. */
bool map_watch_would_suit(const struct map_watch *watch, const struct config *config, struct buf *why);
/* From now on maps must suit this configuration; looks again at the file that is there. */
void map_watch_set_config(struct map_watch *watch, const struct config *config);
void map_watch_close(struct map_watch *watch);

#endif
