/* The stage of the session fuzzer: a world of a setting, one session at a time in it, and the witness who watches.
 *
 * An input begins with STAGE_SETTING_OCTETS that make the configuration, the side rooms that are there, the listener
 * and the client.
 *
 * On failure: BUG, by the witness or by the engine itself.
 */
#ifndef TIDEGATE_TESTS_FUZZ_SESSION_STAGE_H
#define TIDEGATE_TESTS_FUZZ_SESSION_STAGE_H

#include "tests/fuzz/session_witness.h"

enum { STAGE_SETTING_OCTETS = 4 };

struct stage {
	struct fixture *fixture;
	struct witness witness;
	unsigned char setting[STAGE_SETTING_OCTETS];
	uint32_t last_receipt;
	bool is_traced; /* somebody looks on with tidegate trace */
};

static inline struct session *
stage_session(const struct stage *stage)
{
	return &stage->fixture->session;
}

/* Makes the world, and the first client; takes its setting off the input. */
void stage_open(struct stage *stage, struct span *input);
/* A client calls; kind has its address and the listener's ways. */
void stage_connect(struct stage *stage, unsigned kind);
void stage_lose_deliver(struct stage *stage);
/* Lets time pass until the session is over, which it must be some day, and gives everything back. */
void stage_close(struct stage *stage);

#endif
