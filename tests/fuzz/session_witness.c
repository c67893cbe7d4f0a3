/* The witness of tests/fuzz/session_witness.h.
 *
 * On failure: BUG.
 */
#include "tests/fuzz/session_witness.h"

enum {
	GREETED = 1 << SESSION_GREETED,
	READY = 1 << SESSION_READY,
	MAIL = 1 << SESSION_MAIL,
	RCPT = 1 << SESSION_RCPT,
	BDAT = 1 << SESSION_BDAT,
	SPOILT = 1 << SESSION_SPOILT,
	TEXT = 1 << SESSION_TEXT,
	AUTH = 1 << SESSION_AUTH,
	PROXY = 1 << SESSION_PROXY,
	SILENT = 1 << SESSION_SILENT,
	HANDSHAKE = 1 << SESSION_HANDSHAKE,
	OVER = 1 << SESSION_LINGERING | 1 << SESSION_CLOSED,
	HELLOED = READY | MAIL | RCPT | BDAT | SPOILT,
	COMMANDS = GREETED | HELLOED,
	MESSAGE = TEXT | RCPT | BDAT,
	SAME = 0 /* the state stays */
};

/* Where a reply that leads on may be said, and where it leads: the protocol once more (RFC 5321 4.1.4, RFC 3030,
 * RFC 3207, RFC 4954), written down apart from the engine's table. The first row that fits wins. */
static const struct progress {
	enum reply_id reply;
	unsigned states;
	unsigned after;
} progresses[] = {
	/* Also to XCLIENT, which begins anew. */
	{ REPLY_GREETING, GREETED | READY, GREETED },
	{ REPLY_HELO, COMMANDS, READY },
	{ REPLY_EHLO, COMMANDS, READY },
	{ REPLY_RESET, GREETED, SAME },
	{ REPLY_RESET, HELLOED, READY },
	{ REPLY_NOOP, COMMANDS, SAME },
	{ REPLY_VRFY, COMMANDS, SAME },
	{ REPLY_HELP, COMMANDS, SAME },
	{ REPLY_TLS_GO_AHEAD, GREETED | READY, HANDSHAKE },
	{ REPLY_CHALLENGE, READY | AUTH, AUTH },
	{ REPLY_LOGGED_IN, AUTH, READY },
	{ REPLY_SENDER_TAKEN, READY, MAIL },
	{ REPLY_RECIPIENT_TAKEN, MAIL | RCPT, RCPT },
	{ REPLY_GO_AHEAD, RCPT, TEXT },
	{ REPLY_CHUNK_TAKEN, RCPT | BDAT, BDAT },
	{ REPLY_EACH_FOLLOWS, MESSAGE, SAME },
	{ REPLY_DELIVERED_TO, MESSAGE, SAME },
	{ REPLY_DELIVERED_TO_BEFORE, MESSAGE, SAME },
	{ REPLY_DELIVERED, MESSAGE, READY },
	{ REPLY_DELIVERED_BEFORE, MESSAGE, READY },
	{ REPLY_DELIVERED_TO_SOME, MESSAGE, READY },
	{ REPLY_GOODBYE, COMMANDS, OVER },
	/* What cannot be told from what follows, or is endless, ends the session, as every 421 does. */
	{ REPLY_EARLY_TALKER, SILENT, OVER },
	{ REPLY_BROKEN_LINE, COMMANDS | AUTH, OVER },
	{ REPLY_ENDLESS_LINE, COMMANDS | AUTH, OVER },
	{ REPLY_BAD_CHUNK, COMMANDS, OVER },
	{ REPLY_ENDLESS_MESSAGE, COMMANDS | TEXT, OVER },
};

static unsigned
state_of(const struct session *session)
{
	return 1u << session->state;
}

/* States that a state leads to without a reply: AUTH with an initial response is answered when that has been looked at;
 * behind a proxy nothing is said before the client is known. */
static unsigned
with_silent_ones(unsigned states)
{
	if (states & READY)
		states |= AUTH;
	if (states & PROXY)
		states |= SILENT | GREETED | HANDSHAKE;
	if (states & SILENT)
		states |= GREETED;
	return states;
}

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
	witness->states = GREETED | SILENT | HANDSHAKE | PROXY | OVER;
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

