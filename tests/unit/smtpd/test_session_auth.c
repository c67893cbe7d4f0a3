/* smtpd/session: AUTH, its dialogue, and what is said when there is none.
 * On failure: cmocka names the line.
 */
#include "tests/unit/smtpd/auth_fixture.h"

#include "smtpd/auth_exchange.h"

/* The two alone, for LOGIN. */
#define ALICE_USER "YWxpY2VAZXhhbXBsZS5vcmc="
#define SECRET "c2VjcmV0"
#define FAILED "535 5.7.8 The address or the password is wrong; check both in the settings of the mail program\r\n"
#define BUSY "454 4.7.0 Too many logins, or too many that failed; try again in some minutes\r\n"
#define TROUBLE "454 4.7.0 Passwords cannot be checked now; try again in some minutes\r\n"
#define BAD_RESPONSE "501 5.5.2 This is not what AUTH PLAIN or LOGIN sends, in base64; correct the client\r\n"
#define CANCELLED "501 5.7.0 You have cancelled the login; begin again with AUTH\r\n"

static void
assert_asked(struct fixture *fixture, const char *user, const char *password)
{
	assert_string_equal(buf_text(&fixture->user), user);
	assert_string_equal(buf_text(&fixture->password), password);
}

/* auth answers this to what the client has just sent. */
static const char *
answered(struct fixture *fixture, const char *lines, enum auth_verdict verdict)
{
	fixture_send(fixture, span_of(lines));
	assert_int_equal(fixture->session.wait, WAIT_AUTH);
	assert_true(fixture_say_auth(fixture, verdict, verdict == AUTH_PASSED ? "alice@example.org" : ""));
	while (fixture->session.wait == WAIT_TARPIT)
		fixture_pass(fixture, fixture->session.deadline_ms - fixture->now_ms);
	return fixture_heard(fixture);
}

static void
plain_with_and_without_an_initial_response(void **unused)
{
	struct fixture *fixture = on_submission();

	(void)unused;
	assert_heard(fixture, "AUTH PLAIN " ALICE "\r\n", LOGGED_IN);
	assert_asked(fixture, "alice@example.org", "secret");
	assert_true(span_equal(fixture->session.client.user, SPAN("alice@example.org")));
	fixture_free(fixture);

	fixture = on_submission();
	assert_heard(fixture, "auth plain\r\n", "334 \r\n");
	assert_int_equal(fixture->session.state, SESSION_AUTH);
	assert_heard(fixture, ALICE "\r\n", LOGGED_IN);
	assert_asked(fixture, "alice@example.org", "secret");
	assert_int_equal(fixture->session.state, SESSION_READY);
	fixture_free(fixture);
}

static void
login_in_two_steps_or_one_and_a_half(void **unused)
{
	struct fixture *fixture = on_submission();

	(void)unused;
	assert_heard(fixture, "AUTH LOGIN\r\n", "334 VXNlcm5hbWU6\r\n");
	assert_heard(fixture, ALICE_USER "\r\n", "334 UGFzc3dvcmQ6\r\n");
	assert_int_equal(fixture->session.state, SESSION_AUTH);
	assert_heard(fixture, SECRET "\r\n", LOGGED_IN);
	assert_asked(fixture, "alice@example.org", "secret");
	fixture_free(fixture);

	fixture = on_submission();
	assert_heard(fixture, "AUTH LOGIN " ALICE_USER "\r\n", "334 UGFzc3dvcmQ6\r\n");
	assert_heard(fixture, SECRET "\r\n", LOGGED_IN);
	assert_asked(fixture, "alice@example.org", "secret");
	fixture_free(fixture);
}

static void
each_verdict_has_its_reply(void **unused)
{
	static const struct {
		enum auth_verdict verdict;
		const char *reply;
	} cases[] = { { AUTH_FAILED, FAILED }, { AUTH_BUSY, BUSY }, { AUTH_TROUBLE, TROUBLE } };

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture *fixture = on_submission();

		assert_string_equal(answered(fixture, "AUTH PLAIN " ALICE "\r\n", cases[i].verdict), cases[i].reply);
		assert_int_equal(fixture->session.client.user.length, 0);
		assert_int_equal(fixture->session.state, SESSION_READY);
		/* And again. */
		assert_heard(fixture, "AUTH PLAIN " ALICE "\r\n", LOGGED_IN);
		fixture_free(fixture);
	}
}

