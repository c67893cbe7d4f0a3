/* The replies of smtpd/prdr.h.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "smtpd/prdr.h"

#include <string.h>

#include "smtpd/session_engine.h"
#include "smtpd/transaction_log.h"
#include "smtpd/verbs.h"

bool
prdr_is_due(const struct transaction *transaction)
{
	return transaction->sender.wants_prdr && transaction->accepted > 1;
}

bool
prdr_keep(struct session *session, struct span address)
{
	struct transaction *transaction = session->transaction;
	struct recipient *recipient = arena_alloc(&session->transaction_arena, sizeof *recipient);

	if (!recipient || !session_keep(session, address, &recipient->address))
		return false;
	STAILQ_INSERT_TAIL(&transaction->recipients, recipient, next);
	return true;
}

bool
prdr_make_room(struct session *session)
{
	struct transaction *transaction = session->transaction;

	if (!prdr_is_due(transaction))
		return true;
	transaction->message->outcome_room = arena_alloc(&session->transaction_arena, transaction->accepted);
	return transaction->message->outcome_room != NULL;
}

void
prdr_take(struct message *message, struct span outcomes)
{
	if (outcomes.length == 0)
		return;
	memcpy(message->outcome_room, outcomes.data, outcomes.length);
	message->outcomes = span_make(message->outcome_room, outcomes.length);
}

static bool
is_good(enum commit_outcome outcome)
{
	return outcome == COMMIT_DONE || outcome == COMMIT_DONE_BEFORE;
}

static enum commit_outcome
outcome_at(struct span outcomes, size_t i)
{
	return (enum commit_outcome)(unsigned char)outcomes.data[i];
}

bool
prdr_fits(const struct transaction *transaction, const struct ipc_commit_say *say)
{
	enum commit_outcome best = COMMIT_REFUSED;

	if (!prdr_is_due(transaction))
		return say->outcomes.length == 0;
	if (say->outcomes.length == 0)
		return !is_good(say->outcome);
	if (say->outcomes.length != transaction->accepted)
		return false;
	for (size_t i = 0; i < say->outcomes.length; i++) {
		enum commit_outcome outcome = outcome_at(say->outcomes, i);

		if (outcome > COMMIT_REFUSED)
			return false;
		if (outcome < best)
			best = outcome;
	}
	return say->outcome == best;
}

struct prdr_tally
prdr_count(const struct session *session)
{
	const struct message *message = session->transaction->message;
	struct prdr_tally tally = { 0 };
	struct reply reply;

	for (size_t i = 0; message && i < message->outcomes.length; i++) {
		if (verbs_judge_outcome(session, outcome_at(message->outcomes, i), &reply))
			tally.delivered++;
		else if (reply_code(reply.id) < 500)
			tally.deferred++;
		else
			tally.refused++;
	}
	return tally;
}

enum reply_id
prdr_final(const struct prdr_tally *tally)
{
	if (tally->delivered)
		return REPLY_DELIVERED_TO_SOME;
	return tally->deferred ? REPLY_DEFERRED_FOR_ALL : REPLY_REFUSED_FOR_ALL;
}

static void
say_to(struct session *session, const struct recipient *recipient, enum commit_outcome outcome)
{
	struct reply reply = { .id = REPLY_NONE };

	if (verbs_judge_outcome(session, outcome, &reply)) {
		reply.id = outcome == COMMIT_DONE ? REPLY_DELIVERED_TO : REPLY_DELIVERED_TO_BEFORE;
		reply.details[0] = recipient->address;
	} else {
		transaction_log_refusal(
		    session, session->transaction->sender.address, recipient->address, NULL, &reply);
		session_count(&session->refusals);
	}
	session_say(session, &reply);
}

void
prdr_say_each(struct session *session)
{
	const struct transaction *transaction = session->transaction;
	const struct message *message = transaction ? transaction->message : NULL;
	struct reply begins = { .id = REPLY_EACH_FOLLOWS };

	if (!message || message->outcomes.length == 0)
		return;
	struct span outcomes = message->outcomes;
	const struct recipient *recipient = STAILQ_FIRST(&transaction->recipients);
	session_say(session, &begins);
	/* Without memory for a reply the session is over, and the transaction with it. */
	for (size_t i = 0; i < outcomes.length && session->state < SESSION_LINGERING; i++) {
		say_to(session, recipient, outcome_at(outcomes, i));
		if (session->state < SESSION_LINGERING)
			recipient = STAILQ_NEXT(recipient, next);
	}
}
