/* What can happen to a session, one step at a time: the client, each side room and the process it lives in, in any
 * order.
 *
 * A step is an octet that names it, then its argument: so many octets, or a text up to the next 0xff (or what is left).
 *
 * On failure: BUG, by the witness or by the engine itself.
 */
#ifndef TIDEGATE_TESTS_FUZZ_SESSION_STEPS_H
#define TIDEGATE_TESTS_FUZZ_SESSION_STEPS_H

#include "tests/fuzz/session_stage.h"

/* Takes one step off the input, and has the witness look. */
void steps_take_one(struct stage *stage, struct span *input);

#endif
