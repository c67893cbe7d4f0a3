/* The work behind one question of an smtpd: from SPF_ASK or NAME_ASK, and the DNS answers known so far, to SPF_SAY or
 * NAME_SAY.
 *
 * Trust: the question is an smtpd's, the answers are the Internet's; what goes back fits its message.
 * On failure: without memory or time the identities not checked yet are temperror, a name is IPREV_TROUBLE.
 */
#ifndef TIDEGATE_LOOKUP_DNS_WORK_H
#define TIDEGATE_LOOKUP_DNS_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/ipc.h"
#include "lookup/iprev.h"
#include "lookup/replay.h"
#include "lookup/spf_check.h"

enum { DNS_WORK_IDENTITIES = 2 };

struct dns_work_identity {
	struct spf_question question;
	struct spf_verdict verdict;
	bool is_done;
};

struct dns_work {
	enum ipc_type type; /* IPC_SPF_ASK or IPC_NAME_ASK */
	uint32_t session;
	uint32_t transaction;
	uint64_t started_us;
	struct arena arena;                                       /* its texts */
	struct dns_work_identity identities[DNS_WORK_IDENTITIES]; /* SPF_ASK: HELO, MAIL FROM */
	struct peer_address client;                               /* NAME_ASK */
	struct iprev_verdict name;                                /* NAME_ASK */
};

/* Takes a question, SPF_ASK or NAME_ASK; its texts are copied. hostname: ours, for %{r} in explanations. False without
 * memory: dns_work_give_up() and dns_work_answer() still work. */
bool dns_work_begin(struct dns_work *work, const struct ipc_message *ask, struct span hostname);
/* Runs what has no result yet. True: all have theirs. False: answers are missing. */
bool dns_work_run(struct dns_work *work, struct replay *replay);
/* Ends what has no result yet. problem: one sentence. */
void dns_work_give_up(struct dns_work *work, const char *problem, bool resolver_down);
/* The answer; its spans point into work and the replay. */
void dns_work_answer(const struct dns_work *work, struct ipc_message *say);
/* Gives its memory back. */
void dns_work_end(struct dns_work *work);

#endif
