/* Attempts at what the walls must make impossible, made by a twin of a process for `tidegate selftest`.
 *
 * A twin has the walls of its row of the plan and no sessions; behind them it makes one attempt and ends.
 *
 * Trust: the name comes from the master's command line.
 * On failure: an attempt that is refused is the good case.
 */
#ifndef TIDEGATE_LIB_ATTEMPT_H
#define TIDEGATE_LIB_ATTEMPT_H

#include <stddef.h>

#include "lib/attempt_terms.h"
#include "lib/plan.h"

/* The names of all attempts, and how many there are. */
size_t attempt_count(void);
const char *attempt_name(size_t index);
/* Is this what the process is there for, so that it proves nothing? */
bool attempt_is_its_job(enum role role, const char *name);
/* Makes the attempt "NAME:PORT:PID": PORT of 127.0.0.1 is where somebody listens, PID is a sibling process. Returns how
 * the process should exit. */
enum attempt_exit attempt_run(const char *order);

#endif
