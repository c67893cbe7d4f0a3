/* The limits of a session: lines, errors, idle commands, deadlines, size, rate, and what ends it.
 * On failure: cmocka names the line.
 */
#include "tests/unit/smtpd/replies.h"

#define TOO_MANY_ERRORS "421 4.7.0 Too many refused commands; correct them and connect again\r\n"

static struct fixture *
connected(void)
{
	struct fixture *fixture = fixture_new();

	fixture_connect(fixture, "127.0.0.1");
	(void)fixture_heard(fixture);
	return fixture;
}

/* After 354. */
static struct fixture *
in_text(void)
{
	struct fixture *fixture = connected();

	(void)fixture_talk(
	    fixture, "EHLO client.example\r\nMAIL FROM:<s@c.example>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n");
	assert_int_equal(fixture->session.state, SESSION_TEXT);
	return fixture;
}

static void
lines_that_are_none_end_the_session(void **unused)
{
	static const struct span lines[] = { { "NOOP\nNOOP\r\n", 11 }, { "NO\rOP\r\n", 7 }, { "NO\0OP\r\n", 7 },
		{ "NOOP\r\r\n", 7 } };

	(void)unused;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct fixture *fixture = connected();

		fixture_send(fixture, lines[i]);
		assert_string_equal(fixture_heard(fixture),
		    "500 5.5.2 Lines end in CRLF and hold no other CR, LF or NUL; correct the client\r\n");
		assert_true(session_has_said_all(&fixture->session));
		fixture_send(fixture, SPAN("NOOP\r\n"));
		assert_string_equal(fixture_heard(fixture), "");
		fixture_free(fixture);
	}
}

