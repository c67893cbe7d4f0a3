/* BDAT in a session (RFC 3030): limits, deadlines, and ends in the middle of a message.
 * On failure: cmocka names the line.
 */
#include "tests/unit/smtpd/bdat_fixture.h"

#define TOO_LARGE                                                                                                      \
	"552 5.3.4 The message is over the limit of 65536 bytes; send it in parts, or send a link to its "             \
	"attachments\r\n"
#define ENDLESS "552 5.3.4 The message is far over the limit of 65536 bytes; send a link to its attachments\r\n"

/* The octets of a chunk, its text lines of 64. */
static void
send_octets(struct fixture *fixture, size_t octets)
{
	static const char line[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n";

	for (size_t sent = 0; sent < octets; sent += sizeof line - 1)
		fixture_send(fixture, span_take(span_of(line), octets - sent));
}

static void
size_is_counted(void **unused)
{
	struct fixture *exact = in_state(SESSION_RCPT);
	struct fixture *large = in_state(SESSION_RCPT);
	struct fixture *endless = in_state(SESSION_RCPT);
	struct fixture *unwanted = in_state(SESSION_READY);

	(void)unused;
	fixture_send(exact, SPAN("BDAT 65536 LAST\r\n"));
	send_octets(exact, 65536);
	assert_heard(exact, "", DELIVERED);
	assert_int_equal(exact->body.length, 65536);
	fixture_free(exact);

	fixture_send(large, SPAN("BDAT 65536\r\n"));
	send_octets(large, 65536);
	assert_heard(large, "BDAT 1\r\n", TAKEN("65536"));
	assert_heard(large, "x", TOO_LARGE);
	assert_int_equal(fixture_kept_bytes(large), 0);
	assert_int_equal(large->session.state, SESSION_SPOILT);
	assert_heard(large, "BDAT 1 LAST\r\nxNOOP\r\n", UNWANTED NOOP);
	fixture_free(large);

	/* Twice the limit and a mebibyte is read; one octet more is not waited for. */
	assert_heard(endless, "BDAT 1179648\r\n", "");
	assert_int_equal(endless->session.chunk_left, 1179648);
	send_octets(endless, 1179648);
	assert_heard(endless, "", TOO_LARGE);
	assert_heard(endless, "BDAT 1179649\r\n", ENDLESS);
	assert_int_equal(endless->session.state, SESSION_LINGERING);
	fixture_free(endless);
	assert_heard(unwanted, "BDAT 99999999999999999999999 LAST\r\n", ENDLESS);
	fixture_free(unwanted);
}

/* Chunks behind a refused one are read like the one message that they are: no more of them than of a single chunk. */
static void
swallowed_chunks_are_counted_together(void **unused)
{
	struct fixture *refused = in_state(SESSION_RCPT);
	struct fixture *unwanted = in_state(SESSION_SPOILT);

	(void)unused;
	fixture_send(refused, SPAN("BDAT 65537\r\n"));
	send_octets(refused, 65537);
	assert_heard(refused, "", TOO_LARGE);
	for (unsigned i = 1; i < 17; i++) {
		fixture_send(refused, SPAN("BDAT 65537\r\n"));
		send_octets(refused, 65537);
		assert_heard(refused, "", UNWANTED);
	}
	/* 65519 octets are left of 1179648. */
	assert_heard(refused, "BDAT 65520\r\n", ENDLESS);
	assert_int_equal(refused->session.state, SESSION_LINGERING);
	fixture_free(refused);

	/* The three octets of its first chunk, then all that are allowed. */
	fixture_send(unwanted, SPAN("BDAT 1179645\r\n"));
	send_octets(unwanted, 1179645);
	assert_heard(unwanted, "", UNWANTED);
	assert_heard(unwanted, "BDAT 0\r\n", UNWANTED);
	/* The next message has its own. */
	assert_heard(unwanted, "RSET\r\nMAIL FROM:<s@c.example>\r\nBDAT 3\r\na\r\n", RESET SENDER UNWANTED);
	fixture_send(unwanted, SPAN("BDAT 1179645\r\n"));
	send_octets(unwanted, 1179645);
	assert_heard(unwanted, "BDAT 1 LAST\r\n", UNWANTED ENDLESS);
	fixture_free(unwanted);
}

static void
a_loop_is_seen_at_its_chunk(void **unused)
{
	struct fixture *fixture = in_state(SESSION_RCPT);

	(void)unused;
	for (unsigned i = 0; i < 10; i++)
		assert_heard(fixture, "BDAT 13\r\nReceived: a\r\n", TAKEN("13"));
	assert_heard(fixture, "BDAT 13\r\nReceived: a\r\n",
	    "554 5.4.6 The message has passed too many servers, it is in a loop; have the forwarding of the recipient "
	    "checked\r\n");
	fixture_free(fixture);
}

static void
no_room_for_the_body(void **unused)
{
	struct fixture *fixture = in_state(SESSION_RCPT);

	(void)unused;
	fixture->memory.limit_bytes = fixture->memory.used_bytes + 1000;
	body_store_limit(&fixture->bodies, 1000);
	fixture_send(fixture, SPAN("BDAT 6400\r\n"));
	send_octets(fixture, 6400);
	assert_heard(fixture, "BDAT 0 LAST\r\n",
	    "452 4.3.1 There is no room to hold the message now; try again later\r\n" UNWANTED);
	fixture_free(fixture);
}

static void
deliver_that_is_gone_is_noticed_at_the_next_chunk(void **unused)
{
	struct fixture *fixture = in_state(SESSION_BDAT);

	(void)unused;
	session_neighbour_gone(&fixture->session, ROLE_DELIVER);
	assert_heard(fixture, "BDAT 1\r\nx", "451 4.3.0 Delivery does not work now; try again later\r\n");
	assert_int_equal(fixture->session.state, SESSION_SPOILT);
	fixture_free(fixture);
}

/* QUIT behind the last chunk is left alone until deliver has answered: one turn, one write. */
static void
a_pipelined_quit_leaves_with_the_250(void **unused)
{
	struct fixture *fixture = in_state(SESSION_BDAT);

	(void)unused;
	fixture_send(fixture, SPAN("BDAT 1 LAST\r\nxQUIT\r\n"));
	assert_int_equal(fixture->session.wait, WAIT_COMMIT);
	assert_string_equal(fixture_heard(fixture), "");
	assert_true(fixture_say_commit(fixture, COMMIT_DONE, 99));
	assert_string_equal(fixture_heard(fixture), DELIVERED GOODBYE);
	assert_int_equal(fixture->session.state, SESSION_LINGERING);
	session_input_ended(&fixture->session, true);
	assert_int_equal(fixture->settled_count, 1);
	fixture_free(fixture);
}

static void
chunks_have_deadlines(void **unused)
{
	struct fixture *silent = in_state(SESSION_RCPT);
	struct fixture *slow = in_state(SESSION_BDAT);
	struct fixture *swallowed = in_state(SESSION_MAIL);

	(void)unused;
	fixture_send(silent, SPAN("BDAT 9\r\nx"));
	silent->config.data_rate = 0;
	fixture_pass(silent, 179999);
	assert_string_equal(fixture_heard(silent), "");
	fixture_pass(silent, 1);
	assert_string_equal(fixture_heard(silent), TIMED_OUT);
	fixture_free(silent);

	/* The time between chunks is time of the message. */
	fixture_pass(slow, 60000);
	assert_string_equal(fixture_heard(slow), "");
	fixture_pass(slow, 1000);
	assert_string_equal(
	    fixture_heard(slow), "421 4.4.2 The message comes too slowly; connect again over a better line\r\n");
	fixture_free(slow);

	/* Nobody waits for ever for what is thrown away. */
	fixture_send(swallowed, SPAN("BDAT 1000000\r\n"));
	for (unsigned i = 0; i < 17; i++) {
		fixture_send(swallowed, SPAN("x"));
		fixture_pass(swallowed, 100000);
		assert_string_equal(fixture_heard(swallowed), "");
	}
	fixture_send(swallowed, SPAN("x"));
	fixture_pass(swallowed, 100000);
	assert_string_equal(
	    fixture_heard(swallowed), "421 4.4.2 Too long without a message; connect again when there is one\r\n");
	fixture_free(swallowed);
}

static void
a_message_under_way_is_finished_while_we_drain(void **unused)
{
	struct fixture *under_way = in_state(SESSION_BDAT);
	struct fixture *opened = in_state(SESSION_RCPT);
	struct fixture *spoilt = in_state(SESSION_SPOILT);

	(void)unused;
	under_way->world.is_draining = true;
	session_drain(&under_way->session, false);
	assert_heard(under_way, "BDAT 1\r\nxBDAT 1 LAST\r\ny", TAKEN("1") DELIVERED DRAINING);
	fixture_free(under_way);

	fixture_send(opened, SPAN("BDAT 2\r\nx"));
	opened->world.is_draining = true;
	session_drain(&opened->session, false);
	assert_heard(opened, "y", TAKEN("2"));
	session_drain(&opened->session, true);
	assert_string_equal(fixture_heard(opened), DRAINING);
	fixture_free(opened);

	spoilt->world.is_draining = true;
	session_drain(&spoilt->session, false);
	assert_string_equal(fixture_heard(spoilt), DRAINING);
	fixture_free(spoilt);
}

static void
clients_that_vanish_leave_nothing_behind(void **unused)
{
	struct fixture *fixture = in_state(SESSION_BDAT);

	(void)unused;
	fixture_send(fixture, SPAN("BDAT 9 LAST\r\nx"));
	session_input_ended(&fixture->session, true);
	assert_int_equal(fixture_kept_bytes(fixture), 0);
	assert_int_equal(fixture->asked[IPC_COMMIT_ASK], 0);
	assert_int_equal(fixture->asked[IPC_ABANDON], 1);
	assert_string_equal(fixture_heard(fixture), "");
	fixture_free(fixture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(size_is_counted),
		cmocka_unit_test(swallowed_chunks_are_counted_together),
		cmocka_unit_test(a_loop_is_seen_at_its_chunk),
		cmocka_unit_test(no_room_for_the_body),
		cmocka_unit_test(deliver_that_is_gone_is_noticed_at_the_next_chunk),
		cmocka_unit_test(a_pipelined_quit_leaves_with_the_250),
		cmocka_unit_test(chunks_have_deadlines),
		cmocka_unit_test(a_message_under_way_is_finished_while_we_drain),
		cmocka_unit_test(clients_that_vanish_leave_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
