/* smtpd/session: where AUTH is offered, and what a user may do that nobody else may, and not.
 * On failure: cmocka names the line.
 */
#include "tests/unit/smtpd/auth_fixture.h"

#include <stdio.h>

/* …and has logged in as alice. */
static struct fixture *
as_alice(void)
{
	struct fixture *fixture = on_submission();

	assert_heard(fixture, "AUTH PLAIN " ALICE "\r\n", LOGGED_IN);
	return fixture;
}

static void
where_auth_has_no_place(void **unused)
{
	struct fixture *fixture = as_alice();

	(void)unused;
	assert_heard(fixture, "AUTH PLAIN " ALICE "\r\n",
	    "503 5.5.1 You have logged in already; connect again to do so as somebody else\r\n");
	fixture_free(fixture);

	/* Not before EHLO, not inside of a transaction (where nobody is without a login). */
	fixture = fixture_new();
	fixture_connect_secure(fixture, "192.0.2.7");
	(void)fixture_heard(fixture);
	assert_heard(fixture, "AUTH PLAIN " ALICE "\r\n", OUT_OF_ORDER);
	assert_int_equal(fixture->asked[IPC_AUTH_ASK], 0);
	fixture_free(fixture);

	/* In the clear. */
	fixture = fixture_new();
	fixture->has_certificate = true;
	fixture_connect_to(fixture, "127.0.0.1", LISTENER_SUBMISSION, LISTENER_TLS_STARTTLS);
	(void)fixture_heard(fixture);
	assert_null(strstr(fixture_talk(fixture, "EHLO client.example\r\n"), "AUTH"));
	assert_heard(fixture, "AUTH PLAIN " ALICE "\r\n",
	    "538 5.7.11 Passwords are not taken in the clear; set the mail program to use TLS\r\n");
	assert_int_equal(fixture->asked[IPC_AUTH_ASK], 0);
	fixture_free(fixture);

	/* For mail servers, with TLS or without. */
	fixture = fixture_new();
	fixture_connect(fixture, "127.0.0.1");
	(void)fixture_heard(fixture);
	fixture->session.client.tls.is_on = true;
	assert_null(strstr(fixture_talk(fixture, "EHLO client.example\r\n"), "AUTH"));
	assert_heard(fixture, "AUTH PLAIN " ALICE "\r\n",
	    "502 5.5.1 This command is not offered here; HELP lists those that are\r\n");
	fixture_free(fixture);
}

static void
it_is_offered_until_somebody_has_logged_in(void **unused)
{
	struct fixture *fixture = on_submission();

	(void)unused;
	assert_non_null(strstr(fixture_talk(fixture, "EHLO client.example\r\n"), "250-AUTH PLAIN LOGIN\r\n"));
	assert_non_null(strstr(fixture_talk(fixture, "HELP\r\n"), "AUTH (RFC 4954)"));
	assert_heard(fixture, "AUTH PLAIN " ALICE "\r\n", LOGGED_IN);
	assert_null(strstr(fixture_talk(fixture, "EHLO client.example\r\n"), "AUTH"));
	/* EHLO begins a session anew, but the user stays who he is. */
	assert_heard(fixture, "MAIL FROM:<alice@example.org>\r\n", SENDER);
	fixture_free(fixture);
}

static void
only_users_send(void **unused)
{
	struct fixture *fixture = on_submission();

	(void)unused;
	assert_non_null(strstr(fixture_talk(fixture, "MAIL FROM:<alice@example.org>\r\n"), "530 5.7.0 "));
	assert_non_null(strstr(fixture_talk(fixture, "MAIL FROM:<>\r\n"), "530 5.7.0 "));
	assert_int_equal(fixture->session.state, SESSION_READY);
	fixture_free(fixture);
}

