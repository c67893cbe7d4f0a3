/* How an attempt ends, and what it is lent: the words that selftest and its twins share (lib/attempt.h).
 * On failure: nothing here can fail.
 */
#ifndef TIDEGATE_LIB_ATTEMPT_TERMS_H
#define TIDEGATE_LIB_ATTEMPT_TERMS_H

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

#endif
