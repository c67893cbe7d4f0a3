/* The master's eye on the users: compiles the users file when it changes, and opens the compiled map when that does,
 * for tidegate-auth.
 *
 * Trust: the file is the administrator's, the map root's; a file or a map with anything wrong in it is refused.
 * On failure: a line in the log with the reason; the last good users stay in force. What failed for want of room or
 * of another thing that the file is not to blame for is tried again by itself, ever more seldom.
 */
#ifndef TIDEGATE_CONTROL_USERS_WATCH_H
#define TIDEGATE_CONTROL_USERS_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/config.h"
#include "control/compiled_map.h"
#include "control/state_folder.h"

struct users_watch {
	struct compiled_map compiled;
	const struct config *config;
	struct file_identity seen_text; /* of the users file, when it was looked at last */
	uint64_t wait_ms;               /* from trouble with that file to the next attempt; 0: there was none */
	uint64_t tried_ms;              /* when, by the monotonic clock */
	bool is_missing_said;
};

/* Begins with the users that can be had now. */
void users_watch_open(struct users_watch *watch, const struct state_folder *state, const struct config *config);
/* Looks whether anything has changed. True: other users are in force. */
bool users_watch_look(struct users_watch *watch);
/* Another configuration is in force; the next look goes by it. */
void users_watch_set_config(struct users_watch *watch, const struct config *config);
void users_watch_close(struct users_watch *watch);

#endif
