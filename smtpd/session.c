/* The engine of smtpd/session.h: takes bytes, finds rows, runs handlers, moves states, keeps limits and deadlines.
 *
 * What is heard from other processes is in session_answers.c.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "smtpd/session.h"

#include "smtpd/line.h"
#include "smtpd/session_table.h"
#include "smtpd/transaction.h"
#include "smtpd/transaction_log.h"
#include "smtpd/verbs.h"

enum {
	ARENA_BYTES = 16384,
	INPUT_BYTES = LINE_LIMIT_BYTES + SESSION_READ_BYTES,
	SKIPPED_BYTES = 65536, /* of one line that is too long; a longer one is given up */
	SPF_MARGIN_MS = 2000,  /* dns keeps its deadline itself; this is for a dns that hangs */
	PROBE_MS = 30000,
	LINGER_MS = 5000
};

uint64_t
session_now_ms(const struct session *session)
{
	return session->world->io->now_ms(session->world->context);
}

static void
count(uint16_t *counter)
{
	if (*counter < UINT16_MAX)
		(*counter)++;
}

/* --- replies and the end --- */

static void
drop_input(struct session *session)
{
	buf_free(&session->input);
	body_store_discharge(session->world->bodies, session->input_charged);
	session->input_charged = 0;
	session->input_scanned = 0;
}

/* Deliver may forget what it promised, unless it has the message. */
static void
abandon(struct session *session)
{
	const struct transaction *transaction = session->transaction;
	struct ipc_message message = { .type = IPC_ABANDON, .descriptor = -1 };
	bool has_asked = transaction->accepted > 0 || transaction->probe.state != FACT_NOT_ASKED;

	if (!has_asked || transaction->is_deliver_lost ||
	    (transaction->message && transaction->message->commit != FACT_NOT_ASKED))
		return;
	message.abandon.session = session->id;
	message.abandon.transaction = transaction->id;
	(void)session->world->io->ask(session, &message);
}

/* answer: what the final dot was answered, or REPLY_NONE when it never came. */
static void
end_transaction(struct session *session, enum reply_id answer, const char *reason)
{
	if (!session->transaction)
		return;
	transaction_log_end(session, answer, reason);
	abandon(session);
	transaction_free(session->transaction);
	session->transaction = NULL;
	arena_reset(&session->transaction_arena);
}

/* Nothing more is taken from the client. The connection is kept open for a while when its FIN is worth waiting for:
 * it tells that the client has read a 250, or lets it read why the rest of its text is not wanted. */
static void
leave(struct session *session, const char *reason, bool lingers)
{
	end_transaction(session, REPLY_NONE, reason);
	drop_input(session);
	session->end_reason = reason;
	session->wait = WAIT_NOTHING;
	session->state = lingers || session->receipt ? SESSION_LINGERING : SESSION_CLOSED;
	session->deadline_ms = session_now_ms(session) + LINGER_MS;
}

static void
say(struct session *session, const struct reply *reply)
{
	struct session_world *world = session->world;

	buf_reset(&world->out);
	reply_format(reply, &world->out);
	if (!buf_ok(&world->out)) {
		leave(session, reply_reason(REPLY_SESSION_NO_MEMORY), false);
		session->is_overdue = true;
		return;
	}
	world->replies[reply->id]++;
	world->io->write(session, buf_span(&world->out));
}

/* Says why, and ends the session. */
static void
dismiss(struct session *session, enum reply_id why)
{
	const struct config *config = session->world->config;
	struct reply reply = { .id = why, .details = { span_of(config->hostname) } };

	if (why == REPLY_ENDLESS_MESSAGE)
		reply.details[0] = reply_number(&reply, config->max_message_size);
	say(session, &reply);
	leave(session, reply_reason(why), why == REPLY_ENDLESS_MESSAGE);
}

/* Sets the deadline for whatever is awaited now. */
static void
arm(struct session *session)
{
	const struct config *config = session->world->config;
	uint64_t span_ms = config->command_timeout;

	switch ((enum session_wait)session->wait) {
	case WAIT_NOTHING:
		if (session->state == SESSION_TEXT)
			span_ms = config->data_timeout;
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
	}
	session->deadline_ms = session_now_ms(session) + span_ms;
}

