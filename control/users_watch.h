/* The master's eye on the users: compiles the users file when it changes, and opens the compiled map when that does,
 * for tidegate-auth.
 *
 * Trust: the file is the administrator's, the map root's; a file or a map with anything wrong in it is refused.
 * On failure: a line in the log with the reason; the last good users stay in force.
 */
#ifndef TIDEGATE_CONTROL_USERS_WATCH_H
#define TIDEGATE_CONTROL_USERS_WATCH_H

#include <event2/event.h>
#include <stdbool.h>

#include "conf/config.h"
#include "control/map_watch.h"
#include "control/state_folder.h"

struct users_watch {
	const struct state_folder *state;
	const struct config *config;
	int fd;                        /* the users in force, read-only; -1: none */
	struct map_identity seen_text; /* of the users file, when it was looked at last */
	struct map_identity seen_map;
	bool is_missing_said;
	struct event *timer;
	void (*on_new)(void *context);
	void *context;
};

/* Begins with the users that can be had now. */
void users_watch_open(struct users_watch *watch, const struct state_folder *state, const struct config *config);
/* Looks again, twice a second; on_new is called when other users are in force. */
bool users_watch_start(
    struct users_watch *watch, struct event_base *base, void (*on_new)(void *context), void *context);
/* Looks at once whether anything has changed. */
void users_watch_look(struct users_watch *watch);
/* Another configuration is in force. */
void users_watch_set_config(struct users_watch *watch, const struct config *config);
void users_watch_close(struct users_watch *watch);

#endif
