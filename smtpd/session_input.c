/* The engine of smtpd/session.h: takes bytes, finds rows, runs handlers, moves states.
 *
 * How the client is met and greeted is in session_greeting.c, the rest of a session's life (replies, deadlines, end) in
 * session_life.c, what is heard from other processes in session_answers.c.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "smtpd/line.h"
#include "smtpd/prdr.h"
#include "smtpd/sasl.h"
#include "smtpd/session_engine.h"
#include "smtpd/session_table.h"

enum {
	SKIPPED_BYTES = 65536, /* of one line that is too long; a longer one is given up */
	LOGIN_TRIES = 3        /* that failed, a session */
};

/* The limits that end a session when the next command comes. */
static enum reply_id
limit_reached(const struct session *session, unsigned row_flags)
{
	const struct config *config = session->world->config;

	/* A line that waited is under way: what has changed meanwhile is for the next one. */
	if (session->comes_again || (row_flags & ROW_IS_FAREWELL))
		return REPLY_NONE;
	if (session->world->is_draining && !(row_flags & ROW_GOES_ON))
		return REPLY_DRAINING;
	enum reply_id harvest = session_harvest_reached(session);
	if (harvest != REPLY_NONE)
		return harvest;
	if (session->failed_logins >= LOGIN_TRIES)
		return REPLY_TOO_MANY_LOGINS;
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
		session_count(&session->idle_commands);
	if (code >= 500 && !(row && (row->flags & ROW_FOLLOWS_REFUSAL)))
		session_count(&session->errors);
	if (code >= 400 && row && (row->flags & ROW_IS_MAIL))
		session_count(&session->refusals);
}

static void
enter(struct session *session, const struct session_row *row, enum handled handled, enum reply_id id)
{
	if (handled == CONTINUED)
		return;
	bool ends_always = row->flags & ROW_ENDS_ALWAYS;
	bool spoils = handled == REFUSED && (row->flags & ROW_SPOILS);

	if (ends_always || spoils)
		session_end_transaction(session, id, reply_reason(id));
	else if (handled == ACCEPTED && (row->flags & ROW_ENDS_TRANSACTION))
		session_end_transaction(session, REPLY_NONE, reply_code(id) == 221 ? "quit" : "reset");
	if (ends_always && handled == ACCEPTED)
		session->idle_commands = 0;
	if (ends_always || (handled == ACCEPTED && !row->stays))
		session->state = (uint8_t)row->next;
	if (spoils)
		session->state = SESSION_SPOILT;
	if (session->state == SESSION_HANDSHAKE)
		session_begin_handshake(session);
	if (session->state == SESSION_CLOSED)
		session_leave(session, "quit", false);
}

/* Runs a handler and does what it says. False: it waits. */
static bool
run_row(struct session *session, const struct session_row *row, struct span argument)
{
	struct reply reply = { .id = REPLY_NONE };
	enum handled handled = row->handler(session, argument, &reply);

	session->comes_again = handled == WAITING;
	if (handled == WAITING) {
		session_arm(session);
		return false;
	}
	count_answer(session, row, reply_code(reply.id));
	if (row->flags & ROW_ENDS_ALWAYS)
		prdr_say_each(session);
	if (reply.id != REPLY_NONE && session->state < SESSION_LINGERING)
		session_say(session, &reply);
	if (session->state >= SESSION_LINGERING)
		return true;
	if (handled == DISMISSED || reply_code(reply.id) == 421) {
		session_leave(session, reply_reason(reply.id), handled == DISMISSED);
		return true;
	}
	session_arm(session);
	enter(session, row, handled, reply.id);
	if (session->state == SESSION_READY && session->world->is_draining)
		session_dismiss(session, REPLY_DRAINING);
	session_tarpit(session, reply.id);
	return true;
}

static void
refuse(struct session *session, enum reply_id id)
{
	struct reply reply = { .id = id };

	count_answer(session, NULL, reply_code(id));
	session_say(session, &reply);
	if (session->state < SESSION_LINGERING)
		session_arm(session);
	session_tarpit(session, id);
}

static enum reply_id
no_row(bool is_known, struct span word)
{
	if (word.length == 0)
		return REPLY_EMPTY_LINE;
	return is_known ? REPLY_OUT_OF_ORDER : REPLY_UNKNOWN_COMMAND;
}

/* One command line. False: its handler waits, and the line has to stay. */
static bool
run_line(struct session *session, struct span line)
{
	struct span word = span_take(line, span_find(line, ' '));
	struct span argument = span_trim(span_skip(line, word.length));
	bool is_known;
	const struct session_row *row = session_table_find(word, session->state, &is_known);
	enum reply_id limit = limit_reached(session, row ? row->flags : 0);

	if (limit != REPLY_NONE) {
		session_dismiss(session, limit);
		return true;
	}
	if (!row) {
		refuse(session, no_row(is_known, word));
		return true;
	}
	if ((row->flags & ROW_TAKES_NOTHING) && argument.length) {
		refuse(session, REPLY_BAD_ARGUMENT);
		return true;
	}
	if (!run_row(session, row, argument))
		return false;
	if (session->state == SESSION_AUTH && verbs_take_initial_response(session, &argument))
		(void)run_row(session, session_table_response(false), argument);
	return true;
}

