/* Twins of processes for `tidegate selftest`: the same row of the plan and the same walls, no sessions, one attempt
 * each at something that must be impossible.
 *
 * Trust: a twin runs nothing but lib/attempt.c behind its walls.
 * On failure: a sentence; a twin that does not end in time is killed and counts as a failure.
 */
#ifndef TIDEGATE_CONTROL_TWIN_H
#define TIDEGATE_CONTROL_TWIN_H

#include <stdbool.h>
#include <stdint.h>

#include "control/supplies.h"
#include "lib/buf.h"

/* What the twins are lent, made on loopback. */
struct twin_loans {
	int listener;  /* the target of all attempts to connect; never accepted from */
	uint16_t port; /* where it listens */
	int resolver;  /* a UDP socket that the lent one is connected to */
};

enum twin_verdict { TWIN_REFUSED, TWIN_KILLED, TWIN_SUCCEEDED, TWIN_BROKEN };

bool twin_loans_make(struct twin_loans *loans, struct buf *why);
void twin_loans_close(struct twin_loans *loans);
/* Starts a twin, lets it make the attempt and waits for its end. how: a few words on how it ended. */
enum twin_verdict twin_try(const struct supplies *supplies, const struct twin_loans *loans, enum role role,
    const char *attempt, struct buf *how);

#endif