static void
send_filler(struct fixture *fixture, size_t bytes)
{
	static const char filler[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

	for (size_t sent = 0; sent < bytes; sent += sizeof filler - 1)
		fixture_send(fixture, span_make(filler, sizeof filler - 1));
}

static void
a_long_line_is_skipped_and_an_endless_one_given_up(void **unused)
{
	struct fixture *fixture = connected();

	(void)unused;
	send_filler(fixture, 60000);
	assert_string_equal(fixture_heard(fixture), "");
	assert_string_equal(fixture_talk(fixture, "\r\nNOOP\r\n"),
	    "500 5.5.2 The line is longer than 2048 octets; correct the client\r\n250 2.0.0 Nothing done\r\n");
	assert_int_equal(fixture->session.errors, 1);
	send_filler(fixture, 100000);
	assert_string_equal(fixture_heard(fixture), "500 5.5.2 This line does not end; correct the client\r\n");
	assert_int_equal(fixture->session.state, SESSION_LINGERING);
	assert_int_equal(fixture->session.input.length, 0);
	fixture_free(fixture);
}

static void
too_many_errors(void **unused)
{
	struct fixture *fixture = connected();

	(void)unused;
	for (unsigned i = 0; i < 10; i++)
		assert_string_equal(fixture_talk(fixture, "FROBNICATE\r\n"),
		    "500 5.5.1 Unknown command; HELP lists those there are\r\n");
	assert_string_equal(fixture_talk(fixture, "NOOP\r\nNOOP\r\n"), TOO_MANY_ERRORS);
	/* It may say more still, which is to be read: else a reset overtakes the reply. */
	assert_int_equal(fixture->session.state, SESSION_LINGERING);
	assert_true(fixture->session.sends_fin);
	fixture_free(fixture);
}

static void
what_is_left_unread_keeps_the_connection_open(void **unused)
{
	struct fixture *fixture = connected();

	(void)unused;
	fixture->session.has_unread = true;
	(void)fixture_talk(fixture, "QUIT\r\n");
	assert_int_equal(fixture->session.state, SESSION_LINGERING);
	assert_true(fixture->session.sends_fin);
	session_input_ended(&fixture->session, true);
	assert_int_equal(fixture->session.state, SESSION_CLOSED);
	fixture_free(fixture);
}

static void
temporary_refusals_are_no_errors(void **unused)
{
	struct fixture *fixture = connected();

	(void)unused;
	(void)fixture_talk(fixture, "HELO client.example\r\nMAIL FROM:<s@c.example>\r\n");
	for (unsigned i = 0; i < 50; i++)
		assert_string_equal(fixture_talk(fixture, "RCPT TO:<moving@example.org>\r\n"),
		    "450 4.2.1 This address takes no mail now; try again later\r\n");
	assert_int_equal(fixture->session.errors, 0);
	assert_int_equal(fixture->session.refusals, 50);
	fixture_free(fixture);
}

static void
idle_commands_are_counted_until_a_message_is_accepted(void **unused)
{
	struct fixture *fixture = connected();

	(void)unused;
	(void)fixture_talk(fixture, "HELO client.example\r\n");
	for (unsigned i = 0; i < 19; i++)
		assert_string_equal(fixture_talk(fixture, "NOOP\r\n"), NOOP);
	(void)fixture_talk(fixture, "MAIL FROM:<>\r\nNOOP\r\nNOOP\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n");
	assert_non_null(strstr(fixture_talk(fixture, ".\r\n"), "250 2.0.0 Delivered"));
	for (unsigned i = 0; i < 20; i++)
		assert_string_equal(fixture_talk(fixture, "RSET\r\n"), RESET);
	assert_string_equal(fixture_talk(fixture, "HELP\r\n"),
	    "421 4.7.0 Too many commands without a message; connect again when there is one\r\n");
	fixture_free(fixture);
}

static void
a_line_has_its_deadline_from_the_last_reply(void **unused)
{
	struct fixture *fixture = connected();

	(void)unused;
	for (unsigned i = 0; i < 5; i++) {
		fixture_pass(fixture, 50000);
		fixture_send(fixture, SPAN("N"));
	}
	assert_string_equal(fixture_heard(fixture), "");
	fixture_pass(fixture, 50000);
	assert_string_equal(fixture_heard(fixture), TIMED_OUT);
	assert_int_equal(fixture->session.state, SESSION_CLOSED);
	fixture_pass(fixture, 5000);
	assert_true(fixture->session.is_overdue);
	fixture_free(fixture);
}

static void
a_session_without_a_message_ends(void **unused)
{
	struct fixture *fixture = connected();

	(void)unused;
	fixture->config.max_idle_commands = 1000;
	for (unsigned minute = 0; minute < 30; minute++) {
		fixture_pass(fixture, 59999);
		assert_string_equal(fixture_talk(fixture, "NOOP\r\n"), NOOP);
	}
	fixture_pass(fixture, 59999);
	assert_string_equal(
	    fixture_heard(fixture), "421 4.4.2 Too long without a message; connect again when there is one\r\n");
	fixture_free(fixture);
}

static void
text_that_stops_or_trickles(void **unused)
{
	struct fixture *stopped = in_text();
	struct fixture *trickling = in_text();

	(void)unused;
	/* Enough for the rate. */
	send_filler(stopped, 20000);
	fixture_pass(stopped, 179999);
	assert_string_equal(fixture_heard(stopped), "");
	fixture_pass(stopped, 1);
	assert_string_equal(fixture_heard(stopped), TIMED_OUT);
	assert_int_equal(stopped->asked[IPC_ABANDON], 1);
	fixture_free(stopped);

	for (unsigned i = 0; i < 6; i++) {
		fixture_send(trickling, SPAN("x"));
		fixture_pass(trickling, 10000);
	}
	assert_string_equal(fixture_heard(trickling), "");
	fixture_pass(trickling, 1000);
	assert_string_equal(
	    fixture_heard(trickling), "421 4.4.2 The message comes too slowly; connect again over a better line\r\n");
	fixture_free(trickling);
}

static void
draining_ends_what_is_between_messages(void **unused)
{
	struct fixture *idle = connected();
	struct fixture *waiting = connected();
	struct fixture *text = in_text();
	struct fixture *fresh = fixture_new();

	(void)unused;
	idle->world.is_draining = true;
	session_drain(&idle->session, false);
	assert_string_equal(fixture_heard(idle), DRAINING);
	assert_int_equal(idle->session.state, SESSION_CLOSED);
	fixture_free(idle);

	(void)fixture_talk(waiting, "HELO client.example\r\nMAIL FROM:<>\r\n");
	fixture_send(waiting, SPAN("RCPT TO:<alice@example.org>\r\n"));
	waiting->world.is_draining = true;
	session_drain(&waiting->session, false);
	assert_string_equal(fixture_heard(waiting), DRAINING);
	assert_true(fixture_say_probe(waiting, PROBE_TAKES));
	assert_string_equal(fixture_heard(waiting), "");
	fixture_free(waiting);

	text->world.is_draining = true;
	session_drain(&text->session, false);
	fixture_send(text, SPAN("x\r\n.\r\n"));
	session_drain(&text->session, false);
	assert_string_equal(fixture_heard(text), "");
	assert_true(fixture_say_commit(text, COMMIT_DONE, 0));
	assert_string_equal(fixture_heard(text), DELIVERED DRAINING);
	fixture_free(text);

	fresh->world.is_draining = true;
	fixture_connect(fresh, "127.0.0.1");
	assert_string_equal(fixture_heard(fresh), DRAINING);
	fixture_free(fresh);
}

static void
the_end_of_draining_ends_all_but_a_commit_that_has_begun(void **unused)
{
	struct fixture *text = in_text();
	struct fixture *committing = in_text();
	struct fixture *taken_back = in_text();

	(void)unused;
	session_drain(&text->session, true);
	assert_string_equal(fixture_heard(text), DRAINING);
	fixture_free(text);

	fixture_send(committing, SPAN(".\r\n"));
	session_drain(&committing->session, true);
	assert_string_equal(fixture_heard(committing), "");
	assert_true(fixture_say_commit(committing, COMMIT_DONE, 0));
	assert_non_null(strstr(fixture_heard(committing), "250 2.0.0"));
	fixture_free(committing);

	taken_back->gives_up = true;
	taken_back->world.is_draining = true;
	fixture_send(taken_back, SPAN(".\r\n"));
	session_drain(&taken_back->session, true);
	assert_string_equal(fixture_heard(taken_back),
	    "451 4.3.0 Delivery took too long and was taken back; try again later\r\n" DRAINING);
	fixture_free(taken_back);
}

static void
lines_that_wait_are_charged_to_the_memory_budget(void **unused)
{
	struct fixture *fixture = connected();

	(void)unused;
	fixture->memory.limit_bytes = fixture->memory.used_bytes + 100;
	fixture_send(fixture, SPAN("NOOP"));
	assert_int_equal(fixture_kept_bytes(fixture), fixture->session.input.capacity);
	assert_in_range(fixture_kept_bytes(fixture), 4, 100);
	fixture_send(fixture, SPAN("\r\n"));
	assert_int_equal(fixture_kept_bytes(fixture), 0);
	(void)fixture_heard(fixture);
	send_filler(fixture, 128);
	assert_string_equal(
	    fixture_heard(fixture), "421 4.3.2 mx.example.org is out of memory for this session; try again later\r\n");
	fixture_free(fixture);
}

/* Its arena and its handles, which nobody else pays for; what it lacks is a reply. */
static void
a_transaction_is_charged_to_the_memory_budget(void **unused)
{
	struct fixture *fixture = connected();
	const struct session *session = &fixture->session;

	(void)unused;
	(void)fixture_talk(
	    fixture, "EHLO client.example\r\nMAIL FROM:<s@c.example>\r\nRCPT TO:<alice@example.org>\r\n");
	assert_true(session->arena.used_bytes > 0 && session->transaction_arena.used_bytes > 0);
	assert_true(session->transaction->handles.capacity > 0);
	assert_int_equal(fixture->memory.used_bytes,
	    session->arena.used_bytes + session->transaction_arena.used_bytes + session->transaction->handles.capacity);
	(void)fixture_talk(fixture, "RSET\r\n");
	assert_int_equal(fixture->memory.used_bytes, session->arena.used_bytes);
	fixture->memory.limit_bytes = fixture->memory.used_bytes + 100;
	(void)fixture_heard(fixture);
	assert_string_equal(fixture_talk(fixture, "MAIL FROM:<s@c.example>\r\n"),
	    "451 4.3.0 Out of memory for this transaction; try again later\r\n");
	fixture_free(fixture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_that_are_none_end_the_session),
		cmocka_unit_test(a_long_line_is_skipped_and_an_endless_one_given_up),
		cmocka_unit_test(too_many_errors),
		cmocka_unit_test(what_is_left_unread_keeps_the_connection_open),
		cmocka_unit_test(temporary_refusals_are_no_errors),
		cmocka_unit_test(idle_commands_are_counted_until_a_message_is_accepted),
		cmocka_unit_test(a_line_has_its_deadline_from_the_last_reply),
		cmocka_unit_test(a_session_without_a_message_ends),
		cmocka_unit_test(text_that_stops_or_trickles),
		cmocka_unit_test(draining_ends_what_is_between_messages),
		cmocka_unit_test(the_end_of_draining_ends_all_but_a_commit_that_has_begun),
		cmocka_unit_test(lines_that_wait_are_charged_to_the_memory_budget),
		cmocka_unit_test(a_transaction_is_charged_to_the_memory_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