static void
a_login_can_be_cancelled_or_spoilt(void **unused)
{
	static const struct {
		const char *lines;
		const char *replies;
	} cases[] = {
		{ "AUTH PLAIN\r\n*\r\n", "334 \r\n" CANCELLED },
		{ "AUTH LOGIN\r\n" ALICE_USER "\r\n*\r\n", "334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n" CANCELLED },
		{ "AUTH PLAIN =\r\n", BAD_RESPONSE },
		{ "AUTH PLAIN\r\n=\r\n", "334 \r\n" BAD_RESPONSE },
		{ "AUTH PLAIN\r\n\r\n", "334 \r\n" BAD_RESPONSE },
		{ "AUTH LOGIN =\r\n", BAD_RESPONSE },
		{ "AUTH PLAIN not-base64\r\n", BAD_RESPONSE },
		{ "AUTH PLAIN " ALICE " x\r\n", BAD_RESPONSE },
		{ "AUTH PLAIN " ALICE_USER "\r\n", BAD_RESPONSE },
		{ "AUTH LOGIN\r\nQUIT\r\n" SECRET "x\r\n", "334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n" BAD_RESPONSE },
		{ "AUTH\r\n", "501 5.5.4 This names no way to log in; write it as AUTH PLAIN or AUTH LOGIN\r\n" },
		{ "AUTH CRAM-MD5\r\n", "504 5.5.4 This way to log in is not offered; set the mail program to a "
				       "password sent over TLS (PLAIN or LOGIN)\r\n" },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture *fixture = on_submission();

		fixture_send(fixture, span_of(cases[i].lines));
		assert_false(session_is_waiting(&fixture->session));
		assert_string_equal(fixture_heard(fixture), cases[i].replies);
		assert_int_equal(fixture->asked[IPC_AUTH_ASK], 0);
		/* Commands are commands again. */
		assert_heard(fixture, "NOOP\r\n", NOOP);
		assert_int_equal(fixture->session.failed_logins, 0);
		fixture_free(fixture);
	}
}

/* While a response is awaited there are no commands, whatever a line looks like; and it ends the exchange. */
static void
each_verb_is_a_response_there(void **unused)
{
	static const char *const lines[] = { "EHLO client.example\r\n", "HELO c\r\n",
		"MAIL FROM:<alice@example.org>\r\n", "RCPT TO:<bob@example.org>\r\n", "DATA\r\n", "BDAT 3\r\n",
		"RSET\r\n", "NOOP\r\n", "VRFY alice\r\n", "HELP\r\n", "QUIT\r\n", "STARTTLS\r\n",
		"AUTH PLAIN " ALICE "\r\n", "FROBNICATE\r\n", "\r\n", " \r\n" };

	(void)unused;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct fixture *fixture = on_submission();

		assert_heard(fixture, "AUTH PLAIN\r\n", "334 \r\n");
		assert_heard(fixture, lines[i], BAD_RESPONSE);
		assert_int_equal(fixture->session.state, SESSION_READY);
		assert_int_equal(fixture->asked[IPC_AUTH_ASK], 0);
		assert_heard(fixture, "AUTH PLAIN " ALICE "\r\n", LOGGED_IN);
		fixture_free(fixture);
	}
}

/* What ends a session ends it there, too. */
static void
a_login_can_be_left(void **unused)
{
	struct fixture *fixture = on_submission();

	(void)unused;
	assert_heard(fixture, "AUTH PLAIN\r\n", "334 \r\n");
	assert_non_null(strstr(fixture_talk(fixture, "no\nend\r\n"), "500 5.5.2 "));
	assert_true(session_has_said_all(&fixture->session));
	fixture_free(fixture);

	fixture = on_submission();
	assert_heard(fixture, "AUTH PLAIN\r\n", "334 \r\n");
	fixture_pass(fixture, 301000);
	assert_non_null(strstr(fixture_heard(fixture), "421 4.4.2 "));
	fixture_free(fixture);

	/* The client goes while auth is asked: its answer finds nobody. */
	fixture = on_submission();
	fixture_send(fixture, SPAN("AUTH PLAIN " ALICE "\r\n"));
	session_input_ended(&fixture->session, false);
	assert_true(fixture_say_auth(fixture, AUTH_PASSED, "alice@example.org"));
	assert_int_equal(fixture->session.client.user.length, 0);
	fixture_free(fixture);

	/* The process drains while auth is asked. */
	fixture = on_submission();
	fixture_send(fixture, SPAN("AUTH PLAIN " ALICE "\r\n"));
	fixture->world.is_draining = true;
	session_drain(&fixture->session, false);
	assert_non_null(strstr(fixture_heard(fixture), "421 4.3.2 "));
	fixture_free(fixture);
}

