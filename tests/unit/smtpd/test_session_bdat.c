/* BDAT in a session (RFC 3030): any chunking, octets swallowed whatever the reply is, limits, and what follows.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/smtpd/session_fixture.h"

#define assert_heard(fixture, text, expected) assert_string_equal(fixture_talk(fixture, text), expected)

#define DELIVERED "250 2.0.0 Delivered; 65a0000000000001-1\r\n"
#define TAKEN(octets) "250 2.0.0 " octets " octets taken\r\n"
#define UNWANTED                                                                                                       \
	"503 5.5.1 No message takes this chunk: no recipient was accepted, or an earlier chunk was refused; send "     \
	"RSET\r\n"
#define OUT_OF_ORDER "503 5.5.1 This command is out of order here; the order is EHLO, MAIL, RCPT, DATA\r\n"
#define BARE(line)                                                                                                     \
	"550 5.6.11 There is a bare CR or LF in line " line " of the message; correct the client to send CRLF\r\n"
#define TOO_LARGE                                                                                                      \
	"552 5.3.4 The message is over the limit of 65536 bytes; send it in parts, or send a link to its "             \
	"attachments\r\n"
#define ENDLESS "552 5.3.4 The message is far over the limit of 65536 bytes; send a link to its attachments\r\n"
#define NOOP "250 2.0.0 Nothing done\r\n"
#define RESET "250 2.0.0 Reset\r\n"
#define SENDER "250 2.1.0 Sender taken\r\n"
#define RECIPIENT "250 2.1.5 Recipient taken\r\n"
#define GOODBYE "221 2.0.0 mx.example.org closes the connection\r\n"
#define DRAINING "421 4.3.2 mx.example.org is being stopped or restarted; connect again in a minute\r\n"

enum { STATES = SESSION_SPOILT + 1 };

static struct fixture *
in_state(enum session_state state)
{
	static const char *const lines[STATES] = {
		[SESSION_GREETED] = "",
		[SESSION_READY] = "EHLO client.example\r\n",
		[SESSION_MAIL] = "EHLO client.example\r\nMAIL FROM:<s@c.example>\r\n",
		[SESSION_RCPT] = "EHLO client.example\r\nMAIL FROM:<s@c.example>\r\nRCPT TO:<alice@example.org>\r\n",
		[SESSION_BDAT] = ("EHLO client.example\r\nMAIL FROM:<s@c.example>\r\nRCPT TO:<alice@example.org>\r\n"
				  "BDAT 3\r\na\r\n"),
		[SESSION_SPOILT] = "EHLO client.example\r\nMAIL FROM:<s@c.example>\r\nBDAT 3\r\na\r\n",
	};
	struct fixture *fixture = fixture_new();

	fixture_connect(fixture, "127.0.0.1");
	(void)fixture_talk(fixture, lines[state]);
	assert_int_equal(fixture->session.state, state);
	return fixture;
}

static void
assert_body(const struct fixture *fixture, struct span text)
{
	assert_int_equal(fixture->body.length, text.length);
	assert_memory_equal(fixture->body.data, text.data, text.length);
}

static void
each_command_in_each_state(void **unused)
{
	static const struct {
		const char *lines;
		struct {
			const char *reply;
			enum session_state next;
		} in[STATES];
	} cases[] = {
		/* clang-format off */
		{ "BDAT 3\r\nb\r\n",      { { UNWANTED, SESSION_GREETED }, { UNWANTED, SESSION_SPOILT }, { UNWANTED, SESSION_SPOILT }, { TAKEN("3"), SESSION_BDAT }, { TAKEN("3"), SESSION_BDAT }, { UNWANTED, SESSION_SPOILT } } },
		{ "BDAT 0\r\n",           { { UNWANTED, SESSION_GREETED }, { UNWANTED, SESSION_SPOILT }, { UNWANTED, SESSION_SPOILT }, { TAKEN("0"), SESSION_BDAT }, { TAKEN("0"), SESSION_BDAT }, { UNWANTED, SESSION_SPOILT } } },
		{ "BDAT 3 LAST\r\nb\r\n", { { UNWANTED, SESSION_GREETED }, { UNWANTED, SESSION_READY }, { UNWANTED, SESSION_READY }, { DELIVERED, SESSION_READY }, { DELIVERED, SESSION_READY }, { UNWANTED, SESSION_READY } } },
		{ "bdat 0 last\r\n",      { { UNWANTED, SESSION_GREETED }, { UNWANTED, SESSION_READY }, { UNWANTED, SESSION_READY }, { DELIVERED, SESSION_READY }, { DELIVERED, SESSION_READY }, { UNWANTED, SESSION_READY } } },
		{ "DATA\r\n",             { { OUT_OF_ORDER, SESSION_GREETED }, { OUT_OF_ORDER, SESSION_READY }, { OUT_OF_ORDER, SESSION_MAIL }, { "354 Send the message and end it with a line holding only a dot\r\n", SESSION_TEXT }, { OUT_OF_ORDER, SESSION_BDAT }, { OUT_OF_ORDER, SESSION_SPOILT } } },
		{ "MAIL FROM:<>\r\n",     { { OUT_OF_ORDER, SESSION_GREETED }, { SENDER, SESSION_MAIL }, { OUT_OF_ORDER, SESSION_MAIL }, { OUT_OF_ORDER, SESSION_RCPT }, { OUT_OF_ORDER, SESSION_BDAT }, { OUT_OF_ORDER, SESSION_SPOILT } } },
		{ "RCPT TO:<bob@example.org>\r\n", { { OUT_OF_ORDER, SESSION_GREETED }, { OUT_OF_ORDER, SESSION_READY }, { RECIPIENT, SESSION_RCPT }, { RECIPIENT, SESSION_RCPT }, { OUT_OF_ORDER, SESSION_BDAT }, { OUT_OF_ORDER, SESSION_SPOILT } } },
		{ "RSET\r\n",             { { RESET, SESSION_GREETED }, { RESET, SESSION_READY }, { RESET, SESSION_READY }, { RESET, SESSION_READY }, { RESET, SESSION_READY }, { RESET, SESSION_READY } } },
		{ "NOOP\r\n",             { { NOOP, SESSION_GREETED }, { NOOP, SESSION_READY }, { NOOP, SESSION_MAIL }, { NOOP, SESSION_RCPT }, { NOOP, SESSION_BDAT }, { NOOP, SESSION_SPOILT } } },
		{ "HELO c.example\r\n",   { { "250 mx.example.org\r\n", SESSION_READY }, { "250 mx.example.org\r\n", SESSION_READY }, { "250 mx.example.org\r\n", SESSION_READY }, { "250 mx.example.org\r\n", SESSION_READY }, { "250 mx.example.org\r\n", SESSION_READY }, { "250 mx.example.org\r\n", SESSION_READY } } },
		{ "QUIT\r\n",             { { GOODBYE, SESSION_CLOSED }, { GOODBYE, SESSION_CLOSED }, { GOODBYE, SESSION_CLOSED }, { GOODBYE, SESSION_CLOSED }, { GOODBYE, SESSION_CLOSED }, { GOODBYE, SESSION_CLOSED } } },
		/* clang-format on */
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (unsigned state = 0; state < STATES; state++) {
			struct fixture *fixture = in_state((enum session_state)state);
			const char *heard = fixture_talk(fixture, cases[i].lines);

			if (strcmp(heard, cases[i].in[state].reply) != 0)
				fail_msg("%s in state %u: %s", cases[i].lines, state, heard);
			if (fixture->session.state != cases[i].in[state].next)
				fail_msg(
				    "%s in state %u: state %u follows", cases[i].lines, state, fixture->session.state);
			fixture_free(fixture);
		}
	}
}

