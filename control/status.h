/* What the running server says of itself: `tidegate status` and `tidegate health`.
 *
 * Both ask every process for its counters, so that health hears from each whether it is alive.
 *
 * Trust: the counters may come from a compromised process; see control/tally.h.
 * On failure: a process that does not answer in 2 s is left out of status and named by health.
 */
#ifndef TIDEGATE_CONTROL_STATUS_H
#define TIDEGATE_CONTROL_STATUS_H

#include "control/master_state.h"

enum status_kind { STATUS_COUNTERS, STATUS_HEALTH };

/* Begins a round of questions; the asker is answered when all have spoken or time is up. */
void status_begin(struct master *master, enum status_kind kind, struct control_asker *asker);
/* A process's counters. */
void status_take(struct master *master, struct process *process, uint32_t serial, struct span text);
/* Forgets all rounds, without answers. */
void status_drop_all(struct master *master);

#endif
