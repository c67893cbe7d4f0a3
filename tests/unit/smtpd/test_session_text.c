/* The message text and what follows the final dot: judged, handed over, receipts settled.
 * On failure: cmocka names the line.
 */
#include "tests/unit/smtpd/replies.h"

static struct fixture *
in_text(void)
{
	struct fixture *fixture = fixture_new();

	fixture_connect(fixture, "127.0.0.1");
	(void)fixture_talk(
	    fixture, "EHLO client.example\r\nMAIL FROM:<s@c.example>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n");
	assert_int_equal(fixture->session.state, SESSION_TEXT);
	return fixture;
}

static void
what_the_text_holds_is_judged_at_its_end(void **unused)
{
	static const struct {
		struct span text;
		const char *reply;
		bool strict;
	} cases[] = {
		{ SPAN("a: b\r\n\r\nc\nd\r\n.\r\n"),
		    "550 5.6.11 There is a bare CR or LF in line 3 of the message; correct the client to send CRLF\r\n",
		    false },
		{ SPAN("x\n.\nMAIL FROM:<>\r\n.\r\n"),
		    "550 5.6.11 There is a bare CR or LF in line 1 of the message; correct the client to send CRLF\r\n",
		    false },
		{ SPAN("x\r\ny\0\r\n.\r\n"), DELIVERED, false },
		{ SPAN("x\r\ny\0\r\n.\r\n"),
		    "550 5.6.0 There is a NUL in line 2 of the message, which RFC 5321 forbids; correct the program "
		    "that wrote it\r\n",
		    true },
		{ SPAN(".\r\n"), DELIVERED, true },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture *fixture = in_text();

		fixture->config.strict_text = cases[i].strict;
		fixture_send(fixture, cases[i].text);
		fixture_answer_well(fixture);
		assert_string_equal(fixture_heard(fixture), cases[i].reply);
		assert_int_equal(fixture->session.state, SESSION_READY);
		assert_int_equal(fixture->asked[IPC_ABANDON], cases[i].reply[0] == '2' ? 0 : 1);
		fixture_free(fixture);
	}
}

static void
a_loop_is_seen(void **unused)
{
	struct fixture *fixture = in_text();

	(void)unused;
	for (unsigned i = 0; i < 11; i++)
		fixture_send(fixture, SPAN("Received: from a by b\r\n"));
	assert_string_equal(fixture_talk(fixture, "\r\n.\r\n"),
	    "554 5.4.6 The message has passed too many servers, it is in a loop; "
	    "have the forwarding of the recipient checked\r\n");
	fixture_free(fixture);
}

/* A line of so many octets with its CRLF, repeated. */
static void
send_lines(struct fixture *fixture, size_t octets, unsigned lines)
{
	char line[4096];

	memset(line, 'x', octets - 2);
	memcpy(line + octets - 2, "\r\n", 2);
	for (unsigned i = 0; i < lines; i++)
		fixture_send(fixture, span_make(line, octets));
}

static void
size_is_counted(void **unused)
{
	struct fixture *exact = in_text();
	struct fixture *large = in_text();
	struct fixture *endless = in_text();

	(void)unused;
	send_lines(exact, 64, 1024);
	assert_string_equal(fixture_talk(exact, ".\r\n"), DELIVERED);
	assert_int_equal(exact->asked[IPC_COMMIT_FD_ASK], 1);
	assert_int_equal(exact->body.length, 65536);
	fixture_free(exact);

	send_lines(large, 64, 1025);
	assert_int_equal(fixture_kept_bytes(large), 0);
	assert_string_equal(fixture_talk(large, ".\r\nNOOP\r\n"),
	    "552 5.3.4 The message is over the limit of 65536 bytes; send it in parts, or send a link to its "
	    "attachments\r\n" NOOP);
	fixture_free(large);

	/* Twice the limit and a mebibyte. */
	send_lines(endless, 4096, 288);
	assert_string_equal(fixture_heard(endless), "");
	send_lines(endless, 4096, 1);
	assert_string_equal(fixture_heard(endless),
	    "552 5.3.4 The message is far over the limit of 65536 bytes; send a link to its attachments\r\n");
	assert_int_equal(endless->session.state, SESSION_LINGERING);
	send_lines(endless, 4096, 100);
	assert_string_equal(fixture_heard(endless), "");
	session_input_ended(&endless->session, true);
	assert_int_equal(endless->session.state, SESSION_CLOSED);
	fixture_free(endless);
}

