/* A session's life around its commands: replies, transactions, deadlines, end.
 *
 * Trust: see smtpd/session.h.
 * On failure: see smtpd/session.h.
 */
#include <string.h>

#include "smtpd/auth_exchange.h"
#include "smtpd/line.h"
#include "smtpd/session_engine.h"
#include "smtpd/transaction_log.h"
#include "smtpd/verbs.h"

enum {
	ARENA_BYTES = 16384,
	INPUT_BYTES = LINE_LIMIT_BYTES + SESSION_READ_BYTES,
	SPF_MARGIN_MS = 2000, /* dns keeps its deadline itself; this is for a dns that hangs */
	DOOR_MS = 5000,
	PROBE_MS = 30000,
	AUTH_MS = 30000, /* its queue is shorter than that */
	LINGER_MS = 5000
};

uint64_t
session_now_ms(const struct session *session)
{
	return session->world->io->now_ms(session->world->context);
}

void
session_count(uint16_t *counter)
{
	if (*counter < UINT16_MAX)
		(*counter)++;
}

void
session_drop_input(struct session *session)
{
	buf_free(&session->input);
	session->input_scanned = 0;
}

/* Deliver may forget what it promised: it would keep that for as long as this process lives. */
static void
abandon(struct session *session)
{
	const struct transaction *transaction = session->transaction;
	struct ipc_message message = { .type = IPC_ABANDON, .descriptor = -1 };

	if (transaction->promised == 0)
		return;
	message.abandon.session = session->id;
	message.abandon.transaction = transaction->id;
	(void)session->world->io->ask(session, &message);
}

void
session_end_transaction(struct session *session, enum reply_id answer, const char *reason)
{
	if (!session->transaction)
		return;
	transaction_log_end(session, answer, reason);
	abandon(session);
	transaction_free(session->transaction);
	session->transaction = NULL;
	arena_reset(&session->transaction_arena);
}

void
session_leave(struct session *session, const char *reason, bool lingers)
{
	session_end_transaction(session, REPLY_NONE, reason);
	session_drop_input(session);
	session->end_reason = reason;
	session->wait = WAIT_NOTHING;
	session->is_in_chunk = false;
	session->sends_fin = session->has_unread && !lingers && !session->receipts[0];
	session->state = lingers || session->receipts[0] || session->sends_fin ? SESSION_LINGERING : SESSION_CLOSED;
	session->deadline_ms = session_now_ms(session) + LINGER_MS;
}

void
session_say(struct session *session, const struct reply *reply)
{
	struct session_world *world = session->world;

	buf_reset(&world->out);
	reply_format(reply, world->config, &world->out);
	if (!buf_ok(&world->out)) {
		session_leave(session, reply_reason(REPLY_SESSION_NO_MEMORY), false);
		session->is_overdue = true;
		return;
	}
	world->replies[reply->id]++;
	session_trace_reply(session, reply_code(reply->id), buf_span(&world->out));
	world->io->write(session, buf_span(&world->out));
}

void
session_dismiss(struct session *session, enum reply_id why)
{
	const struct config *config = session->world->config;
	struct reply reply = { .id = why, .details = { span_of(config->hostname) } };

	if (why == REPLY_ENDLESS_MESSAGE)
		reply.details[0] = reply_number(&reply, config->max_message_size);
	/* Before a proxy has said for whom it speaks, and before TLS, nobody could hear it. */
	if (session->state != SESSION_PROXY && session->state != SESSION_HANDSHAKE)
		session_say(session, &reply);
	session_leave(session, reply_reason(why), session_takes_text(session) || session->is_skipping);
}

