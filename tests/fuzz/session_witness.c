/* The witness of tests/fuzz/session_witness.h.
 *
 * On failure: BUG.
 */
#include "tests/fuzz/session_witness.h"

#include "tests/fuzz/session_rules.h"

static bool
is_good(enum commit_outcome outcome)
{
	return outcome == COMMIT_DONE || outcome == COMMIT_DONE_BEFORE;
}

void
witness_begin(struct witness *witness, const struct fixture *fixture)
{
	*witness = (struct witness){ .fixture = fixture };
	memcpy(witness->replies, fixture->world.replies, sizeof witness->replies);
	witness->states = RULES_BEGINNING;
}

/* --- replies --- */

/* The reply that the world has counted since the last one. */
static enum reply_id
take_reply(struct witness *witness)
{
	const uint64_t *replies = witness->fixture->world.replies;
	enum reply_id found = REPLY_NONE;

	for (unsigned id = 0; id < REPLY_COUNT; id++) {
		if (replies[id] == witness->replies[id])
			continue;
		if (found != REPLY_NONE || replies[id] != witness->replies[id] + 1)
			BUG("a reply was counted that was not said");
		found = (enum reply_id)id;
		witness->replies[id]++;
	}
	if (found == REPLY_NONE)
		BUG("something was said that is no reply");
	return found;
}

/* --- messages --- */

/* The commit that was done for the message under way. */
static struct witnessed_commit *
its_commit(struct witness *witness, const struct session *session)
{
	struct witnessed_commit *commit = &witness->commit;

	if (!session->transaction || commit->transaction != session->transaction->id || !commit->is_answered)
		BUG("a good answer to a message without a commit that was answered");
	return commit;
}

static void
check_delivered(struct witness *witness, const struct session *session, enum reply_id id)
{
	struct witnessed_commit *commit = its_commit(witness, session);
	bool are_all_good = is_good(commit->outcome);

	if (!is_good(commit->outcome))
		BUG("a 250 to a message that was not delivered");
	for (size_t i = 0; i < commit->outcome_count; i++)
		are_all_good = are_all_good && is_good((enum commit_outcome)commit->outcomes[i]);
	if (are_all_good == (id == REPLY_DELIVERED_TO_SOME))
		BUG("the reply to all is not what the recipients heard");
	if (commit->is_said)
		BUG("a second 250 to one message");
	commit->is_said = true;
	if (commit->receipt == 0)
		return;
	memmove(witness->receipts, witness->receipts + 1, (SESSION_RECEIPTS - 1) * sizeof commit->receipt);
	witness->receipts[SESSION_RECEIPTS - 1] = commit->receipt;
}

/* One of the replies after 353. */
static void
check_each(struct witness *witness, const struct session *session, enum reply_id id)
{
	const struct witnessed_commit *commit = its_commit(witness, session);
	size_t i = commit->outcome_count - witness->each_left;
	bool is_taken = id == REPLY_DELIVERED_TO || id == REPLY_DELIVERED_TO_BEFORE;

	if (is_taken != is_good((enum commit_outcome)commit->outcomes[i]) || (!is_taken && reply_code(id) < 400))
		BUG("a recipient does not hear what became of its copy");
	witness->each_left--;
}

/* A refusal in place of a 250 makes the client send again what is there already. */
static void
check_refused(const struct witness *witness, const struct session *session)
{
	const struct witnessed_commit *commit = &witness->commit;
	bool is_its = session->transaction && commit->transaction == session->transaction->id;

	if (is_its && commit->is_answered && is_good(commit->outcome))
		BUG("a message that was delivered is refused");
}

static void
check_text_begins(struct witness *witness, const struct session *session)
{
	uint32_t id = session->transaction ? session->transaction->id : 0;

	if (id == 0 || id == witness->text || id == witness->commit.transaction || witness->recipients == 0)
		BUG("354 without a transaction of its own, or without a recipient");
	witness->text = id;
}

static void
check_login(struct witness *witness)
{
	if (!witness->has_passed)
		BUG("somebody is logged in whom auth has not let pass");
	witness->has_passed = false;
}

