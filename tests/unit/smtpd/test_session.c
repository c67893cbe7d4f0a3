/* smtpd/session: every verb in every state, and whole dialogs without sockets.
 * On failure: cmocka names the line.
 */
#include "tests/unit/smtpd/replies.h"

#define HELO "250 mx.example.org\r\n"
#define EHLO                                                                                                           \
	"250-mx.example.org\r\n250-PIPELINING\r\n250-SIZE 65536\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"                   \
	"250-ENHANCEDSTATUSCODES\r\n250-CHUNKING\r\n250-PRDR\r\n250 LIMITS RCPTMAX=100\r\n"

/* A session in this state, with its replies taken. */
static struct fixture *
in_state(enum session_state state)
{
	struct fixture *fixture = fixture_new();

	fixture_connect(fixture, "127.0.0.1");
	assert_string_equal(fixture_heard(fixture), GREETING);
	if (state >= SESSION_READY)
		assert_heard(fixture, "EHLO client.example\r\n", EHLO);
	if (state >= SESSION_MAIL)
		assert_heard(fixture, "MAIL FROM:<sender@client.example>\r\n", SENDER);
	if (state >= SESSION_RCPT)
		assert_heard(fixture, "RCPT TO:<alice@example.org>\r\n", RECIPIENT);
	if (state >= SESSION_TEXT)
		assert_heard(fixture, "DATA\r\n", GO_AHEAD);
	assert_int_equal(fixture->session.state, state);
	return fixture;
}

enum { STATES = SESSION_RCPT + 1 };

/* What each command line is answered in each state, and what state follows. */
static const struct {
	const char *line;
	struct {
		const char *reply; /* how it begins */
		enum session_state next;
	} in[STATES];
} expected[] = {
	/* clang-format off */
	/*                                GREETED                READY                  MAIL                   RCPT */
	{ "EHLO client.example",       { { "250-", SESSION_READY }, { "250-", SESSION_READY }, { "250-", SESSION_READY }, { "250-", SESSION_READY } } },
	{ "HELO client.example",       { { "250 ", SESSION_READY }, { "250 ", SESSION_READY }, { "250 ", SESSION_READY }, { "250 ", SESSION_READY } } },
	{ "EHLO",                      { { "501 5.5.4", SESSION_GREETED }, { "501 5.5.4", SESSION_READY }, { "501 5.5.4", SESSION_MAIL }, { "501 5.5.4", SESSION_RCPT } } },
	{ "MAIL FROM:<a@b.example>",   { { "503 5.5.1", SESSION_GREETED }, { "250 2.1.0", SESSION_MAIL }, { "503 5.5.1", SESSION_MAIL }, { "503 5.5.1", SESSION_RCPT } } },
	{ "MAIL FROM:<>",              { { "503 5.5.1", SESSION_GREETED }, { "250 2.1.0", SESSION_MAIL }, { "503 5.5.1", SESSION_MAIL }, { "503 5.5.1", SESSION_RCPT } } },
	{ "MAIL",                      { { "503 5.5.1", SESSION_GREETED }, { "501 5.5.4", SESSION_READY }, { "503 5.5.1", SESSION_MAIL }, { "503 5.5.1", SESSION_RCPT } } },
	{ "RCPT TO:<bob@example.org>", { { "503 5.5.1", SESSION_GREETED }, { "503 5.5.1", SESSION_READY }, { "250 2.1.5", SESSION_RCPT }, { "250 2.1.5", SESSION_RCPT } } },
	{ "RCPT TO:<nobody@example.org>", { { "503 5.5.1", SESSION_GREETED }, { "503 5.5.1", SESSION_READY }, { "550 5.1.1", SESSION_MAIL }, { "550 5.1.1", SESSION_RCPT } } },
	{ "DATA",                      { { "503 5.5.1", SESSION_GREETED }, { "503 5.5.1", SESSION_READY }, { "503 5.5.1", SESSION_MAIL }, { "354 ", SESSION_TEXT } } },
	{ "DATA now",                  { { "503 5.5.1", SESSION_GREETED }, { "503 5.5.1", SESSION_READY }, { "501 5.5.4", SESSION_MAIL }, { "501 5.5.4", SESSION_RCPT } } },
	{ "RSET",                      { { "250 2.0.0", SESSION_GREETED }, { "250 2.0.0", SESSION_READY }, { "250 2.0.0", SESSION_READY }, { "250 2.0.0", SESSION_READY } } },
	{ "NOOP",                      { { "250 2.0.0", SESSION_GREETED }, { "250 2.0.0", SESSION_READY }, { "250 2.0.0", SESSION_MAIL }, { "250 2.0.0", SESSION_RCPT } } },
	{ "VRFY alice",                { { "252 2.5.0", SESSION_GREETED }, { "252 2.5.0", SESSION_READY }, { "252 2.5.0", SESSION_MAIL }, { "252 2.5.0", SESSION_RCPT } } },
	{ "HELP",                      { { "214-2.0.0", SESSION_GREETED }, { "214-2.0.0", SESSION_READY }, { "214-2.0.0", SESSION_MAIL }, { "214-2.0.0", SESSION_RCPT } } },
	{ "EXPN list",                 { { "502 5.5.1", SESSION_GREETED }, { "502 5.5.1", SESSION_READY }, { "502 5.5.1", SESSION_MAIL }, { "502 5.5.1", SESSION_RCPT } } },
	{ "AUTH PLAIN",                { { "502 5.5.1", SESSION_GREETED }, { "502 5.5.1", SESSION_READY }, { "502 5.5.1", SESSION_MAIL }, { "502 5.5.1", SESSION_RCPT } } },
	{ "STARTTLS",                  { { "454 4.7.0", SESSION_GREETED }, { "454 4.7.0", SESSION_READY }, { "503 5.5.1", SESSION_MAIL }, { "503 5.5.1", SESSION_RCPT } } },
	{ "FROBNICATE",                { { "500 5.5.1", SESSION_GREETED }, { "500 5.5.1", SESSION_READY }, { "500 5.5.1", SESSION_MAIL }, { "500 5.5.1", SESSION_RCPT } } },
	{ ".",                         { { "500 5.5.1", SESSION_GREETED }, { "500 5.5.1", SESSION_READY }, { "500 5.5.1", SESSION_MAIL }, { "500 5.5.1", SESSION_RCPT } } },
	{ "",                          { { "500 5.5.2", SESSION_GREETED }, { "500 5.5.2", SESSION_READY }, { "500 5.5.2", SESSION_MAIL }, { "500 5.5.2", SESSION_RCPT } } },
	{ "QUIT",                      { { "221 2.0.0", SESSION_CLOSED }, { "221 2.0.0", SESSION_CLOSED }, { "221 2.0.0", SESSION_CLOSED }, { "221 2.0.0", SESSION_CLOSED } } },
	/* clang-format on */
};

