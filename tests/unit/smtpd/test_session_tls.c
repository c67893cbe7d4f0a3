/* TLS as a session sees it: what STARTTLS may be, what is forgotten, what ends a handshake; no OpenSSL here.
 * On failure: cmocka names the line.
 */
#include "tests/unit/smtpd/replies.h"

#define BEGIN_TLS "220 2.0.0 Begin the TLS handshake\r\n"
#define TO_RCPT "EHLO client.example\r\nMAIL FROM:<s@c.example>\r\nRCPT TO:<alice@example.org>\r\n"

static const struct tls_facts agreed = {
	.version = SPAN("TLSv1.3"), .cipher = SPAN("TLS_AES_128_GCM_SHA256"), .sni = SPAN("mx.example.org")
};

static struct fixture *
connected(enum listener_tls mode)
{
	struct fixture *fixture = fixture_new();

	fixture->has_certificate = true;
	fixture_connect_to(fixture, "127.0.0.1", LISTENER_MX, mode);
	return fixture;
}

/* A client of a listener with STARTTLS that has read the greeting. */
static struct fixture *
greeted(void)
{
	struct fixture *fixture = connected(LISTENER_TLS_STARTTLS);

	(void)fixture_heard(fixture);
	return fixture;
}

static struct fixture *
in_tls(void)
{
	struct fixture *fixture = greeted();

	(void)fixture_talk(fixture, "EHLO client.example\r\nSTARTTLS\r\n");
	session_tls_up(&fixture->session, &agreed);
	assert_string_equal(fixture_heard(fixture), "");
	return fixture;
}

static bool
offers(struct fixture *fixture)
{
	return strstr(fixture_talk(fixture, "EHLO client.example\r\n"), "STARTTLS") != NULL;
}

static void
it_is_offered_where_it_can_be_had(void **unused)
{
	struct fixture *fixture = greeted();

	(void)unused;
	assert_true(offers(fixture));
	fixture->has_certificate = false;
	assert_false(offers(fixture));
	fixture->has_certificate = true;
	fixture_free(fixture);
	fixture = in_tls();
	assert_false(offers(fixture));
	fixture_free(fixture);
	fixture = connected(LISTENER_TLS_OFF);
	assert_false(offers(fixture));
	fixture_free(fixture);
}

static void
where_it_cannot_be_had_the_session_goes_on(void **unused)
{
	struct fixture *fixture = greeted();

	(void)unused;
	fixture->has_certificate = false;
	assert_string_equal(fixture_talk(fixture, "STARTTLS\r\n"),
	    "454 4.7.0 TLS is not available now; try again later, or go on without it\r\n");
	fixture->has_certificate = true;
	assert_string_equal(
	    fixture_talk(fixture, "STARTTLS now\r\n"), "501 5.5.4 This command takes no argument; send it alone\r\n");
	assert_int_equal(fixture->session.state, SESSION_GREETED);
	fixture_free(fixture);
	fixture = in_tls();
	assert_string_equal(fixture_talk(fixture, "STARTTLS\r\n"), "503 5.5.1 TLS is on already; go on\r\n");
	fixture_free(fixture);
	fixture = connected(LISTENER_TLS_OFF);
	(void)fixture_heard(fixture);
	assert_string_equal(fixture_talk(fixture, "STARTTLS\r\n"),
	    "502 5.5.1 This command is not offered here; HELP lists those that are\r\n");
	assert_int_equal(fixture->handshakes, 0);
	fixture_free(fixture);
}

static void
it_is_taken_outside_of_a_transaction_only(void **unused)
{
	struct fixture *fixture = greeted();

	(void)unused;
	(void)fixture_talk(fixture, TO_RCPT);
	assert_string_equal(fixture_talk(fixture, "STARTTLS\r\n"), OUT_OF_ORDER);
	assert_int_equal(fixture->handshakes, 0);
	assert_string_equal(fixture_talk(fixture, "RSET\r\nSTARTTLS\r\n"), RESET BEGIN_TLS);
	assert_int_equal(fixture->handshakes, 1);
	fixture_free(fixture);
}