/* What a reply outside of the list after 353 means for the message. */
static void
check_message(struct witness *witness, const struct session *session, enum reply_id id)
{
	if (id == REPLY_SENDER_TAKEN)
		witness->recipients = 0;
	else if (id == REPLY_RECIPIENT_TAKEN)
		witness->recipients++;
	else if (id == REPLY_GO_AHEAD)
		check_text_begins(witness, session);
	else if (id == REPLY_LOGGED_IN)
		check_login(witness);
	else if (id == REPLY_EACH_FOLLOWS)
		witness->each_left = its_commit(witness, session)->outcome_count;
	else if (id == REPLY_DELIVERED || id == REPLY_DELIVERED_BEFORE || id == REPLY_DELIVERED_TO_SOME)
		check_delivered(witness, session, id);
	else if (id == REPLY_DELIVERED_TO || id == REPLY_DELIVERED_TO_BEFORE)
		BUG("a reply to a recipient that nothing announced");
	else if (reply_code(id) >= 400)
		check_refused(witness, session);
}

void
witness_hears(struct witness *witness, const struct session *session, struct span bytes)
{
	enum reply_id id = take_reply(witness);

	rules_check_form(bytes, id);
	witness->is_greeted = witness->is_greeted || id == REPLY_GREETING;
	if (!witness->is_greeted && reply_code(id) < 400)
		BUG("a client is answered before it was greeted");
	if (!rules_allow(witness->states, session))
		BUG("a reply in a state that nothing led to");
	if (witness->each_left) {
		check_each(witness, session, id);
		witness->states = rules_state(session);
		return;
	}
	check_message(witness, session, id);
	witness->states = rules_after(session, id);
}

/* --- questions --- */

static void
check_commit(struct witness *witness, const struct session *session, const struct ipc_commit_ask *ask)
{
	const struct transaction *transaction = session->transaction;
	const struct config *config = &witness->fixture->config;

	if (session->client.role == LISTENER_SUBMISSION && session->client.user.length == 0)
		BUG("a message of nobody on a listener for users");
	if (session->client.user.length && ask->mailfrom.length && transaction &&
	    transaction->sender.ownership != OWNERSHIP_HIS_OWN)
		BUG("a user sends as somebody else");
	if (!transaction || transaction->id != ask->transaction || ask->transaction == witness->abandoned)
		BUG("a commit for another transaction than the session's");
	if (witness->commit.transaction == ask->transaction)
		BUG("two commits of one message");
	if (session->state == SESSION_TEXT && witness->text != ask->transaction)
		BUG("a commit of a text that no 354 asked for");
	if (session->state != SESSION_TEXT && !(session->chunk.is_last && session->chunk_left == 0))
		BUG("a commit before the last octet of the last chunk");
	if (ipc_u32_count(ask->handles) != witness->recipients || witness->recipients == 0)
		BUG("a commit for others than those who were accepted");
	if (ask->by_recipient && witness->recipients == 1)
		BUG("one recipient that stands for itself");
	if (ask->body_bytes > config->max_message_size + 2)
		BUG("a commit of a message over the limit");
	if (ask->deadline_ms != witness->fixture->now_ms + config->final_reply)
		BUG("a commit with another deadline than the final reply's");
	witness->commit = (struct witnessed_commit){
		.transaction = ask->transaction, .is_each = ask->by_recipient, .recipients = witness->recipients
	};
}

static void
check_abandon(struct witness *witness, const struct ipc_abandon *abandon)
{
	if (abandon->transaction == witness->commit.transaction || abandon->transaction == witness->abandoned)
		BUG("deliver is to forget what it delivers, or has forgotten");
	witness->abandoned = abandon->transaction;
}

void
witness_sees_ask(struct witness *witness, const struct session *session, const struct ipc_message *ask)
{
	if (ask->type == IPC_PROBE_ASK) {
		if (witness->probed == ask->probe_ask.transaction)
			BUG("two probes at a time");
		witness->probed = ask->probe_ask.transaction;
	} else if (ask->type == IPC_COMMIT_ASK || ask->type == IPC_COMMIT_FD_ASK) {
		/* Both begin with the same fields. */
		check_commit(witness, session, &ask->commit_ask);
	} else if (ask->type == IPC_AUTH_ASK) {
		if (!session->client.tls.is_on || session->client.role != LISTENER_SUBMISSION)
			BUG("a password is taken in the clear, or where there are no users");
	} else if (ask->type == IPC_ABANDON) {
		check_abandon(witness, &ask->abandon);
	}
}

void
witness_sees_receipt(struct witness *witness, uint32_t receipt)
{
	size_t i = 0;

	while (i < SESSION_RECEIPTS && witness->receipts[i] != receipt)
		i++;
	if (receipt == 0 || i == SESSION_RECEIPTS)
		BUG("a receipt is settled that belongs to no 250, or twice");
	witness->receipts[i] = 0;
}