void
session_arm(struct session *session)
{
	const struct config *config = session->world->config;
	uint64_t span_ms = config->command_timeout;

	switch ((enum session_wait)session->wait) {
	case WAIT_NOTHING:
		if (session_takes_text(session))
			span_ms = config->data_timeout;
		else if (session->state == SESSION_HANDSHAKE)
			span_ms = config->tls_timeout;
		break;
	case WAIT_DOOR:
		span_ms = DOOR_MS;
		break;
	case WAIT_SPF:
	case WAIT_NAME:
		span_ms = config->spf_deadline + SPF_MARGIN_MS;
		break;
	case WAIT_PROBE:
		span_ms = PROBE_MS;
		break;
	case WAIT_COMMIT:
		span_ms = config->final_reply;
		break;
	case WAIT_AUTH:
		span_ms = AUTH_MS;
		break;
	case WAIT_TARPIT:
		span_ms = session_tarpit_ms(session);
		break;
	}
	session->deadline_ms = session_now_ms(session) + span_ms;
}

bool
session_keep(struct session *session, struct span bytes, struct span *kept)
{
	*kept = span_make("", 0);
	if (bytes.length == 0)
		return true;
	struct span copy = arena_copy(&session->transaction_arena, bytes);
	if (!copy.data)
		return false;
	*kept = copy;
	return true;
}

bool
session_begin_transaction(struct session *session, const struct sender_facts *sender)
{
	struct transaction *transaction = arena_alloc(&session->transaction_arena, sizeof *transaction);

	if (!transaction)
		return false;
	transaction->sender = *sender;
	if (!session_keep(session, sender->address, &transaction->sender.address) ||
	    !session_keep(session, sender->domain, &transaction->sender.domain)) {
		arena_reset(&session->transaction_arena);
		return false;
	}
	session->transactions++;
	transaction->id = ++session->world->next_transaction;
	transaction->number = session->transactions;
	transaction->doubt = session->doubt;
	transaction->handles = BUF_PAID_BY(session->world->memory, IPC_RECIPIENTS * 4);
	STAILQ_INIT(&transaction->recipients);
	transaction->begun_ms = session_now_ms(session);
	session->transaction = transaction;
	return true;
}

void
session_settle_if_read(struct session *session)
{
	const struct session_io *io = session->world->io;

	if (session->receipts[0] == 0 || !io->is_acknowledged(session))
		return;
	for (size_t i = 0; i < SESSION_RECEIPTS && session->receipts[i]; i++)
		io->settle(session, session->receipts[i]);
	session_drop_receipts(session);
}

void
session_keep_receipt(struct session *session, uint32_t receipt)
{
	size_t count = 0;

	if (receipt == 0)
		return;
	while (count < SESSION_RECEIPTS && session->receipts[count])
		count++;
	if (count == SESSION_RECEIPTS)
		memmove(session->receipts, session->receipts + 1, --count * sizeof receipt);
	session->receipts[count] = receipt;
}

void
session_drop_receipts(struct session *session)
{
	memset(session->receipts, 0, sizeof session->receipts);
}

void
session_input_ended(struct session *session, bool is_orderly)
{
	if (is_orderly)
		session_settle_if_read(session);
	session_drop_receipts(session);
	if (session->state == SESSION_HANDSHAKE)
		session_lose_handshake(session, is_orderly ? "closed" : "reset");
	if (session->state < SESSION_LINGERING)
		session_leave(session, is_orderly ? "closed" : "reset", false);
	session->state = SESSION_CLOSED;
	session->is_overdue = true;
}

/* What the door has said of the client, and what follows from it. */
static void
take_connection(struct session *session, const struct ipc_connection *connection)
{
	struct client_facts *client = &session->client;

	facts_client(session->world->config, &connection->client, client);
	client->listener = arena_copy(&session->arena, connection->listener);
	client->role = connection->role;
	client->tls_mode = connection->tls;
}

