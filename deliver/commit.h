/* A commit: one message into all its mailboxes, or into none.
 *
 *   judge     the body is what COMMIT says, and beyond change
 *   reserve   each (message, mailbox) in the unread-250 set; those delivered before are skipped
 *   prepare   every copy into tmp/, fsynced
 *   claim     the deadline has not passed, and smtpd has not given up: from here on it waits
 *   record    all copies in the unread-250 journal
 *   move      every copy into new/, then fsync each new/ once
 *
 * A failure up to `record` removes what is in tmp/. A failure after it takes back what is still in new/; copies that a
 * reader has already taken stay in the unread-250 set, so that the retry skips them.
 *
 * Trust: none in what COMMIT says but the handles, which deliver/handles.h has redeemed.
 * On failure: an outcome and a sentence for the log; never a message in some of its mailboxes without its being
 * remembered, if it has a Message-ID or a Date.
 */
#ifndef TIDEGATE_DELIVER_COMMIT_H
#define TIDEGATE_DELIVER_COMMIT_H

#include <stdint.h>

#include "deliver/copy.h"
#include "deliver/handles.h"
#include "lib/claim.h"
#include "lib/ipc_messages.h"

struct commit {
	struct redeemed redeemed; /* owns, by its arena, all that spans below point to */
	struct message message;
	uint64_t deadline_ms; /* CLOCK_MONOTONIC */
	struct claim_page *claims;
	uint32_t claim_slot;
	uint32_t edge; /* for the receipt; see deliver/receipts.h */
};

struct commit_result {
	enum commit_outcome outcome;
	uint32_t receipt;
	uint32_t copies;           /* put into mailboxes by this commit */
	char text[IPC_TEXT_BYTES]; /* empty when all is well */
};

/* Any thread, with a scratch of its own. */
void commit_run(
    const struct delivery *delivery, struct scratch *scratch, struct commit *commit, struct commit_result *result);
/* Afterwards, with no hurry: sweeps tmp/ of a mailbox that the commit has met for the first time. */
void commit_sweep(const struct delivery *delivery, const struct commit *commit);

const char *commit_outcome_name(enum commit_outcome outcome);

#endif