/* --- transactions --- */

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
	count(&session->transactions);
	transaction->id = ++session->world->next_transaction;
	transaction->number = session->transactions;
	transaction->doubt = "";
	transaction->handles = BUF_LIMIT(IPC_RECIPIENTS * 4);
	transaction->begun_ms = session_now_ms(session);
	session->transaction = transaction;
	return true;
}

/* --- commands --- */

/* The limits that end a session when the next command comes. */
static enum reply_id
limit_reached(const struct session *session, unsigned row_flags)
{
	const struct config *config = session->world->config;

	if (row_flags & ROW_IS_FAREWELL)
		return REPLY_NONE;
	if (session->world->is_draining)
		return REPLY_DRAINING;
	if (session->errors >= config->max_errors)
		return REPLY_TOO_MANY_ERRORS;
	if ((row_flags & ROW_IS_IDLE) && session->idle_commands >= config->max_idle_commands)
		return REPLY_IDLE_COMMANDS;
	return REPLY_NONE;
}

static void
count_answer(struct session *session, const struct session_row *row, unsigned code)
{
	if (row && (row->flags & ROW_IS_IDLE))
		count(&session->idle_commands);
	if (code >= 500)
		count(&session->errors);
	if (code >= 400 && session->transaction)
		count(&session->refusals);
}

static void
enter(struct session *session, const struct session_row *row, enum handled handled, enum reply_id id)
{
	bool is_final_dot = row->flags & ROW_ENDS_ALWAYS;

	if (is_final_dot)
		end_transaction(session, id, reply_reason(id));
	else if (handled == ACCEPTED && (row->flags & ROW_ENDS_TRANSACTION))
		end_transaction(session, REPLY_NONE, reply_code(id) == 221 ? "quit" : "reset");
	if (is_final_dot && handled == ACCEPTED)
		session->idle_commands = 0;
	if (is_final_dot || (handled == ACCEPTED && !row->stays))
		session->state = (uint8_t)row->next;
	if (session->state == SESSION_CLOSED)
		leave(session, "quit", false);
}

/* Runs a handler and does what it says. False: it waits. */
static bool
run_row(struct session *session, const struct session_row *row, struct span argument)
{
	struct reply reply = { .id = REPLY_NONE };
	enum handled handled = row->handler(session, argument, &reply);

	if (handled == WAITING) {
		arm(session);
		return false;
	}
	count_answer(session, row, reply_code(reply.id));
	say(session, &reply);
	if (session->state >= SESSION_LINGERING)
		return true;
	if (reply_code(reply.id) == 421) {
		leave(session, reply_reason(reply.id), false);
		return true;
	}
	arm(session);
	enter(session, row, handled, reply.id);
	if (session->state == SESSION_READY && session->world->is_draining)
		dismiss(session, REPLY_DRAINING);
	return true;
}

static void
refuse(struct session *session, enum reply_id id)
{
	struct reply reply = { .id = id };

	count_answer(session, NULL, reply_code(id));
	say(session, &reply);
	if (session->state < SESSION_LINGERING)
		arm(session);
}

static enum reply_id
no_row(enum row_match match, struct span word)
{
	if (word.length == 0)
		return REPLY_EMPTY_LINE;
	return match == ROW_OUT_OF_ORDER ? REPLY_OUT_OF_ORDER : REPLY_UNKNOWN_COMMAND;
}

/* One command line. False: its handler waits, and the line has to stay. */
static bool
run_line(struct session *session, struct span line)
{
	struct span word = span_take(line, span_find(line, ' '));
	struct span argument = span_trim(span_skip(line, word.length));
	const struct session_row *row = NULL;
	enum row_match match = session_table_find(word, session->state, &row);
	enum reply_id limit = limit_reached(session, row ? row->flags : 0);

	if (limit != REPLY_NONE) {
		dismiss(session, limit);
		return true;
	}
	if (match != ROW_FOUND) {
		refuse(session, no_row(match, word));
		return true;
	}
	if ((row->flags & ROW_TAKES_NOTHING) && argument.length) {
		refuse(session, REPLY_BAD_ARGUMENT);
		return true;
	}
	return run_row(session, row, argument);
}