static void
no_room_for_the_body(void **unused)
{
	struct fixture *fixture = in_text();

	(void)unused;
	fixture->memory.limit_bytes = fixture->memory.used_bytes + 1000;
	body_store_limit(&fixture->bodies, 1000);
	send_lines(fixture, 64, 100);
	assert_string_equal(
	    fixture_talk(fixture, ".\r\n"), "452 4.3.1 There is no room to hold the message now; try again later\r\n");
	fixture_free(fixture);
}

static void
a_receipt_is_settled_by_the_next_byte(void **unused)
{
	struct fixture *fixture = in_text();

	(void)unused;
	assert_string_equal(fixture_talk(fixture, ".\r\n"), DELIVERED);
	assert_int_equal(fixture->settled_count, 0);
	/* A byte that comes before the acknowledgement proves nothing. */
	fixture->is_acknowledged = false;
	fixture_send(fixture, SPAN("NO"));
	assert_int_equal(fixture->settled_count, 0);
	fixture->is_acknowledged = true;
	fixture_send(fixture, SPAN("OP\r\n"));
	assert_int_equal(fixture->settled_count, 1);
	assert_int_equal(fixture->settled[0], 99);
	fixture_send(fixture, SPAN("NOOP\r\n"));
	assert_int_equal(fixture->settled_count, 1);
	fixture_free(fixture);
}

/* As Postfix sends it: the replies leave in one write, and only the FIN tells that they were read. */
static void
a_pipelined_quit_waits_for_the_fin(void **unused)
{
	struct fixture *orderly = in_text();
	struct fixture *cut_off = in_text();
	struct fixture *silent = in_text();

	(void)unused;
	assert_string_equal(fixture_talk(orderly, ".\r\nQUIT\r\n"), DELIVERED GOODBYE);
	assert_int_equal(orderly->session.state, SESSION_LINGERING);
	session_input_ended(&orderly->session, true);
	assert_int_equal(orderly->settled_count, 1);
	assert_int_equal(orderly->session.state, SESSION_CLOSED);
	assert_string_equal(orderly->session.end_reason, "quit");
	fixture_free(orderly);

	assert_string_equal(fixture_talk(cut_off, ".\r\nQUIT\r\n"), DELIVERED GOODBYE);
	session_input_ended(&cut_off->session, false);
	assert_int_equal(cut_off->settled_count, 0);
	fixture_free(cut_off);

	assert_string_equal(fixture_talk(silent, ".\r\nQUIT\r\n"), DELIVERED GOODBYE);
	/* It may wait for our FIN; but not for ever. */
	assert_false(silent->session.sends_fin);
	fixture_pass(silent, 4999);
	assert_true(silent->session.sends_fin);
	assert_false(silent->session.is_overdue);
	fixture_pass(silent, 1);
	assert_true(silent->session.is_overdue);
	assert_int_equal(silent->settled_count, 0);
	fixture_free(silent);
}

static void
a_receipt_dies_with_its_deliver(void **unused)
{
	struct fixture *fixture = in_text();

	(void)unused;
	assert_string_equal(fixture_talk(fixture, ".\r\n"), DELIVERED);
	session_neighbour_gone(&fixture->session, ROLE_DELIVER);
	assert_string_equal(fixture_talk(fixture, "QUIT\r\n"), GOODBYE);
	assert_int_equal(fixture->settled_count, 0);
	assert_int_equal(fixture->session.state, SESSION_CLOSED);
	fixture_free(fixture);
}

static void
clients_that_vanish_leave_nothing_behind(void **unused)
{
	struct fixture *fixture = in_text();

	(void)unused;
	send_lines(fixture, 64, 900);
	assert_true(fixture_kept_bytes(fixture) > 0);
	session_input_ended(&fixture->session, false);
	assert_int_equal(fixture_kept_bytes(fixture), 0);
	assert_int_equal(fixture->asked[IPC_ABANDON], 1);
	assert_int_equal(fixture->asked[IPC_COMMIT_FD_ASK], 0);
	assert_string_equal(fixture_heard(fixture), "");
	fixture_free(fixture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_text_holds_is_judged_at_its_end),
		cmocka_unit_test(a_loop_is_seen),
		cmocka_unit_test(size_is_counted),
		cmocka_unit_test(no_room_for_the_body),
		cmocka_unit_test(a_receipt_is_settled_by_the_next_byte),
		cmocka_unit_test(a_pipelined_quit_waits_for_the_fin),
		cmocka_unit_test(a_receipt_dies_with_its_deliver),
		cmocka_unit_test(clients_that_vanish_leave_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
