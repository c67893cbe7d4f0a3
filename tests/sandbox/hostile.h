/* The two halves of a stand-in for tidegate-smtpd that has been taken over.
 *
 * Trust: none; that is its purpose.
 * On failure: it says "hostile: NAME silent" and ends.
 */
#ifndef TIDEGATE_TESTS_SANDBOX_HOSTILE_H
#define TIDEGATE_TESTS_SANDBOX_HOSTILE_H

#include <stdio.h>

#include "lib/ipc.h"

/* What came of an attempt. */
static inline void
hostile_say(const char *name, const char *outcome)
{
	fprintf(stderr, "hostile: %s %s\n", name, outcome);
}

/* Asks for everything that deliver must refuse. */
void hostile_ask_deliver(struct ipc_channel deliver);

#endif
