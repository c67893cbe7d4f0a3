/* The master: `tidegate run`. Reads and checks everything, starts the processes of the plan, hands the listeners to
 * the door once all are READY, watches them, reloads, and leads them to an orderly end.
 *
 * Trust: reads the administrator's files and the children's READY, DRAINED and counters; never a byte from the
 * network.
 * On failure: before it serves, a sentence in the log and exit code 1; afterwards it goes on with what it has.
 */
#ifndef TIDEGATE_CONTROL_MASTER_H
#define TIDEGATE_CONTROL_MASTER_H

#include "conf/config.h"

/* Serves until it is told to end; returns the program's exit code. Takes the configuration, which was read from
 * config_path (and is read from there again at a reload). */
int master_run(struct config *config, const char *config_path);

#endif
