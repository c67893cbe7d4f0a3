/* The recipient map in force: control/compiled_map.h, and whether a map suits the configuration.
 *
 * Trust: the file is root's, but may be anything; lookup/map_read.h checks it.
 * On failure: see control/compiled_map.h; while there is none, every recipient is deferred.
 */
#ifndef TIDEGATE_CONTROL_MAP_WATCH_H
#define TIDEGATE_CONTROL_MAP_WATCH_H

#include <stdint.h>

#include "conf/config.h"
#include "control/compiled_map.h"
#include "control/state_folder.h"

struct map_watch {
	struct compiled_map compiled;
	const struct state_folder *state;
	const struct config *config; /* not owned; a map must suit it */
	uint64_t entries;            /* in the map in force */
	uint64_t checked_entries;    /* in the one that was checked last */
};

/* Takes the map that is there, if any. The watch may not be moved from now on. */
void map_watch_open(struct map_watch *watch, const struct state_folder *state, const struct config *config);
/* Looks now. True: a new map is in force. */
bool map_watch_look(struct map_watch *watch);
/* Would the file that is there now be taken with this configuration? True too when there is none. */
bool map_watch_would_suit(const struct map_watch *watch, const struct config *config, struct buf *why);
/* From now on maps must suit this configuration; the next look checks the one that is there. */
void map_watch_set_config(struct map_watch *watch, const struct config *config);
void map_watch_close(struct map_watch *watch);

#endif