static void
three_failures_are_enough(void **unused)
{
	struct fixture *fixture = on_submission();

	(void)unused;
	for (unsigned i = 0; i < 3; i++)
		assert_string_equal(answered(fixture, "AUTH PLAIN " ALICE "\r\n", AUTH_FAILED), FAILED);
	assert_heard(fixture, "AUTH PLAIN " ALICE "\r\n",
	    "421 4.7.0 Too many logins have failed; check address and password, and connect again\r\n");
	assert_int_equal(fixture->asked[IPC_AUTH_ASK], 3);
	assert_int_equal(fixture->session.state, SESSION_CLOSED);
	assert_string_equal(fixture->session.end_reason, "too-many-logins");
	fixture_free(fixture);
}

/* Whoever could not be looked at has not failed. */
static void
a_busy_auth_is_no_failure(void **unused)
{
	struct fixture *fixture = on_submission();

	(void)unused;
	for (unsigned i = 0; i < 3; i++) {
		assert_string_equal(answered(fixture, "AUTH PLAIN " ALICE "\r\n", AUTH_BUSY), BUSY);
		assert_string_equal(answered(fixture, "AUTH PLAIN " ALICE "\r\n", AUTH_TROUBLE), TROUBLE);
	}
	assert_heard(fixture, "AUTH PLAIN " ALICE "\r\n", LOGGED_IN);
	fixture_free(fixture);
}

static void
without_auth_nobody_logs_in(void **unused)
{
	struct fixture *fixture = on_submission();

	(void)unused;
	fixture->has_auth = false;
	assert_heard(fixture, "AUTH PLAIN " ALICE "\r\n", TROUBLE);
	/* It dies while it is asked. */
	fixture->has_auth = true;
	fixture_send(fixture, SPAN("AUTH PLAIN " ALICE "\r\nNOOP\r\n"));
	session_neighbour_gone(&fixture->session, ROLE_DELIVER);
	assert_true(session_is_waiting(&fixture->session));
	session_neighbour_gone(&fixture->session, ROLE_AUTH);
	assert_string_equal(fixture_heard(fixture), TROUBLE NOOP);
	/* The next one may be asked. */
	assert_heard(fixture, "AUTH PLAIN " ALICE "\r\n", LOGGED_IN);
	fixture_free(fixture);
}

/* A late answer is for a question that was given up: it must not be taken for the answer to the next. */
static void
a_late_answer_logs_nobody_in(void **unused)
{
	struct fixture *fixture = on_submission();

	(void)unused;
	fixture_send(fixture, SPAN("AUTH PLAIN " ALICE "\r\n"));
	fixture_pass(fixture, 31000);
	assert_string_equal(fixture_heard(fixture), TROUBLE);
	assert_heard(fixture, "AUTH PLAIN " ALICE "\r\n", TROUBLE);
	assert_int_equal(fixture->asked[IPC_AUTH_ASK], 1);
	assert_true(fixture_say_auth(fixture, AUTH_PASSED, "alice@example.org"));
	assert_int_equal(fixture->session.client.user.length, 0);
	assert_heard(fixture, "MAIL FROM:<alice@example.org>\r\n",
	    "530 5.7.0 This port is for the users of mx.example.org; set the mail program to log in over TLS, or use "
	    "port 25 to send to them from another server\r\n");
	assert_heard(fixture, "AUTH PLAIN " ALICE "\r\n", LOGGED_IN);
	fixture_free(fixture);
}

