/* A commit: one message into all its mailboxes, or into none; or, with PRDR, into those of each recipient or into none
 * of them.
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
 * With PRDR each party of recipients (deliver/redeemed.h) goes through these steps for itself: what fails for one is
 * undone for that one. Only what concerns the message, the time or the journal ends the commit for all.
 *
 * Trust: none in what COMMIT says but the handles, which deliver/handles.h has redeemed.
 * On failure: an outcome and a sentence for the log; never a message in some of its mailboxes without its being
 * remembered, if it has a Message-ID or a Date.
 */
#ifndef TIDEGATE_DELIVER_COMMIT_H
#define TIDEGATE_DELIVER_COMMIT_H

#include <stdbool.h>
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
	uint32_t edge;        /* for the receipt; see deliver/receipts.h */
	bool is_by_recipient; /* each stands for itself */
};

struct commit_result {
	enum commit_outcome outcome; /* by recipient: the best of them */
	uint32_t receipt;
	uint32_t copies;                  /* put into mailboxes by this commit */
	char text[IPC_TEXT_BYTES];        /* empty when all is well */
	uint8_t outcomes[IPC_RECIPIENTS]; /* enum commit_outcome of each handle, by recipient */
	size_t outcome_count;             /* 0: not by recipient, or the commit ended for all */
};

/* Any thread, with a scratch of its own. */
void commit_run(
    const struct delivery *delivery, struct scratch *scratch, struct commit *commit, struct commit_result *result);

const char *commit_outcome_name(enum commit_outcome outcome);

#endif