/* --- bytes --- */

/* A piece of a line that is too long; `is_end` when its CRLF was in it. */
static void
skip(struct session *session, size_t taken, bool is_end)
{
	session->is_skipping = !is_end;
	session->skipped_bytes += (uint32_t)taken;
	if (session->skipped_bytes > SKIPPED_BYTES) {
		dismiss(session, REPLY_ENDLESS_LINE);
		return;
	}
	if (!is_end)
		return;
	session->skipped_bytes = 0;
	enum reply_id limit = limit_reached(session, 0);
	if (limit != REPLY_NONE)
		dismiss(session, limit);
	else
		refuse(session, REPLY_LONG_LINE);
}

/* Takes a command from the bytes; 0 when none is whole, or when the one at their head waits. */
static size_t
take_command(struct session *session, struct span bytes)
{
	struct span line;
	size_t taken;

	switch (line_take(bytes, &session->input_scanned, &line, &taken)) {
	case LINE_WHOLE:
		break;
	case LINE_PARTIAL:
		return 0;
	case LINE_LONG:
		skip(session, taken, false);
		return taken;
	case LINE_BROKEN:
		dismiss(session, REPLY_BROKEN_LINE);
		return 0;
	}
	if (session->is_skipping) {
		skip(session, taken, true);
		return taken;
	}
	return run_line(session, line) ? taken : 0;
}

static size_t
take_text(struct session *session, struct span bytes)
{
	size_t taken;

	switch (verbs_take_text(session, bytes, &taken)) {
	case TEXT_GOES_ON:
		break;
	case TEXT_ENDS:
		(void)run_row(session, session_table_final_dot(), span_make("", 0));
		break;
	case TEXT_ENDLESS:
		dismiss(session, REPLY_ENDLESS_MESSAGE);
		break;
	}
	return taken;
}

/* Takes what can be taken now; returns how much that was. */
static size_t
consume(struct session *session, struct span bytes)
{
	size_t taken = 0;

	while (taken < bytes.length && !session_is_waiting(session) && session->state < SESSION_LINGERING) {
		struct span rest = span_skip(bytes, taken);
		size_t step = session->state == SESSION_TEXT ? take_text(session, rest) : take_command(session, rest);

		if (step == 0)
			break;
		taken += step;
	}
	return taken;
}

/* Puts bytes behind those that wait already. */
static bool
keep_input(struct session *session, struct span bytes)
{
	if (bytes.length == 0)
		return true;
	if (body_store_charge(session->world->bodies, bytes.length)) {
		session->input_charged += (uint32_t)bytes.length;
		buf_append(&session->input, bytes);
		if (buf_ok(&session->input))
			return true;
	}
	dismiss(session, REPLY_SESSION_NO_MEMORY);
	return false;
}

/* Goes on with the bytes that wait. */
static void
run_input(struct session *session)
{
	size_t taken = consume(session, buf_span(&session->input));

	if (taken == session->input.length) {
		size_t scanned = session->input_scanned;

		drop_input(session);
		session->input_scanned = scanned;
		return;
	}
	buf_consume(&session->input, taken);
}

static void
settle_if_read(struct session *session)
{
	const struct session_io *io = session->world->io;

	if (session->receipt == 0 || !io->is_acknowledged(session))
		return;
	io->settle(session, session->receipt);
	session->receipt = 0;
}

void
session_input(struct session *session, struct span bytes)
{
	settle_if_read(session);
	if (session->state >= SESSION_LINGERING)
		return;
	if (session->state == SESSION_TEXT)
		arm(session);
	if (session->input.length == 0) {
		size_t taken = consume(session, bytes);

		if (session->state < SESSION_LINGERING)
			(void)keep_input(session, span_skip(bytes, taken));
	} else if (keep_input(session, bytes)) {
		run_input(session);
	}
}

