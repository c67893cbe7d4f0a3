/* One who watches a session from outside, as client, deliver and door see it, and knows the rules by itself: which
 * reply may be said in which state and where it leads, what a 250 to a message needs, what may be asked of deliver.
 *
 * It keeps a record of its own and believes nothing that the engine counts, but the state it is in and the number of
 * the reply that it gives.
 *
 * On failure: BUG, which ends the fuzzer with the input at hand.
 */
#ifndef TIDEGATE_TESTS_FUZZ_SESSION_WITNESS_H
#define TIDEGATE_TESTS_FUZZ_SESSION_WITNESS_H

#include "tests/unit/smtpd/session_fixture.h"

/* The last commit that was asked for. */
struct witnessed_commit {
	uint32_t transaction; /* 0: none yet */
	bool is_each;
	size_t recipients;
	bool is_answered;
	enum commit_outcome outcome;
	char outcomes[IPC_RECIPIENTS]; /* of each, when outcome_count says so */
	size_t outcome_count;
	uint32_t receipt;
	bool is_said; /* the client has heard 250 */
};

struct witness {
	const struct fixture *fixture;
	uint64_t replies[REPLY_COUNT]; /* as the world counted them when the last one was heard */
	unsigned states;               /* bits 1 << enum session_state: those it may be in now */
	bool is_greeted;
	unsigned recipients;                 /* accepted since the last MAIL */
	uint32_t text;                       /* the last transaction with a 354 */
	uint32_t abandoned;                  /* the last one that deliver was told to forget */
	size_t each_left;                    /* replies to recipients that are still due after a 353 */
	uint32_t probed;                     /* the transaction of the probe that waits for its answer; 0: none */
	uint32_t receipts[SESSION_RECEIPTS]; /* of the last 250s, until they are settled; 0: none */
	bool has_passed;                     /* auth has said who the user is, and the client has not heard it yet */
	struct witnessed_commit commit;
};

/* A new session is about to begin in the fixture's world. */
void witness_begin(struct witness *witness, const struct fixture *fixture);
/* The session says this to the client. */
void witness_hears(struct witness *witness, const struct session *session, struct span bytes);
/* The session asks, or tells, another process; it is there to hear it. */
void witness_sees_ask(struct witness *witness, const struct session *session, const struct ipc_message *ask);
/* The session settles a receipt. */
void witness_sees_receipt(struct witness *witness, uint32_t receipt);

/* A line of the dialogue is shown to whoever traces it. */
void witness_sees_trace(const struct session *session, enum trace_mark mark, struct span text);

/* What was asked of deliver is answered, and was taken as an answer. */
void witness_sees_probe_answered(struct witness *witness);
void witness_sees_commit_answered(struct witness *witness, const struct ipc_commit_say *say);
/* Is there a commit that waits for its answer? */
bool witness_awaits_commit(const struct witness *witness);
/* Does an answer fit the last commit: one outcome a recipient, the best of them first, where each stands for itself? */
bool witness_fits(const struct witness *witness, const struct ipc_commit_say *say);
/* Auth has said that the password is right, and was heard. */
void witness_sees_login_passed(struct witness *witness);
/* Deliver is gone, with all it was asked and all it has promised. */
void witness_sees_deliver_gone(struct witness *witness);
/* The handshake of TLS is done. */
void witness_sees_tls(struct witness *witness);

/* After each step: is the session in a state it may be in, with no more of everything than belongs there? */
void witness_looks(struct witness *witness);

#endif