static void
each_verb_in_each_state(void **unused)
{
	(void)unused;
	for (size_t verb = 0; verb < sizeof expected / sizeof expected[0]; verb++) {
		for (unsigned state = 0; state < STATES; state++) {
			struct fixture *fixture = in_state((enum session_state)state);
			const char *reply = expected[verb].in[state].reply;
			char line[64];

			(void)snprintf(line, sizeof line, "%s\r\n", expected[verb].line);
			const char *heard = fixture_talk(fixture, line);
			if (strncmp(heard, reply, strlen(reply)) != 0)
				fail_msg("%s in state %u: %s instead of %s", expected[verb].line, state, heard, reply);
			if (fixture->session.state != expected[verb].in[state].next)
				fail_msg("%s in state %u: state %u follows", expected[verb].line, state,
				    fixture->session.state);
			fixture_free(fixture);
		}
	}
}

static void
a_message_from_connect_to_quit(void **unused)
{
	struct fixture *fixture = in_state(SESSION_TEXT);

	(void)unused;
	assert_heard(fixture, "Subject: hello\r\n\r\n..dot\r\n.\r\n", DELIVERED);
	assert_true(span_equal(buf_span(&fixture->body), SPAN("Subject: hello\r\n\r\n.dot\r\n")));
	assert_int_equal(fixture->commit_handles, 1);
	assert_non_null(strstr(buf_text(&fixture->trace), "Received: from client.example"));
	assert_non_null(strstr(buf_text(&fixture->trace), "for <alice@example.org>"));
	assert_null(strstr(buf_text(&fixture->trace), "Received-SPF"));
	assert_heard(fixture, "QUIT\r\n", GOODBYE);
	assert_int_equal(fixture->settled_count, 1);
	assert_int_equal(fixture->settled[0], 99);
	assert_int_equal(fixture->session.state, SESSION_CLOSED);
	assert_int_equal(fixture->asked[IPC_ABANDON], 0);
	fixture_free(fixture);
}