void
session_input_ended(struct session *session, bool is_orderly)
{
	if (is_orderly)
		settle_if_read(session);
	session->receipt = 0;
	if (session->state < SESSION_LINGERING)
		leave(session, is_orderly ? "closed" : "reset", false);
	session->state = SESSION_CLOSED;
	session->is_overdue = true;
}

void
session_resume(struct session *session)
{
	session->wait = WAIT_NOTHING;
	if (session->state == SESSION_TEXT && !run_row(session, session_table_final_dot(), span_make("", 0)))
		return;
	if (session->input.length)
		run_input(session);
}

/* --- life --- */

static void
ask_name(struct session *session)
{
	struct session_world *world = session->world;
	struct ipc_message ask = { .type = IPC_NAME_ASK, .descriptor = -1 };

	if (session->client.is_loopback)
		return;
	ask.name_ask.session = session->id;
	ask.name_ask.deadline_ms = (uint32_t)world->config->spf_deadline;
	ask.name_ask.client = session->client.address;
	session->client.name_state = FACT_ASKED;
	if (!world->io->ask(session, &ask))
		facts_client_name(world->config, IPREV_UNKNOWN, span_make(NULL, 0), &session->client);
}

void
session_begin(
    struct session *session, struct session_world *world, void *owner, uint32_t id, const struct peer_address *client)
{
	struct reply greeting = { .id = REPLY_GREETING, .details = { span_of(world->config->hostname) } };

	*session = (struct session){ .world = world, .owner = owner, .id = id, .end_reason = "" };
	session->name = world->next_name++;
	session->arena = ARENA_LIMIT(ARENA_BYTES);
	session->transaction_arena = ARENA_LIMIT(SESSION_TRANSACTION_BYTES);
	session->input = BUF_LIMIT(INPUT_BYTES);
	session->begun_ms = session_now_ms(session);
	session->mail_ms = session->begun_ms;
	world->sessions_begun++;
	facts_client(world->config, client, &session->client);
	if (world->is_draining) {
		dismiss(session, REPLY_DRAINING);
		return;
	}
	ask_name(session);
	say(session, &greeting);
	arm(session);
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
		else
			dismiss(session, REPLY_TIMED_OUT);
		return;
	case WAIT_SPF:
		facts_spf_unknown(&transaction->sender.spf);
		break;
	case WAIT_NAME:
		facts_client_name(session->world->config, IPREV_UNKNOWN, span_make(NULL, 0), &session->client);
		break;
	case WAIT_PROBE:
		transaction->is_deliver_lost = true;
		transaction->probe = (struct probe){ .state = FACT_KNOWN, .verdict = PROBE_TROUBLE };
		break;
	case WAIT_COMMIT:
		give_up(session);
		return;
	}
	session_resume(session);
}

void
session_tick(struct session *session)
{
	uint64_t now_ms = session_now_ms(session);
	bool takes_commands = session->state < SESSION_TEXT && !session_is_waiting(session);
	bool takes_text = session->state == SESSION_TEXT && !session_is_waiting(session);

	if (takes_commands && now_ms - session->mail_ms >= session->world->config->session_idle)
		dismiss(session, REPLY_SESSION_IDLE);
	else if (takes_text && verbs_text_is_slow(session))
		dismiss(session, REPLY_TOO_SLOW);
	else if (now_ms >= session->deadline_ms)
		on_deadline(session);
}

void
session_drain(struct session *session, bool is_over)
{
	if (session->state >= SESSION_LINGERING)
		return;
	if (session->wait == WAIT_COMMIT) {
		if (is_over)
			give_up(session);
		return;
	}
	if (session->state != SESSION_TEXT || is_over)
		dismiss(session, REPLY_DRAINING);
}

void
session_free(struct session *session)
{
	if (session->state < SESSION_LINGERING)
		leave(session, "closed", false);
	transaction_log_session(session);
	session->world->sessions_ended++;
	drop_input(session);
	arena_reset(&session->arena);
	arena_reset(&session->transaction_arena);
}
