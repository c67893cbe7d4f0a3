/* The edges between processes of control/children.h: a fresh one has two ends, of which each goes to a process that
 * runs, or is kept until it starts.
 *
 * Trust: ends are ours to give; which edges there are says lib/plan.c alone.
 * On failure: false with errno; a neighbour that cannot be told is logged, and finds its channel closed.
 */
#ifndef TIDEGATE_CONTROL_PROCESS_EDGES_H
#define TIDEGATE_CONTROL_PROCESS_EDGES_H

#include "control/children.h"

/* Every edge of a process that is about to start gets both its ends. */
bool process_edges_prepare(struct process *process);
/* Closes the ends of a process that are kept here: it has been given them, or will never start. */
void process_edges_close(struct process *process);

#endif