/* A piece of a line that is too long; `is_end` when its CRLF was in it. */
static void
skip(struct session *session, size_t taken, bool is_end)
{
	session->is_skipping = !is_end;
	session->skipped_bytes += (uint32_t)taken;
	if (session->skipped_bytes > SKIPPED_BYTES) {
		session_dismiss(session, REPLY_ENDLESS_LINE);
		return;
	}
	if (!is_end)
		return;
	session_trace_octets(session, session->skipped_bytes, "in a line that is too long");
	session->skipped_bytes = 0;
	enum reply_id limit = limit_reached(session, 0);
	if (limit != REPLY_NONE)
		session_dismiss(session, limit);
	else if (session->state == SESSION_AUTH)
		(void)run_row(session, session_table_response(true), span_make("", 0));
	else
		refuse(session, REPLY_LONG_LINE);
}

/* Takes a command, or a response to AUTH's challenge, from the bytes; 0 when none is whole, or when the one at their
 * head waits. */
static size_t
take_command(struct session *session, struct span bytes)
{
	bool is_response = session->state == SESSION_AUTH;
	size_t limit_bytes = is_response ? SASL_LINE_BYTES : LINE_LIMIT_BYTES;
	struct span line;
	size_t taken;

	switch (line_take(bytes, limit_bytes, &session->input_scanned, &line, &taken)) {
	case LINE_WHOLE:
		break;
	case LINE_PARTIAL:
		return 0;
	case LINE_LONG:
		skip(session, taken, false);
		return taken;
	case LINE_BROKEN:
		session_dismiss(session, REPLY_BROKEN_LINE);
		return 0;
	}
	if (session->is_skipping) {
		skip(session, taken, true);
		return taken;
	}
	session_trace_line(session, line);
	if (is_response) {
		/* It does not wait for the answer: it may hold a password. */
		(void)run_row(session, session_table_response(false), line);
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
		session_trace_octets(session, session->transaction->message->bytes, "of text, with the final dot");
		(void)run_row(session, session_table_final_dot(), span_make("", 0));
		break;
	case TEXT_ENDLESS:
		session_dismiss(session, REPLY_ENDLESS_MESSAGE);
		break;
	}
	return taken;
}

/* Answers a chunk whose octets are all here. False: deliver is asked first. */
static bool
end_chunk(struct session *session)
{
	const struct session_row *row = session_table_chunk_end(session->state, session->chunk.is_last);

	if (!run_row(session, row, span_make("", 0)))
		return false;
	session->is_in_chunk = false;
	return true;
}

/* Takes some of the bytes, if that is possible now. */
static size_t
take_some(struct session *session, struct span bytes)
{
	if (session->is_in_chunk)
		return verbs_take_chunk(session, bytes);
	return session->state == SESSION_TEXT ? take_text(session, bytes) : take_command(session, bytes);
}

/* Takes what can be taken now; returns how much that was. */
static size_t
consume(struct session *session, struct span bytes)
{
	size_t taken = 0;

	while (taken < bytes.length && !session_is_waiting(session) && session->state < SESSION_HANDSHAKE) {
		size_t step = take_some(session, span_skip(bytes, taken));

		if (step == 0)
			break;
		taken += step;
		/* A chunk of no octets ends with its command. */
		if (session->is_in_chunk && session->chunk_left == 0 && session->state < SESSION_LINGERING) {
			session_trace_octets(session, session->chunk.octets, "of a chunk");
			(void)end_chunk(session);
		}
	}
	/* More may be on its way behind what is not wanted any more: left unread, it would have the kernel reset the
	 * connection, and the client lose what it was told. */
	if (session->state == SESSION_CLOSED && taken < bytes.length) {
		session->state = SESSION_LINGERING;
		session->sends_fin = true;
	}
	/* What was pipelined behind STARTTLS came in the clear, from anybody: it is no part of what follows. */
	return session->state == SESSION_HANDSHAKE ? bytes.length : taken;
}

bool
session_keep_input(struct session *session, struct span bytes)
{
	buf_append(&session->input, bytes);
	if (buf_ok(&session->input))
		return true;
	session_dismiss(session, REPLY_SESSION_NO_MEMORY);
	return false;
}

/* Goes on with the bytes that wait. */
static void
run_input(struct session *session)
{
	size_t taken = consume(session, buf_span(&session->input));

	if (taken == session->input.length) {
		size_t scanned = session->input_scanned;

		session_drop_input(session);
		session->input_scanned = scanned;
		return;
	}
	buf_consume(&session->input, taken);
}

void
session_input(struct session *session, struct span bytes)
{
	session_settle_if_read(session);
	if (session_awaits_header(session))
		bytes = span_skip(bytes, session_take_header(session, bytes));
	if (session_is_waiting(session)) {
		(void)session_keep_input(session, bytes);
		return;
	}
	if (bytes.length == 0 || session_awaits_header(session))
		return;
	if (session->state == SESSION_SILENT)
		session_take_early(session);
	if (session->state >= SESSION_HANDSHAKE)
		return;
	if (session_takes_text(session))
		session_arm(session);
	if (session->input.length == 0) {
		size_t taken = consume(session, bytes);

		if (session->state < SESSION_LINGERING)
			(void)session_keep_input(session, span_skip(bytes, taken));
	} else if (session_keep_input(session, bytes)) {
		run_input(session);
	}
}

void
session_resume(struct session *session)
{
	bool is_auth = session->wait == WAIT_AUTH;

	session->wait = WAIT_NOTHING;
	if (is_auth && !run_row(session, session_table_response(false), span_make("", 0)))
		return;
	if (session->state == SESSION_TEXT && !run_row(session, session_table_final_dot(), span_make("", 0)))
		return;
	if (session->is_in_chunk && !end_chunk(session))
		return;
	if (session->input.length)
		run_input(session);
}