static void
a_user_sends_as_himself(void **unused)
{
	static const char *const his[] = { "alice@example.org", "alice+news@example.org", "info@example.org", "" };
	static const char *const not_his[] = { "bob@example.org", "team@example.org", "nobody@example.org",
		"closed@example.org", "alice@elsewhere.example" };
	char line[128];

	(void)unused;
	for (size_t i = 0; i < sizeof his / sizeof his[0]; i++) {
		struct fixture *fixture = as_alice();

		(void)snprintf(line, sizeof line, "MAIL FROM:<%s>\r\n", his[i]);
		assert_heard(fixture, line, SENDER);
		assert_heard(fixture, "RCPT TO:<bob@example.org>\r\n", RECIPIENT);
		fixture_free(fixture);
	}
	for (size_t i = 0; i < sizeof not_his / sizeof not_his[0]; i++) {
		struct fixture *fixture = as_alice();
		char reply[256];

		(void)snprintf(line, sizeof line, "MAIL FROM:<%s>\r\n", not_his[i]);
		(void)snprintf(reply, sizeof reply,
		    "553 5.7.1 alice@example.org may not send as %s; use an address whose mail comes to your mailbox "
		    "and to no other\r\n",
		    not_his[i]);
		assert_heard(fixture, line, reply);
		fixture_free(fixture);
	}
}

static void
a_user_whose_address_is_shared_owns_none(void **unused)
{
	struct fixture *fixture = on_submission();

	(void)unused;
	fixture_send(fixture, SPAN("AUTH PLAIN " ALICE "\r\n"));
	assert_true(fixture_say_auth(fixture, AUTH_PASSED, "team@example.org"));
	(void)fixture_heard(fixture);
	assert_non_null(strstr(fixture_talk(fixture, "MAIL FROM:<team@example.org>\r\n"), "553 5.7.1 "));
	assert_non_null(strstr(fixture_talk(fixture, "MAIL FROM:<alice@example.org>\r\n"), "553 5.7.1 "));
	fixture->has_map = false;
	assert_non_null(strstr(fixture_talk(fixture, "MAIL FROM:<alice@example.org>\r\n"), "451 4.3.5 "));
	fixture_free(fixture);
}

static void
a_user_sends_to_local_recipients_only(void **unused)
{
	struct fixture *fixture = as_alice();

	(void)unused;
	assert_heard(fixture, "MAIL FROM:<alice@example.org>\r\n", SENDER);
	assert_heard(fixture, "RCPT TO:<x@elsewhere.example>\r\n",
	    "550 5.7.1 This server sends nothing to other domains; send this through the smart host of your "
	    "provider\r\n");
	assert_heard(fixture, "RCPT TO:<nobody@example.org>\r\n",
	    "550 5.1.1 There is no address nobody@example.org here; check its spelling\r\n");
	assert_heard(fixture, "RCPT TO:<bob@example.org>\r\n", RECIPIENT);
	assert_heard(fixture, "AUTH PLAIN " ALICE "\r\n",
	    "503 5.5.1 You have logged in already; connect again to do so as somebody else\r\n");
	assert_heard(fixture, "DATA\r\n.\r\n", GO_AHEAD DELIVERED);
	/* Nothing was asked about SPF, and the trace says how the message came. */
	assert_int_equal(fixture->asked[IPC_SPF_ASK], 0);
	assert_non_null(strstr(buf_text(&fixture->trace), "with ESMTPSA"));
	assert_null(strstr(buf_text(&fixture->trace), "Received-SPF"));
	fixture_free(fixture);
}

static void
auth_of_mail_is_read_and_ignored(void **unused)
{
	struct fixture *fixture = as_alice();

	(void)unused;
	assert_heard(fixture, "MAIL FROM:<alice@example.org> AUTH=bob+40example.org\r\n", SENDER);
	assert_heard(fixture, "RSET\r\nMAIL FROM:<alice@example.org> AUTH=<>\r\n",
	    "250 2.0.0 Reset\r\n250 2.1.0 Sender taken\r\n");
	assert_heard(fixture, "RSET\r\nMAIL FROM:<alice@example.org> AUTH=a+4\r\n",
	    "250 2.0.0 Reset\r\n501 5.5.4 Parameter AUTH=a+4 is not well formed or given twice; correct the "
	    "client\r\n");
	fixture_free(fixture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_auth_has_no_place),
		cmocka_unit_test(it_is_offered_until_somebody_has_logged_in),
		cmocka_unit_test(only_users_send),
		cmocka_unit_test(a_user_sends_as_himself),
		cmocka_unit_test(a_user_whose_address_is_shared_owns_none),
		cmocka_unit_test(a_user_sends_to_local_recipients_only),
		cmocka_unit_test(auth_of_mail_is_read_and_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