/* RFC 3207 4.2 */
static void
what_was_said_in_the_clear_is_forgotten(void **unused)
{
	struct fixture *fixture = in_tls();
	const struct client_facts *client = &fixture->session.client;

	(void)unused;
	assert_true(client->tls.is_on);
	assert_true(span_equal(client->tls.version, agreed.version));
	assert_true(span_equal(client->tls.sni, agreed.sni));
	assert_true(client->tls.sni.data != agreed.sni.data);
	assert_int_equal(client->helo.length, 0);
	assert_int_equal(fixture->session.state, SESSION_GREETED);
	assert_string_equal(fixture_talk(fixture, "MAIL FROM:<s@c.example>\r\n"), OUT_OF_ORDER);
	fixture_free(fixture);
}

/* CVE-2011-0411: somebody between client and server adds commands behind the client's STARTTLS. */
static void
what_is_pipelined_behind_it_is_thrown_away(void **unused)
{
	static const char behind[] = "RSET\r\nMAIL FROM:<evil@c.example>\r\nRCPT TO:<alice@example.org>\r\nNO";
	struct fixture *fixture = greeted();

	(void)unused;
	fixture_send(fixture, SPAN("EHLO client.example\r\nSTARTTLS\r\nEHLO evil.example\r\n"));
	fixture_send(fixture, span_of(behind));
	assert_non_null(strstr(fixture_heard(fixture), BEGIN_TLS));
	assert_int_equal(fixture->session.input.length, 0);
	assert_int_equal(fixture_kept_bytes(fixture), 0);
	session_tls_up(&fixture->session, &agreed);
	assert_string_equal(
	    fixture_talk(fixture, "OP\r\n"), "500 5.5.1 Unknown command; HELP lists those there are\r\n");
	assert_int_equal(fixture->asked[IPC_PROBE_ASK], 0);
	fixture_free(fixture);
}

/* …and also when it waited there, behind a command whose answer was not known yet. */
static void
what_waits_behind_it_is_thrown_away(void **unused)
{
	struct fixture *fixture = greeted();

	(void)unused;
	fixture_send(fixture,
	    SPAN("EHLO client.example\r\nMAIL FROM:<s@c.example>\r\nRCPT TO:<alice@example.org>\r\nRSET\r\nSTARTTLS\r\n"
		 "MAIL FROM:<evil@c.example>\r\n"));
	assert_true(session_is_waiting(&fixture->session));
	fixture_answer_well(fixture);
	assert_int_equal(fixture->session.state, SESSION_HANDSHAKE);
	assert_int_equal(fixture->session.input.length, 0);
	session_tls_up(&fixture->session, &agreed);
	(void)fixture_heard(fixture);
	assert_string_equal(fixture_talk(fixture, "NOOP\r\n"), NOOP);
	fixture_free(fixture);
}

static void
a_message_under_tls_says_so(void **unused)
{
	struct fixture *fixture = in_tls();

	(void)unused;
	(void)fixture_talk(fixture, TO_RCPT "DATA\r\n");
	assert_non_null(strstr(fixture_talk(fixture, "Hello\r\n.\r\n"), "250 2.0.0 Delivered"));
	assert_non_null(strstr(buf_text(&fixture->trace),
	    "with ESMTPS (TLSv1.3 TLS_AES_128_GCM_SHA256\n\tsni=mx.example.org) id 65a0000000000001-1\n"));
	fixture_free(fixture);
}

