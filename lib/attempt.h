/* Attempts at what the walls must make impossible, made by a twin of a process for `tidegate selftest`.
 *
 * A twin has the walls of its row of the plan and no sessions; behind them it makes one attempt and ends.
 *
 * Trust: the name comes from the master's command line.
 * On failure: an attempt that is refused is the good case.
 */
#ifndef TIDEGATE_LIB_ATTEMPT_H
#define TIDEGATE_LIB_ATTEMPT_H

enum attempt_exit {
	ATTEMPT_REFUSED = 0,   /* the kernel said no (death by SIGSYS is as good) */
	ATTEMPT_SUCCEEDED = 77,/* a wall is missing */
	ATTEMPT_UNKNOWN = 78,  /* no attempt of that name */
	ATTEMPT_NO_LOAN = 79   /* the lent descriptor that it needs was not there */
};

/* Makes the attempt; returns how the process should exit. */
enum attempt_exit attempt_run(const char *name);

#endif