/* Everything in one piece, and byte by byte: the same replies, the same text. */
static void
any_chunking_in_any_pieces(void **unused)
{
	static const char dialog[] =
	    "EHLO c.example\r\nMAIL FROM:<s@c.example>\r\nRCPT TO:<alice@example.org>\r\n"
	    "BDAT 14\r\nSubject: hi\r\n\rBDAT 1\r\n\nBDAT 0\r\nBDAT 7\r\n.\r\nQUITBDAT 2\r\n\r\n"
	    "BDAT 6 LAST\r\nRSET\r\nNOOP\r\nQUIT\r\n";
	static const char replies[] =
	    SENDER RECIPIENT TAKEN("14") TAKEN("1") TAKEN("0") TAKEN("7") TAKEN("2") DELIVERED NOOP GOODBYE;

	(void)unused;
	for (size_t piece = 1; piece < sizeof dialog; piece += piece < 9 ? 1 : 31) {
		struct fixture *fixture = in_state(SESSION_GREETED);

		for (struct span rest = span_of(dialog); rest.length; rest = span_skip(rest, piece)) {
			fixture_send(fixture, span_take(rest, piece));
			fixture_answer_well(fixture);
		}
		assert_non_null(strstr(fixture_heard(fixture), "250-CHUNKING\r\n"));
		assert_string_equal(strstr(fixture->heard, SENDER), replies);
		assert_body(fixture, SPAN("Subject: hi\r\n\r\n.\r\nQUIT\r\nRSET\r\n"));
		assert_int_equal(fixture->asked[IPC_COMMIT_ASK], 1);
		fixture_free(fixture);
	}
}