static void
implicit_tls_comes_before_the_greeting(void **unused)
{
	struct fixture *fixture = connected(LISTENER_TLS_IMPLICIT);

	(void)unused;
	assert_string_equal(fixture_heard(fixture), "");
	assert_int_equal(fixture->handshakes, 1);
	assert_int_equal(fixture->session.state, SESSION_HANDSHAKE);
	session_tls_up(&fixture->session, &agreed);
	assert_string_equal(fixture_heard(fixture), GREETING);
	assert_false(offers(fixture));
	assert_string_equal(fixture_talk(fixture, "STARTTLS\r\n"), "503 5.5.1 TLS is on already; go on\r\n");
	fixture_free(fixture);
}

/* Who has to talk first in TLS is not asked to be silent afterwards, stranger or not. */
static void
after_implicit_tls_nobody_waits_for_the_greeting(void **unused)
{
	struct fixture *fixture = fixture_new();

	(void)unused;
	fixture->has_certificate = true;
	fixture->config.greeting_delay = 3000;
	fixture_connect_to(fixture, "198.51.100.7", LISTENER_MX, LISTENER_TLS_IMPLICIT);
	session_tls_up(&fixture->session, &agreed);
	assert_string_equal(fixture_heard(fixture), "220 mx.example.org ESMTP\r\n");
	assert_int_equal(fixture->session.state, SESSION_GREETED);
	fixture_free(fixture);
}

static void
implicit_tls_without_a_certificate_ends_at_once(void **unused)
{
	struct fixture *fixture = fixture_new();

	(void)unused;
	fixture_connect_to(fixture, "127.0.0.1", LISTENER_SUBMISSION, LISTENER_TLS_IMPLICIT);
	assert_string_equal(fixture_heard(fixture), "");
	assert_int_equal(fixture->session.state, SESSION_CLOSED);
	assert_int_equal(fixture->world.tls_failed, 1);
	fixture_free(fixture);
}

/* In a handshake nobody could read it; under TLS it is a reply like any other. */
static void
a_stream_that_finds_no_memory_ends_with_421(void **unused)
{
	struct fixture *fixture = in_tls();

	(void)unused;
	session_no_memory(&fixture->session);
	assert_string_equal(
	    fixture_heard(fixture), "421 4.3.2 mx.example.org is out of memory for this session; try again later\r\n");
	assert_int_equal(fixture->session.state, SESSION_CLOSED);
	fixture_free(fixture);
	fixture = greeted();
	(void)fixture_talk(fixture, "STARTTLS\r\n");
	session_no_memory(&fixture->session);
	assert_string_equal(fixture_heard(fixture), "");
	assert_int_equal(fixture->session.state, SESSION_CLOSED);
	fixture_free(fixture);
}

static void
a_handshake_has_its_deadline(void **unused)
{
	struct fixture *fixture = greeted();

	(void)unused;
	(void)fixture_talk(fixture, "STARTTLS\r\n");
	fixture_pass(fixture, 29000);
	assert_int_equal(fixture->session.state, SESSION_HANDSHAKE);
	fixture_pass(fixture, 1000);
	assert_int_equal(fixture->session.state, SESSION_CLOSED);
	assert_string_equal(fixture_heard(fixture), "");
	assert_int_equal(fixture->world.tls_failed, 1);
	fixture_free(fixture);
}

static void
nothing_is_said_while_it_lasts(void **unused)
{
	struct fixture *fixture = greeted();

	(void)unused;
	(void)fixture_talk(fixture, "STARTTLS\r\n");
	fixture_send(fixture, SPAN("NOOP\r\n"));
	fixture->world.is_draining = true;
	session_drain(&fixture->session, false);
	assert_string_equal(fixture_heard(fixture), "");
	assert_int_equal(fixture->session.state, SESSION_CLOSED);
	fixture_free(fixture);
	fixture = greeted();
	(void)fixture_talk(fixture, "STARTTLS\r\n");
	fixture->world.is_draining = true;
	session_tls_up(&fixture->session, &agreed);
	assert_string_equal(fixture_heard(fixture), DRAINING);
	fixture_free(fixture);
}

