/* BDAT in a session (RFC 3030): any chunking, in any state, octets swallowed whatever the reply is.
 * On failure: cmocka names the line.
 */
#include "tests/unit/smtpd/bdat_fixture.h"

#define BARE(line)                                                                                                     \
	"550 5.6.11 There is a bare CR or LF in line " line " of the message; correct the client to send CRLF\r\n"

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
		{ "DATA\r\n",             { { OUT_OF_ORDER, SESSION_GREETED }, { OUT_OF_ORDER, SESSION_READY }, { OUT_OF_ORDER, SESSION_MAIL }, { GO_AHEAD, SESSION_TEXT }, { OUT_OF_ORDER, SESSION_BDAT }, { OUT_OF_ORDER, SESSION_SPOILT } } },
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

		fixture_send_pieces(fixture, dialog, piece);
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

/* What is read is read of all replies: the receipt of a message must not get lost over that of the next one. */
static void
each_message_of_a_pipeline_is_settled(void **unused)
{
	static const char message[] = "MAIL FROM:<s@c.example>\r\nRCPT TO:<alice@example.org>\r\nBDAT 1 LAST\r\nx";
	struct fixture *fixture = in_state(SESSION_READY);
	char pipeline[8 * sizeof message] = "";

	(void)unused;
	for (size_t i = 0; i < 5; i++) {
		memcpy(pipeline + i * strlen(message), message, sizeof message);
		(void)fixture_talk(fixture, pipeline);
		assert_int_equal(fixture->settled_count, 0);
		/* Over the cap the oldest stays unsettled. */
		assert_heard(fixture, "NOOP\r\n", NOOP);
		assert_int_equal(fixture->settled_count, i < 4 ? i + 1 : 4);
		fixture->settled_count = 0;
	}
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
		cmocka_unit_test(each_message_of_a_pipeline_is_settled),
		cmocka_unit_test(swallowed_chunks_are_no_errors),
		cmocka_unit_test(rset_discards_what_came),
		cmocka_unit_test(what_cannot_be_counted_ends_the_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
