/* smtpd/session_trace.c: what of a dialogue is shown, once, and what never is.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "tests/unit/smtpd/session_fixture.h"

enum { SHOWN_BYTES = 65536 };

static struct buf shown = BUF_LIMIT(SHOWN_BYTES);
static bool is_followed;

static bool
is_traced(const struct session *session)
{
	(void)session;
	return is_followed;
}

static void
trace(struct session *session, enum trace_mark mark, struct span text)
{
	(void)session;
	buf_append_char(&shown, "CS*"[mark]);
	buf_append_char(&shown, ' ');
	buf_append(&shown, text);
	buf_append_char(&shown, '\n');
}

/* A session that is followed, greeted and helloed; nothing of that is in `shown`. */
static struct fixture *
begin(struct session_io *io)
{
	struct fixture *fixture = fixture_new();

	*io = *fixture->world.io;
	io->is_traced = is_traced;
	io->trace = trace;
	fixture->world.io = io;
	is_followed = true;
	buf_reset(&shown);
	fixture_connect(fixture, "192.0.2.1");
	fixture_answer_well(fixture);
	fixture_send(fixture, SPAN("HELO client.example\r\n"));
	return fixture;
}

/* The same with a recipient. */
static struct fixture *
begin_message(struct session_io *io)
{
	struct fixture *fixture = begin(io);

	fixture_send(fixture, SPAN("MAIL FROM:<a@b.example>\r\nRCPT TO:<alice@example.org>\r\n"));
	fixture_answer_well(fixture);
	buf_reset(&shown);
	return fixture;
}

static void
expect_shown(const char *text)
{
	assert_non_null(buf_text(&shown));
	assert_string_equal(shown.data, text);
	buf_reset(&shown);
}

static void
a_line_that_waits_is_shown_once(void **state)
{
	struct session_io io;
	struct fixture *fixture = begin(&io);

	(void)state;
	assert_non_null(strstr(buf_text(&shown), "* client 192.0.2.1\n"));
	assert_non_null(
	    strstr(shown.data, "S 220 mx.example.org ESMTP\nC HELO client.example\nS 250 mx.example.org\n"));
	buf_reset(&shown);
	fixture_send(fixture, SPAN("MAIL FROM:<a@b.example>\r\nRCPT TO:<alice@example.org>\r\n"));
	expect_shown("C MAIL FROM:<a@b.example>\nS 250 2.1.0 Sender taken\nC RCPT TO:<alice@example.org>\n");
	fixture_answer_well(fixture);
	expect_shown("S 250 2.1.5 Recipient taken\n");
	fixture_send(fixture, SPAN("RCPT TO:<alice@example.org>\r\nNOOP\r\n"));
	expect_shown("C RCPT TO:<alice@example.org>\n");
	fixture_answer_well(fixture);
	expect_shown("S 250 2.1.5 Recipient taken\nC NOOP\nS 250 2.0.0 Nothing done\n");
	fixture_free(fixture);
	expect_shown("* ended: closed\n");
}

static void
text_is_counted_and_never_shown(void **state)
{
	struct session_io io;
	struct fixture *fixture = begin_message(&io);

	(void)state;
	fixture_send(fixture, SPAN("DATA\r\n"));
	fixture_send(fixture, SPAN("Subject: hidden\r\n\r\nhid"));
	fixture_send(fixture, SPAN("den\r\n.\r\nQUIT\r\n"));
	fixture_answer_well(fixture);
	assert_null(strstr(buf_text(&shown), "hid"));
	assert_non_null(strstr(shown.data, "C (30 octets of text, with the final dot)\nS 250 2.0.0 Delivered; "));
	assert_non_null(strstr(shown.data, "\nC QUIT\nS 221 "));
	fixture_free(fixture);
	buf_reset(&shown);
}