/* What is said where a password is awaited is blanked, and so is what stands behind AUTH and its mechanism. */
void
witness_sees_trace(const struct session *session, enum trace_mark mark, struct span text)
{
	bool is_blank = text.length && text.data[0] == '(';
	struct span behind = span_skip(text, SPAN("AUTH ").length);
	struct span rest = span_skip(behind, span_find(behind, ' ') + 1);

	if (mark != TRACE_CLIENT || is_blank)
		return;
	if (session->state == SESSION_AUTH)
		BUG("a response to a challenge is shown");
	if (span_starts_nocase(text, SPAN("AUTH")) && rest.length && rest.data[0] != '(')
		BUG("what stands behind AUTH is shown");
}

void
witness_sees_probe_answered(struct witness *witness)
{
	witness->probed = 0;
}

bool
witness_fits(const struct witness *witness, const struct ipc_commit_say *say)
{
	const struct witnessed_commit *commit = &witness->commit;
	unsigned best = COMMIT_REFUSED;

	if (say->outcome > COMMIT_REFUSED)
		return false;
	if (say->outcomes.length == 0)
		return !commit->is_each || !is_good(say->outcome);
	if (!commit->is_each || say->outcomes.length != commit->recipients)
		return false;
	for (size_t i = 0; i < say->outcomes.length; i++) {
		unsigned outcome = (unsigned char)say->outcomes.data[i];

		if (outcome > COMMIT_REFUSED)
			return false;
		best = outcome < best ? outcome : best;
	}
	return say->outcome == best;
}

bool
witness_awaits_commit(const struct witness *witness)
{
	const struct transaction *transaction = witness->fixture->session.transaction;

	return transaction && transaction->id == witness->commit.transaction && !witness->commit.is_answered &&
	       transaction->message && transaction->message->commit == FACT_ASKED;
}

void
witness_sees_commit_answered(struct witness *witness, const struct ipc_commit_say *say)
{
	struct witnessed_commit *commit = &witness->commit;

	if (commit->is_answered)
		BUG("a second answer to one commit was taken");
	commit->is_answered = true;
	commit->outcome = (enum commit_outcome)say->outcome;
	commit->outcome_count = say->outcomes.length;
	memcpy(commit->outcomes, say->outcomes.data, say->outcomes.length);
	commit->receipt = say->receipt;
}

void
witness_sees_login_passed(struct witness *witness)
{
	witness->has_passed = true;
}

void
witness_sees_deliver_gone(struct witness *witness)
{
	witness->probed = 0;
	memset(witness->receipts, 0, sizeof witness->receipts);
}

void
witness_sees_tls(struct witness *witness)
{
	witness->states = RULES_AFTER_TLS;
}

/* --- the session itself --- */

/* What was taken out of the budgets belongs to something. */
static void
check_budget(const struct fixture *fixture)
{
	const struct session *session = &fixture->session;
	bool has_body = session->transaction && session->transaction->message;

	if (fixture_kept_bytes(fixture) < session->input.capacity)
		BUG("bytes that wait are not paid for");
	if (!has_body && (fixture_kept_bytes(fixture) != session->input.capacity || fixture->bodies.spool_bytes))
		BUG("a session without a message holds memory or spool");
	if (session->state >= SESSION_HANDSHAKE && (session->input.length || session->transaction))
		BUG("a session that hears nothing keeps something that was said");
	if (session->state == SESSION_HANDSHAKE && session->client.helo.length)
		BUG("a name that was said in the clear is left when TLS begins");
}

static void
check_message_state(const struct session *session)
{
	const struct transaction *transaction = session->transaction;
	const struct message *message = transaction ? transaction->message : NULL;
	bool has_chunks = session->state == SESSION_BDAT || session->is_in_chunk;

	if ((session->state == SESSION_TEXT) != (message && !message->is_chunked))
		BUG("a message by DATA outside of it, or none inside");
	if (message && message->is_chunked && !has_chunks)
		BUG("a message by BDAT in another state");
	if (session->is_in_chunk && session->chunk_left == 0 && !session_is_waiting(session))
		BUG("a whole chunk is not answered");
}

void
witness_looks(struct witness *witness)
{
	const struct fixture *fixture = witness->fixture;
	const struct session *session = &fixture->session;

	if (!rules_allow(witness->states, session))
		BUG("the session is in a state that nothing led to");
	if (!witness->is_greeted && rules_hear(session))
		BUG("a client is listened to before it was greeted");
	/* Nothing but its end follows an end, and nothing but TLS a handshake. */
	witness->states = rules_state(session);
	if (witness->each_left && !rules_are_over(session))
		BUG("some recipients were not answered");
	check_budget(fixture);
	check_message_state(session);
}
