/* PRDR, one reply to each recipient (draft-hall-prdr): when MAIL said PRDR and more than one recipient was accepted,
 * the final dot, or the last chunk, is answered by 353, then by one reply to each accepted RCPT in their order, then by
 * one to all: 250 if any of them was, else 4xx if any was, else 550.
 *
 * All mailboxes are committed before the first of these replies leaves. A verdict about the message itself is one reply
 * in place of the 353, as without PRDR.
 *
 * Trust: little in deliver: outcomes that do not fit what was asked are out of phase.
 * On failure: without memory for the outcomes the message is deferred as a whole, before anything is committed.
 */
#ifndef TIDEGATE_SMTPD_PRDR_H
#define TIDEGATE_SMTPD_PRDR_H

#include "smtpd/session.h"
#include "smtpd/transaction.h"

/* Is each recipient to be answered for itself, as far as the message gets to them? */
bool prdr_is_due(const struct transaction *transaction);
/* Keeps an accepted recipient of a transaction with PRDR, for the reply to it. False without memory. */
bool prdr_keep(struct session *session, struct span address);
/* Before the commit: room for what deliver will say of each, where that is due; so nothing that is delivered is refused
 * for want of memory. False without it. */
bool prdr_make_room(struct session *session);
/* Do deliver's outcomes fit the question? One a recipient where that is due and the message did not fail as a whole. */
bool prdr_fits(const struct transaction *transaction, const struct ipc_commit_say *say);
/* Keeps outcomes that fit. */
void prdr_take(struct message *message, struct span outcomes);

/* How many recipients were answered with 2xx, 4xx and 5xx. */
struct prdr_tally {
	unsigned delivered;
	unsigned deferred;
	unsigned refused;
};

/* Counts what the outcomes of the transaction's message come to; all 0 when it has none. */
struct prdr_tally prdr_count(const struct session *session);
/* The reply to all when not everybody has got the message. */
enum reply_id prdr_final(const struct prdr_tally *tally);
/* Says 353 and the reply to each recipient, and logs those that were not 250; nothing where none of it is due. */
void prdr_say_each(struct session *session);

#endif