void
session_begin(struct session *session, struct session_world *world, void *owner, uint32_t id,
    const struct ipc_connection *connection)
{
	*session = (struct session){ .world = world, .owner = owner, .id = id, .end_reason = "", .doubt = "" };
	session->name = world->next_name++;
	session->arena = ARENA_PAID_BY(world->memory, ARENA_BYTES);
	session->transaction_arena = ARENA_PAID_BY(world->memory, SESSION_TRANSACTION_BYTES);
	session->input = BUF_PAID_BY(world->memory, INPUT_BYTES);
	session->begun_ms = session_now_ms(session);
	session->mail_ms = session->begun_ms;
	world->sessions_begun++;
	take_connection(session, connection);
	session->input.holds_secrets = session_awaits_secret(session);
	if (connection->is_proxied)
		session_await_header(session);
	else
		session_meet(session);
}

/* Takes the commit back, or, when deliver has begun it, waits as long as it takes. */
static void
give_up(struct session *session)
{
	struct message *message = session->transaction->message;

	if (!session->world->io->give_up(session, message->claim)) {
		session->deadline_ms = UINT64_MAX;
		return;
	}
	message->commit = FACT_KNOWN;
	message->outcome = COMMIT_LATE;
	session_resume(session);
}

static void
on_deadline(struct session *session)
{
	struct transaction *transaction = session->transaction;

	switch ((enum session_wait)session->wait) {
	case WAIT_NOTHING:
		if (session->state >= SESSION_LINGERING)
			session->is_overdue = true;
		else if (session->state == SESSION_PROXY)
			session_miss_header(session);
		else if (session->state == SESSION_HANDSHAKE)
			session_lose_handshake(session, "timed-out");
		else if (session->state == SESSION_SILENT)
			session_greet(session);
		else
			session_dismiss(session, REPLY_TIMED_OUT);
		return;
	case WAIT_DOOR:
		session_dismiss(session, REPLY_BUSY);
		return;
	case WAIT_SPF:
		facts_spf_unknown(&transaction->sender.spf);
		break;
	case WAIT_NAME:
		session->is_name_late = true;
		facts_client_name(session->world->config, IPREV_UNKNOWN, span_make(NULL, 0), &session->client);
		break;
	case WAIT_PROBE:
		transaction->is_deliver_lost = true;
		transaction->probe = (struct probe){ .state = FACT_KNOWN, .verdict = PROBE_TROUBLE };
		break;
	case WAIT_COMMIT:
		give_up(session);
		return;
	case WAIT_AUTH:
		auth_exchange_give_up(session->auth);
		break;
	case WAIT_TARPIT:
		session->wait = WAIT_NOTHING;
		session_arm(session);
		break;
	}
	session_resume(session);
}

void
session_tick(struct session *session)
{
	uint64_t now_ms = session_now_ms(session);
	bool is_listening = session->state < SESSION_HANDSHAKE && !session_is_waiting(session);
	bool has_message = verbs_has_message(session);

	session->sends_fin = session->state == SESSION_LINGERING;
	if (is_listening && !has_message && now_ms - session->mail_ms >= session->world->config->session_idle)
		session_dismiss(session, REPLY_SESSION_IDLE);
	else if (is_listening && has_message && verbs_text_is_slow(session))
		session_dismiss(session, REPLY_TOO_SLOW);
	else if (now_ms >= session->deadline_ms)
		on_deadline(session);
}

void
session_drain(struct session *session, bool is_over)
{
	if (session->state >= SESSION_LINGERING) {
		session->is_overdue = session->is_overdue || is_over;
		return;
	}
	if (session->wait == WAIT_COMMIT) {
		if (is_over)
			give_up(session);
		return;
	}
	if (!verbs_has_message(session) || is_over)
		session_dismiss(session, REPLY_DRAINING);
	session->is_overdue = is_over;
}

void
session_free(struct session *session)
{
	if (session->state < SESSION_LINGERING)
		session_leave(session, "closed", false);
	session_trace_event(session, "ended:", span_of(session->end_reason));
	transaction_log_session(session);
	session->world->sessions_ended++;
	session_drop_input(session);
	arena_reset(&session->arena);
	arena_reset(&session->transaction_arena);
}