/* A relay of ours may keep a session for weeks; its messages have names of their own all the same. */
static void
no_two_messages_of_a_session_have_the_same_name(void **unused)
{
	struct fixture *fixture = in_state(SESSION_READY);

	(void)unused;
	fixture->session.transactions = fixture->session.messages = UINT16_MAX;
	for (unsigned i = 0; i < 2; i++) {
		(void)fixture_talk(fixture, "MAIL FROM:<>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n");
		assert_heard(fixture, ".\r\n",
		    i ? "250 2.0.0 Delivered; 65a0000000000001-65537\r\n"
		      : "250 2.0.0 Delivered; 65a0000000000001-65536\r\n");
	}
	assert_int_equal(fixture->session.messages, 65537);
	fixture_free(fixture);
}

/* Everything in one piece, and byte by byte: the same replies. */
static void
pipelining_changes_nothing(void **unused)
{
	static const char dialog[] = "EHLO client.example\r\nMAIL FROM:<s@c.example>\r\nRCPT TO:<alice@example.org>\r\n"
				     "RCPT TO:<nobody@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nx\r\n.\r\n"
				     "MAIL FROM:<>\r\nRCPT TO:<bob@example.org>\r\nRSET\r\nQUIT\r\n";
	static const char replies[] = EHLO SENDER RECIPIENT
	    "550 5.1.1 There is no address nobody@example.org here; check its spelling\r\n" RECIPIENT GO_AHEAD DELIVERED
		SENDER RECIPIENT RESET GOODBYE;

	(void)unused;
	for (size_t piece = 1; piece < sizeof dialog; piece += piece < 9 ? 1 : 31) {
		struct fixture *fixture = in_state(SESSION_GREETED);

		fixture_send_pieces(fixture, dialog, piece);
		assert_string_equal(fixture_heard(fixture), replies);
		assert_int_equal(fixture->commit_handles, 2);
		assert_int_equal(fixture->asked[IPC_ABANDON], 1);
		fixture_free(fixture);
	}
}

static void
helo_speaks_plain_smtp(void **unused)
{
	struct fixture *fixture = in_state(SESSION_GREETED);

	(void)unused;
	assert_heard(fixture, "helo [192.0.2.1]\r\n", HELO);
	assert_heard(fixture, "MAIL FROM:<>\r\nRCPT TO:<postmaster>\r\n", SENDER RECIPIENT);
	assert_heard(fixture, "DATA\r\n.\r\n", GO_AHEAD DELIVERED);
	assert_non_null(strstr(buf_text(&fixture->trace), "with SMTP"));
	fixture_free(fixture);
}

static void
no_recipient_is_told_apart_from_none_accepted(void **unused)
{
	struct fixture *fixture = in_state(SESSION_MAIL);

	(void)unused;
	assert_heard(fixture, "DATA\r\n", OUT_OF_ORDER);
	assert_heard(fixture, "RCPT TO:<closed@example.org>\r\n", "550 5.2.1 This address is closed.\r\n");
	assert_heard(fixture, "DATA\r\n",
	    "554 5.5.1 No recipient was accepted, so there is nothing to send; see what each RCPT was answered\r\n");
	fixture_free(fixture);
}

static void
a_null_sender_has_one_recipient(void **unused)
{
	struct fixture *fixture = in_state(SESSION_READY);

	(void)unused;
	assert_heard(fixture, "MAIL FROM:<>\r\nRCPT TO:<alice@example.org>\r\n", SENDER RECIPIENT);
	assert_heard(fixture, "RCPT TO:<bob@example.org>\r\n",
	    "452 4.5.3 A report has one recipient; send to the others one by one\r\n");
	assert_int_equal(fixture->asked[IPC_PROBE_ASK], 1);
	fixture_free(fixture);
}