static void
bare_newlines_are_made_whole(void **unused)
{
	struct fixture *fixture = in_state(SESSION_RCPT);

	(void)unused;
	assert_heard(fixture, "BDAT 6\r\na\nb\rc\rBDAT 2 LAST\r\n\nd", TAKEN("6") DELIVERED);
	assert_body(fixture, SPAN("a\r\nb\r\nc\r\nd\r\n"));
	fixture_free(fixture);
}

static void
bare_newlines_are_refused_where_configured(void **unused)
{
	struct fixture *fixture = in_state(SESSION_READY);

	(void)unused;
	fixture->config.bare_newline = BARE_NEWLINE_REFUSE;
	(void)fixture_talk(fixture, "MAIL FROM:<s@c.example>\r\nRCPT TO:<alice@example.org>\r\n");
	assert_heard(fixture, "BDAT 4\r\na\r\nbBDAT 4\r\nc\nd\rBDAT 1\r\n\nBDAT 4 LAST\r\nx\r\n.NOOP\r\n",
	    TAKEN("4") BARE("2") UNWANTED UNWANTED NOOP);
	assert_int_equal(fixture_kept_bytes(fixture), 0);
	assert_int_equal(fixture->session.state, SESSION_READY);
	/* A CR at the very end is bare, too; a last line without an end is not. */
	(void)fixture_talk(fixture, "MAIL FROM:<s@c.example>\r\nRCPT TO:<alice@example.org>\r\n");
	assert_heard(fixture, "BDAT 2 LAST\r\na\r", BARE("1"));
	(void)fixture_talk(fixture, "MAIL FROM:<s@c.example>\r\nRCPT TO:<alice@example.org>\r\n");
	assert_heard(
	    fixture, "BDAT 2\r\na\rBDAT 2 LAST\r\n\nb", TAKEN("2") "250 2.0.0 Delivered; 65a0000000000001-3\r\n");
	assert_body(fixture, SPAN("a\r\nb\r\n"));
	fixture_free(fixture);
}

static void
without_a_recipient_all_is_swallowed(void **unused)
{
	struct fixture *fixture = in_state(SESSION_MAIL);

	(void)unused;
	assert_heard(fixture, "BDAT 6\r\nQUIT\r\nBDAT 6\r\nRSET\r\nRCPT TO:<alice@example.org>\r\nBDAT 6\r\nQUIT\r\n",
	    UNWANTED UNWANTED OUT_OF_ORDER UNWANTED);
	assert_heard(fixture, "RSET\r\nMAIL FROM:<s@c.example>\r\nRCPT TO:<alice@example.org>\r\nBDAT 1 LAST\r\nx",
	    RESET SENDER RECIPIENT "250 2.0.0 Delivered; 65a0000000000001-2\r\n");
	assert_body(fixture, SPAN("x\r\n"));
	fixture_free(fixture);
}