static void
chunks_are_counted_and_never_shown(void **state)
{
	struct session_io io;
	struct fixture *fixture = begin_message(&io);

	(void)state;
	fixture_send(fixture, SPAN("BDAT 8\r\nhidden\r\nBDAT 0 LAST\r\nNOOP\r\n"));
	fixture_answer_well(fixture);
	assert_null(strstr(buf_text(&shown), "hidden"));
	assert_memory_equal(shown.data, "C BDAT 8\nC (8 octets of a chunk)\nS 250 ", 38);
	assert_non_null(strstr(shown.data, "\nC BDAT 0 LAST\nC (0 octets of a chunk)\nS 250 2.0.0 Delivered"));
	assert_non_null(strstr(shown.data, "\nC NOOP\nS 250 "));
	fixture_free(fixture);
	buf_reset(&shown);
}

/* Whatever AUTH is answered, and however it is written. */
static void
passwords_are_blanked(void **state)
{
	static const char *const lines[] = { "AUTH PLAIN c2VjcmV0\r\n", "auth plain c2VjcmV0\r\n", "AUTH  c2VjcmV0\r\n",
		"AUTH\tc2VjcmV0\r\n", " AUTH PLAIN c2VjcmV0\r\n", "\tAUTH PLAIN c2VjcmV0\r\n", "AUTHc2VjcmV0\r\n",
		"AUTH c2VjcmV0\r\n", "AUTH PLAIN c2VjcmV0 c2VjcmV0\r\nc2VjcmV0\r\nc2VjcmV0\r\n",
		"AUTH LOGIN\r\nc2VjcmV0\r\nc2VjcmV0\r\n", "AUTH LOGIN\r\nc2VjcmV0\r\nAUTH PLAIN\r\nc2VjcmV0\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct session_io io;
		struct fixture *fixture = begin(&io);

		fixture_send(fixture, span_of(lines[i]));
		fixture_send(fixture, SPAN("NOOP seen\r\nmistyped\r\n"));
		if (strstr(buf_text(&shown), "c2VjcmV0"))
			fail_msg("%s: %s", lines[i], shown.data);
		assert_non_null(strstr(shown.data, "C NOOP seen\n"));
		assert_non_null(strstr(shown.data, "C mistyped\n"));
		fixture_free(fixture);
	}
	buf_reset(&shown);
}

/* The line behind a 334 is blanked even when it looks like a command. */
static void
an_answer_to_a_challenge_is_blanked(void **state)
{
	struct session_io io;
	struct fixture *fixture = begin(&io);
	struct session *session = &fixture->session;

	(void)state;
	buf_reset(&shown);
	session_trace_reply(session, 334, SPAN("334 VXNlcm5hbWU6\r\n"));
	session_trace_line(session, SPAN("NOOP"));
	session_trace_reply(session, 334, SPAN("334 UGFzc3dvcmQ6\r\n"));
	session_trace_line(session, SPAN("QUIT"));
	session_trace_reply(session, 235, SPAN("235 2.7.0 Welcome\r\n"));
	session_trace_line(session, SPAN("NOOP"));
	expect_shown("S 334 VXNlcm5hbWU6\nC (blanked)\nS 334 UGFzc3dvcmQ6\nC (blanked)\nS 235 2.7.0 Welcome\nC NOOP\n");
	fixture_free(fixture);
}

/* Also when the challenge was given before anybody followed. */
static void
a_login_that_is_under_way_is_blanked(void **state)
{
	struct session_io io;
	struct fixture *fixture = begin(&io);

	(void)state;
	is_followed = false;
	session_free(&fixture->session);
	fixture_connect_secure(fixture, "192.0.2.1");
	fixture_send(fixture, SPAN("EHLO client.example\r\nAUTH LOGIN\r\n"));
	assert_int_equal(fixture->session.state, SESSION_AUTH);
	buf_reset(&shown);
	is_followed = true;
	session_trace_look(&fixture->session);
	fixture_send(fixture, SPAN("YWxpY2U=\r\nc2VjcmV0\r\n"));
	expect_shown("* client 192.0.2.1\nC (blanked)\nS 334 UGFzc3dvcmQ6\nC (blanked)\n");
	fixture_answer_well(fixture);
	fixture_send(fixture, SPAN("NOOP seen\r\n"));
	expect_shown("S 235 2.7.0 Logged in\nC NOOP seen\nS 250 2.0.0 Nothing done\n");
	fixture_free(fixture);
	buf_reset(&shown);
}

