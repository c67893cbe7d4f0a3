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

#include "lib/plan.h"

enum attempt_exit {
	ATTEMPT_REFUSED = 0,    /* the kernel said no (death by SIGSYS is as good) */
	ATTEMPT_SUCCEEDED = 77, /* a wall is missing */
	ATTEMPT_UNKNOWN = 78,   /* no attempt of that name */
	ATTEMPT_NO_LOAN = 79    /* the lent descriptor that it needs was not there */
};

/* What a twin is lent besides the descriptors of its row. */
enum attempt_loan {
	LOAN_TCP = FD_EDGES_END, /* a TCP socket, not connected */
	LOAN_UDP,                /* a UDP socket, connected to a resolver */
	LOAN_REFUSED,            /* a TCP socket whose connection was refused */
	LOAN_LISTENER,           /* the door only: a listening socket */
	LOAN_END
};

/* The names of all attempts, and how many there are. */
size_t attempt_count(void);
const char *attempt_name(size_t index);
/* Is this what the process is there for, so that it proves nothing? */
bool attempt_is_its_job(enum role role, const char *name);
/* Makes the attempt "NAME:PORT:PID": PORT of 127.0.0.1 is where somebody listens, PID is a sibling process. Returns how
 * the process should exit. */
enum attempt_exit attempt_run(const char *order);

#endif