static void
too_many_recipients_wait_for_the_next_transaction(void **unused)
{
	struct fixture *fixture = in_state(SESSION_MAIL);

	(void)unused;
	for (unsigned i = 0; i < 100; i++)
		assert_heard(fixture, "RCPT TO:<alice@example.org>\r\n", RECIPIENT);
	for (unsigned i = 0; i < 30; i++)
		assert_heard(fixture, "RCPT TO:<bob@example.org>\r\n",
		    "452 4.5.3 Too many recipients; send to the others in a next transaction\r\n");
	assert_heard(fixture, "DATA\r\n.\r\n", GO_AHEAD DELIVERED);
	assert_int_equal(fixture->commit_handles, 100);
	fixture_free(fixture);
}

static void
parameters_of_mail(void **unused)
{
	struct fixture *fixture = in_state(SESSION_READY);

	(void)unused;
	assert_heard(fixture, "MAIL FROM:<a@b.example> SIZE=65537\r\n",
	    "552 5.3.4 The message is over the limit of 65536 bytes; send it in parts, or send a link to its "
	    "attachments\r\n");
	assert_heard(fixture, "MAIL FROM:<a@b.example> RET=FULL\r\n",
	    "555 5.5.4 Parameter RET=FULL is not known here; leave it out\r\n");
	/* A terminal would obey these bytes. */
	assert_heard(fixture, "MAIL FROM:<a@b.example> RET=\x1b[2J\r\n",
	    "501 5.5.4 Parameter RET=?[2J is not well formed or given twice; correct the client\r\n");
	assert_heard(fixture, "MAIL FROM:<a@b.example> size=1000 BODY=8BITMIME\r\n", SENDER);
	assert_heard(fixture, "RCPT TO:<alice@example.org>\r\n", RECIPIENT);
	assert_int_equal(fixture->probe_bytes, 1000);
	fixture_free(fixture);
}

static void
help_names_what_is_offered_and_whom_to_ask(void **unused)
{
	struct fixture *fixture = in_state(SESSION_GREETED);

	(void)unused;
	const char *heard = fixture_talk(fixture, "HELP\r\n");
	assert_non_null(strstr(heard, "214-2.0.0 Commands: HELO EHLO MAIL"));
	assert_non_null(strstr(heard, "CHUNKING (RFC 3030), PRDR (draft-hall-prdr), LIMITS (RFC 9422)\r\n"));
	assert_non_null(strstr(heard, "214 2.0.0 For help from a person: write to <postmaster@mx.example.org>\r\n"));
	fixture->config.contact = "Call 12345.";
	assert_non_null(strstr(fixture_talk(fixture, "HELP\r\n"), "from a person: Call 12345.\r\n"));
	fixture->config.contact_url = "https://example.org/mail";
	assert_non_null(strstr(fixture_talk(fixture, "HELP me\r\n"), "Call 12345. https://example.org/mail\r\n"));
	fixture_free(fixture);
}

static void
a_refusal_names_the_contact(void **unused)
{
	struct fixture *fixture = in_state(SESSION_MAIL);

	(void)unused;
	fixture->config.contact = "Call 12345.";
	assert_heard(fixture, "RCPT TO:<closed@example.org>\r\n",
	    "550-5.2.1 This address is closed.\r\n550 5.2.1 Call 12345.\r\n");
	assert_heard(fixture, "RCPT TO:<alice@example.org>\r\n", RECIPIENT);
	fixture_free(fixture);
}

static void
without_a_map_recipients_are_deferred(void **unused)
{
	struct fixture *fixture = in_state(SESSION_MAIL);

	(void)unused;
	fixture->has_map = false;
	assert_heard(fixture, "RCPT TO:<alice@example.org>\r\n",
	    "451 4.3.5 The list of the addresses here is not ready; try again later\r\n");
	fixture_free(fixture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_verb_in_each_state),
		cmocka_unit_test(a_message_from_connect_to_quit),
		cmocka_unit_test(no_two_messages_of_a_session_have_the_same_name),
		cmocka_unit_test(pipelining_changes_nothing),
		cmocka_unit_test(helo_speaks_plain_smtp),
		cmocka_unit_test(no_recipient_is_told_apart_from_none_accepted),
		cmocka_unit_test(a_null_sender_has_one_recipient),
		cmocka_unit_test(too_many_recipients_wait_for_the_next_transaction),
		cmocka_unit_test(parameters_of_mail),
		cmocka_unit_test(help_names_what_is_offered_and_whom_to_ask),
		cmocka_unit_test(a_refusal_names_the_contact),
		cmocka_unit_test(without_a_map_recipients_are_deferred),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