/* What stands in place of a password may be one, too; the command behind it is none. */
static void
a_login_that_is_cancelled_is_blanked(void **state)
{
	static const char *const logins[] = { "AUTH LOGIN\r\n*\r\n", "AUTH PLAIN\r\n*\r\n",
		"AUTH LOGIN YWxpY2U=\r\n*\r\n", "AUTH LOGIN\r\nYWxpY2U=\r\n*\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof logins / sizeof logins[0]; i++) {
		struct session_io io;
		struct fixture *fixture = begin(&io);

		session_free(&fixture->session);
		fixture_connect_secure(fixture, "192.0.2.1");
		fixture_send(fixture, SPAN("EHLO client.example\r\n"));
		buf_reset(&shown);
		fixture_send(fixture, span_of(logins[i]));
		fixture_send(fixture, SPAN("NOOP seen\r\n"));
		assert_null(strstr(buf_text(&shown), "C *"));
		assert_null(strstr(shown.data, "YWxpY2U="));
		assert_non_null(strstr(shown.data, "C (blanked)\nS 501 5.7.0 "));
		assert_non_null(strstr(shown.data, "C NOOP seen\nS 250 "));
		fixture_free(fixture);
	}
	buf_reset(&shown);
}

static void
a_session_is_shown_while_it_is_followed(void **state)
{
	struct session_io io;
	struct fixture *fixture = begin(&io);

	(void)state;
	is_followed = false;
	session_trace_look(&fixture->session);
	buf_reset(&shown);
	fixture_send(fixture, SPAN("NOOP one\r\n"));
	expect_shown("");
	is_followed = true;
	session_trace_look(&fixture->session);
	session_trace_look(&fixture->session);
	fixture_send(fixture, SPAN("NOOP two\r\n"));
	expect_shown("* client 192.0.2.1\nC NOOP two\nS 250 2.0.0 Nothing done\n");
	fixture_free(fixture);
	buf_free(&shown);
}

static bool
is_announced(const struct session *session)
{
	return session->client.proxy.family != 0;
}

/* Who is followed may turn out to be in the middle of a session. */
static void
a_client_that_is_announced_is_followed(void **state)
{
	static const char *hosts[] = { "127.0.0.1" };
	struct session_io io;
	struct fixture *fixture = begin(&io);

	(void)state;
	session_free(&fixture->session);
	io.is_traced = is_announced;
	fixture->config.xclient_from = (struct config_list){ 1, hosts };
	fixture_connect(fixture, "127.0.0.1");
	buf_reset(&shown);
	fixture_send(fixture, SPAN("XCLIENT NAME=client.example ADDR=192.0.2.9\r\nNOOP\r\n"));
	expect_shown("* client 192.0.2.9\nS 220 mx.example.org ESMTP\nC NOOP\nS 250 2.0.0 Nothing done\n");
	fixture_free(fixture);
	buf_free(&shown);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_that_waits_is_shown_once),
		cmocka_unit_test(text_is_counted_and_never_shown),
		cmocka_unit_test(chunks_are_counted_and_never_shown),
		cmocka_unit_test(passwords_are_blanked),
		cmocka_unit_test(an_answer_to_a_challenge_is_blanked),
		cmocka_unit_test(a_login_that_is_under_way_is_blanked),
		cmocka_unit_test(a_login_that_is_cancelled_is_blanked),
		cmocka_unit_test(a_session_is_shown_while_it_is_followed),
		cmocka_unit_test(a_client_that_is_announced_is_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
