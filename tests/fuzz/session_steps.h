/* What can happen to a session, one step at a time: the client, each side room and the process it lives in, in any
 * order.
 *
 * An input is a list of steps: an octet that names one, then its argument: so many octets, or a text up to the next
 * 0xff (or what is left). It begins with STEPS_SETTING_OCTETS that make the world, the listener and the client.
 *
 * On failure: BUG, by the witness or by the engine itself.
 */
#ifndef TIDEGATE_TESTS_FUZZ_SESSION_STEPS_H
#define TIDEGATE_TESTS_FUZZ_SESSION_STEPS_H

#include "tests/fuzz/session_witness.h"

enum { STEPS_SETTING_OCTETS = 4 };

/* A world with one session in it, and the witness. */
struct stage {
	struct fixture *fixture;
	struct witness witness;
	unsigned char setting[STEPS_SETTING_OCTETS];
	uint32_t last_receipt;
	bool is_traced; /* somebody looks on with tidegate trace */
};

/* Makes the world; takes its setting off the input. */
void stage_open(struct stage *stage, struct span *input);
/* Takes one step off the input, and has the witness look. */
void stage_step(struct stage *stage, struct span *input);
/* Lets time pass until the session is over, which it must be some day, and gives everything back. */
void stage_close(struct stage *stage);

#endif