static void
answers_that_nobody_asked_for_are_out_of_phase(void **unused)
{
	struct fixture *fixture = on_submission();

	(void)unused;
	assert_false(fixture_say_auth(fixture, AUTH_PASSED, "alice@example.org"));
	fixture_send(fixture, SPAN("AUTH PLAIN " ALICE "\r\n"));
	assert_false(fixture_say_auth(fixture, (enum auth_verdict)(AUTH_TROUBLE + 1), ""));
	assert_false(fixture_say_auth(fixture, AUTH_PASSED, ""));
	assert_false(fixture_say_auth(fixture, AUTH_FAILED, "alice@example.org"));
	assert_true(fixture_say_auth(fixture, AUTH_PASSED, "alice@example.org"));
	assert_false(fixture_say_auth(fixture, AUTH_PASSED, "bob@example.org"));
	assert_true(span_equal(fixture->session.client.user, SPAN("alice@example.org")));
	fixture_free(fixture);
}

static void
responses_may_be_long_and_no_longer(void **unused)
{
	static char line[20000];
	static char piece[5000];
	struct fixture *fixture = on_submission();

	(void)unused;
	memset(line, 'A', sizeof line);
	memset(piece, 'A', sizeof piece);
	/* 12288 with its CRLF is whole (and no message of PLAIN): it comes in pieces. */
	assert_heard(fixture, "AUTH PLAIN\r\n", "334 \r\n");
	for (unsigned i = 0; i < 2; i++)
		fixture_send(fixture, span_make(piece, sizeof piece));
	fixture_send(fixture, span_make(piece, 12286 - 2 * sizeof piece));
	fixture_send(fixture, SPAN("\r\n"));
	assert_string_equal(fixture_heard(fixture), BAD_RESPONSE);
	assert_heard(fixture, "AUTH PLAIN\r\n", "334 \r\n");
	fixture_send(fixture, span_make(line, 12287));
	assert_string_equal(fixture_heard(fixture), "");
	assert_heard(
	    fixture, "\r\nNOOP\r\n", "500 5.5.6 The response is longer than 12288 octets; correct the client\r\n" NOOP);
	/* A command stays as short as it was. */
	fixture_send(fixture, span_make(line, 2100));
	assert_heard(fixture, "\r\n", "500 5.5.2 The line is longer than 2048 octets; correct the client\r\n");
	fixture_free(fixture);
}

/* Nothing of a password stays behind: not in the input, nor in the exchange. */
static void
a_password_is_forgotten(void **unused)
{
	struct fixture *fixture = on_submission();

	(void)unused;
	fixture_send(fixture, SPAN("AUTH PLAIN\r\nAGFsaWNlQGV4YW1wbGUu"));
	assert_true(fixture->session.input.length > 0);
	assert_true(fixture->session.input.holds_secrets);
	fixture_send(fixture, SPAN("b3JnAHNlY3JldA==\r\nNOOP\r\n"));
	assert_int_equal(fixture->session.wait, WAIT_AUTH);
	assert_asked(fixture, "alice@example.org", "secret");
	assert_true(span_equal(buf_span(&fixture->session.input), SPAN("NOOP\r\n")));
	const struct buf *input = &fixture->session.input;
	for (size_t i = input->length; i < 36; i++)
		assert_int_equal(input->data[i], '\0');
	assert_null(memmem(fixture->session.auth, sizeof *fixture->session.auth, "secret", 6));
	fixture_answer_well(fixture);
	fixture_free(fixture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_with_and_without_an_initial_response),
		cmocka_unit_test(login_in_two_steps_or_one_and_a_half),
		cmocka_unit_test(each_verdict_has_its_reply),
		cmocka_unit_test(a_login_can_be_cancelled_or_spoilt),
		cmocka_unit_test(each_verb_is_a_response_there),
		cmocka_unit_test(a_login_can_be_left),
		cmocka_unit_test(three_failures_are_enough),
		cmocka_unit_test(a_busy_auth_is_no_failure),
		cmocka_unit_test(without_auth_nobody_logs_in),
		cmocka_unit_test(a_late_answer_logs_nobody_in),
		cmocka_unit_test(answers_that_nobody_asked_for_are_out_of_phase),
		cmocka_unit_test(responses_may_be_long_and_no_longer),
		cmocka_unit_test(a_password_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