/* "250-text" or "250 text" (RFC 5321 4.2), in ASCII that can be seen, with the reply's own code. */
static void
check_line(struct span line, enum reply_id id, bool is_last)
{
	char code[4];

	(void)snprintf(code, sizeof code, "%u", reply_code(id));
	if (line.length + 2 > REPLY_LINE_BYTES || line.length < 4)
		BUG("a reply has a line that is too long, or none");
	if (memcmp(line.data, code, 3) != 0 || line.data[3] != (is_last ? ' ' : '-'))
		BUG("a line of a reply does not begin with its code");
	for (size_t i = 0; i < line.length; i++)
		if (line.data[i] < ' ' || line.data[i] > '~')
			BUG("a reply holds an octet that is not printable ASCII");
}

static void
check_form(struct span bytes, enum reply_id id)
{
	do {
		struct span line = span_take(bytes, span_find(bytes, '\r'));

		bytes = span_skip(bytes, line.length);
		if (bytes.length < 2 || bytes.data[1] != '\n')
			BUG("a line of a reply does not end in CRLF");
		bytes = span_skip(bytes, 2);
		check_line(line, id, bytes.length == 0);
	} while (bytes.length);
}

/* Where a refusal leads: nowhere, unless it ends a message or spoils one. Any may end the session. */
static unsigned
after_refusal(const struct session *session)
{
	unsigned state = state_of(session);

	if (state == TEXT || state == AUTH)
		return READY;
	if (!session->is_in_chunk || state == GREETED)
		return state;
	return session->chunk.is_last ? READY : SPOILT;
}

static unsigned
after_reply(const struct session *session, enum reply_id id)
{
	unsigned state = state_of(session);

	for (size_t i = 0; i < sizeof progresses / sizeof progresses[0]; i++)
		if (progresses[i].reply == id && (progresses[i].states & state))
			return progresses[i].after == SAME ? state : progresses[i].after;
	if (reply_code(id) == 421)
		return OVER;
	if (reply_code(id) < 400)
		BUG("a good reply was given in a state that has none like it");
	return after_refusal(session);
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
	witness->receipt = commit->receipt;
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

	check_form(bytes, id);
	witness->is_greeted = witness->is_greeted || id == REPLY_GREETING;
	if (!witness->is_greeted && reply_code(id) < 400)
		BUG("a client is answered before it was greeted");
	if ((state_of(session) & (with_silent_ones(witness->states) | OVER)) == 0)
		BUG("a reply in a state that nothing led to");
	if (witness->each_left) {
		check_each(witness, session, id);
		witness->states = state_of(session);
		return;
	}
	check_message(witness, session, id);
	witness->states = after_reply(session, id);
}

/* --- questions --- */

static void
check_commit(struct witness *witness, const struct session *session, const struct ipc_commit_ask *ask)
{
	const struct transaction *transaction = session->transaction;
	const struct config *config = &witness->fixture->config;

	if (session->client.role == LISTENER_SUBMISSION && session->client.user.length == 0)
		BUG("a message of nobody on a listener for users");
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
	if (receipt == 0 || receipt != witness->receipt)
		BUG("a receipt is settled that belongs to no 250, or twice");
	witness->receipt = 0;
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
	witness->receipt = 0;
}

void
witness_sees_tls(struct witness *witness)
{
	witness->states = GREETED | SILENT;
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

	if ((state_of(session) & (with_silent_ones(witness->states) | OVER)) == 0)
		BUG("the session is in a state that nothing led to");
	if (!witness->is_greeted && (state_of(session) & (COMMANDS | TEXT | AUTH)))
		BUG("a client is listened to before it was greeted");
	/* Nothing but its end follows an end, and nothing but TLS a handshake. */
	witness->states = state_of(session) & OVER ? OVER : state_of(session);
	if (witness->each_left && (state_of(session) & OVER) == 0)
		BUG("some recipients were not answered");
	check_budget(fixture);
	check_message_state(session);
}
