/* A state folder for a command that may change nothing: made for the moment among the temporary files, and removed.
 *
 * Trust: as the state folder's (control/state_folder.h): what processes put into its spool and journal is only
 * unlinked. On failure: a sentence that says what to do; nothing is left behind but what could not be removed.
 */
#ifndef TIDEGATE_CONTROL_SCRATCH_STATE_H
#define TIDEGATE_CONTROL_SCRATCH_STATE_H

#include <stdbool.h>

#include "control/state_folder.h"

enum { SCRATCH_PATH_BYTES = 256 };

struct scratch_state {
	char path[SCRATCH_PATH_BYTES]; /* empty: there is none */
};

/* Makes and opens one, in $TMPDIR or the first usable of /tmp, /dev/shm, /var/tmp. */
bool scratch_state_open(
    struct scratch_state *scratch, const struct accounts *accounts, struct state_folder *state, struct buf *why);
/* Removes it, while state is still open and after its processes have ended. */
void scratch_state_remove(struct scratch_state *scratch, const struct state_folder *state);

#endif