static void
a_client_that_goes_is_a_handshake_that_failed(void **unused)
{
	(void)unused;
	for (int is_orderly = 0; is_orderly < 2; is_orderly++) {
		struct fixture *fixture = greeted();

		(void)fixture_talk(fixture, "STARTTLS\r\n");
		session_input_ended(&fixture->session, is_orderly);
		assert_int_equal(fixture->session.state, SESSION_CLOSED);
		assert_string_equal(fixture->session.end_reason, "tls-failed");
		assert_int_equal(fixture->world.tls_failed, 1);
		fixture_free(fixture);
	}
}

static void
tls_that_breaks_takes_the_transaction_with_it(void **unused)
{
	struct tls_failure failure = { .reason = "alert", .detail = "bad record mac" };
	struct fixture *fixture = in_tls();

	(void)unused;
	(void)fixture_talk(fixture, TO_RCPT "DATA\r\n");
	fixture_send(fixture, SPAN("Hello\r\n"));
	session_tls_failed(&fixture->session, &failure);
	assert_int_equal(fixture->session.state, SESSION_CLOSED);
	assert_int_equal(fixture->asked[IPC_COMMIT_ASK], 0);
	assert_int_equal(fixture->asked[IPC_ABANDON], 1);
	assert_int_equal(fixture->world.tls_failed, 0);
	assert_int_equal(fixture->world.tls_broken, 1);
	assert_string_equal(fixture_heard(fixture), "");
	fixture_free(fixture);
}

/* A break says nothing of what the client has read. */
static void
tls_that_breaks_settles_nothing(void **unused)
{
	struct tls_failure failure = { .reason = "protocol", .detail = "" };
	struct fixture *fixture = in_tls();

	(void)unused;
	(void)fixture_talk(fixture, TO_RCPT "DATA\r\n");
	(void)fixture_talk(fixture, "Hello\r\n.\r\n");
	assert_int_not_equal(fixture->session.receipts[0], 0);
	session_tls_failed(&fixture->session, &failure);
	assert_int_equal(fixture->settled_count, 0);
	fixture_free(fixture);
}

/* The end came with the final dot: before the 250 there was nothing to have read. */
static void
an_early_end_is_no_sign_that_the_reply_was_read(void **unused)
{
	struct fixture *fixture = in_tls();

	(void)unused;
	(void)fixture_talk(fixture, TO_RCPT "DATA\r\n");
	(void)fixture_talk(fixture, "Hello\r\n.\r\n");
	session_input_closing(&fixture->session);
	assert_int_equal(fixture->session.state, SESSION_LINGERING);
	assert_int_equal(fixture->settled_count, 0);
	session_input_ended(&fixture->session, true);
	assert_int_equal(fixture->settled_count, 1);
	fixture_free(fixture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_offered_where_it_can_be_had),
		cmocka_unit_test(where_it_cannot_be_had_the_session_goes_on),
		cmocka_unit_test(it_is_taken_outside_of_a_transaction_only),
		cmocka_unit_test(what_was_said_in_the_clear_is_forgotten),
		cmocka_unit_test(what_is_pipelined_behind_it_is_thrown_away),
		cmocka_unit_test(what_waits_behind_it_is_thrown_away),
		cmocka_unit_test(a_message_under_tls_says_so),
		cmocka_unit_test(implicit_tls_comes_before_the_greeting),
		cmocka_unit_test(after_implicit_tls_nobody_waits_for_the_greeting),
		cmocka_unit_test(implicit_tls_without_a_certificate_ends_at_once),
		cmocka_unit_test(a_stream_that_finds_no_memory_ends_with_421),
		cmocka_unit_test(a_handshake_has_its_deadline),
		cmocka_unit_test(nothing_is_said_while_it_lasts),
		cmocka_unit_test(a_client_that_goes_is_a_handshake_that_failed),
		cmocka_unit_test(tls_that_breaks_takes_the_transaction_with_it),
		cmocka_unit_test(tls_that_breaks_settles_nothing),
		cmocka_unit_test(an_early_end_is_no_sign_that_the_reply_was_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
