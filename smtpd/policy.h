/* The verdict: one pure function from facts and configured actions to an answer. Nothing else decides.
 *
 * The stages follow the session, each judged at the earliest command where its facts are known. A session stops at
 * the first stage that does not accept; `tidegate explain` walks the same stages.
 *
 * Trust: facts may stem from anybody; a verdict is only a row of the table.
 * On failure: nothing here can fail.
 */
#ifndef TIDEGATE_SMTPD_POLICY_H
#define TIDEGATE_SMTPD_POLICY_H

#include "conf/config.h"
#include "smtpd/facts.h"
#include "smtpd/reply.h"

enum policy_stage {
	POLICY_CONNECT,   /* client (without name and HELO) */
	POLICY_AUTH,      /* client; at AUTH */
	POLICY_LOGIN,     /* client, login */
	POLICY_MAIL,      /* client, sender (without SPF) */
	POLICY_RECIPIENT, /* client, sender (without SPF), recipient (without probe) */
	POLICY_SENDER,    /* client, sender, recipient (without probe); at RCPT, when SPF is known */
	POLICY_PROBE,     /* recipient with probe */
	POLICY_TEXT,      /* message (without outcome) */
	POLICY_COMMIT     /* message with outcome */
};

enum policy_answer { POLICY_ACCEPT, POLICY_DEFER, POLICY_REFUSE, POLICY_JUNK };

struct policy_verdict {
	enum policy_answer answer;
	/* The fact behind the answer ("spf-mailfrom"); on ACCEPT the first doubt, or "" when there is none. */
	const char *because;
};

/* Judges one stage. On DEFER and REFUSE *reply is filled: its spans point into the facts, the configuration and
 * the reply itself. Otherwise *reply is untouched. */
struct policy_verdict policy_judge(
    const struct facts *facts, const struct config *config, enum policy_stage stage, struct reply *reply);

#endif