/* A pipelined next message must not fall with the one before it. */
static void
the_last_swallowed_chunk_makes_way_for_the_next_message(void **unused)
{
	struct fixture *fixture = in_state(SESSION_MAIL);

	(void)unused;
	assert_heard(fixture,
	    "RCPT TO:<nobody@example.org>\r\nBDAT 1\r\nxBDAT 1 LAST\r\ny"
	    "MAIL FROM:<s@c.example>\r\nRCPT TO:<alice@example.org>\r\nBDAT 1 LAST\r\nz",
	    "550 5.1.1 There is no address nobody@example.org here; check its spelling\r\n" UNWANTED UNWANTED SENDER
		RECIPIENT "250 2.0.0 Delivered; 65a0000000000001-2\r\n");
	assert_body(fixture, SPAN("z\r\n"));
	fixture_free(fixture);
}

/* However many chunks are in the pipeline behind a refused one: the refusal counts once. */
static void
swallowed_chunks_are_no_errors(void **unused)
{
	struct fixture *fixture = in_state(SESSION_MAIL);

	(void)unused;
	for (unsigned i = 0; i < 100; i++)
		assert_heard(fixture, "BDAT 3\r\nx\r\n", UNWANTED);
	assert_int_equal(fixture->session.errors, 1);
	assert_heard(fixture, "RSET\r\n", RESET);
	fixture_free(fixture);
}

static void
rset_discards_what_came(void **unused)
{
	struct fixture *fixture = in_state(SESSION_BDAT);

	(void)unused;
	assert_true(fixture_kept_bytes(fixture) > 0);
	assert_heard(fixture, "RSET\r\n", RESET);
	assert_int_equal(fixture_kept_bytes(fixture), 0);
	assert_int_equal(fixture->asked[IPC_ABANDON], 1);
	fixture_free(fixture);
}

static void
what_cannot_be_counted_ends_the_session(void **unused)
{
	static const char *const lines[] = { "BDAT\r\nQUIT\r\n", "BDAT x\r\nQUIT\r\n", "BDAT 5 FIRST\r\nQUIT\r\n",
		"BDAT -1 LAST\r\nQUIT\r\n" };

	(void)unused;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct fixture *fixture = in_state(SESSION_RCPT);

		assert_heard(fixture, lines[i],
		    "501 5.5.4 Write it as BDAT octets, or BDAT octets LAST; what follows cannot be told from "
		    "text\r\n");
		assert_int_equal(fixture->session.state, SESSION_LINGERING);
		assert_heard(fixture, "NOOP\r\n", "");
		fixture_free(fixture);
	}
}

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
pass(struct fixture *fixture, uint64_t ms)
{
	fixture->now_ms += ms;
	session_tick(&fixture->session);
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
	pass(silent, 179999);
	assert_string_equal(fixture_heard(silent), "");
	pass(silent, 1);
	assert_string_equal(fixture_heard(silent), "421 4.4.2 Waited too long for your next line; connect again\r\n");
	fixture_free(silent);

	/* The time between chunks is time of the message. */
	pass(slow, 60000);
	assert_string_equal(fixture_heard(slow), "");
	pass(slow, 1000);
	assert_string_equal(
	    fixture_heard(slow), "421 4.4.2 The message comes too slowly; connect again over a better line\r\n");
	fixture_free(slow);

	/* Nobody waits for ever for what is thrown away. */
	fixture_send(swallowed, SPAN("BDAT 1000000\r\n"));
	for (unsigned i = 0; i < 17; i++) {
		fixture_send(swallowed, SPAN("x"));
		pass(swallowed, 100000);
		assert_string_equal(fixture_heard(swallowed), "");
	}
	fixture_send(swallowed, SPAN("x"));
	pass(swallowed, 100000);
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
		cmocka_unit_test(each_command_in_each_state),
		cmocka_unit_test(any_chunking_in_any_pieces),
		cmocka_unit_test(bare_newlines_are_made_whole),
		cmocka_unit_test(bare_newlines_are_refused_where_configured),
		cmocka_unit_test(without_a_recipient_all_is_swallowed),
		cmocka_unit_test(the_last_swallowed_chunk_makes_way_for_the_next_message),
		cmocka_unit_test(swallowed_chunks_are_no_errors),
		cmocka_unit_test(rset_discards_what_came),
		cmocka_unit_test(what_cannot_be_counted_ends_the_session),
		cmocka_unit_test(size_is_counted),
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
