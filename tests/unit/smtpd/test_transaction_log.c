/* smtpd/transaction_log: the lines that a session leaves, pair by pair, as operators and fail2ban read them.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/mman.h>

#include "lib/log.h"
#include "tests/unit/smtpd/session_fixture.h"

enum { LOG_BYTES = 65536 };

static char log_text[LOG_BYTES];

/* Runs a session with standard error in a memory file, and reads what was logged. With failure, TLS comes up after
 * STARTTLS and breaks like that at the end. */
static void
log_of_tls(const char *client, enum listener_role role, const char *const *lines, const struct tls_failure *failure)
{
	static const struct tls_facts agreed = {
		.version = SPAN("TLSv1.3"), .cipher = SPAN("TLS_AES_128_GCM_SHA256"), .sni = SPAN("mx.example.org")
	};
	struct fixture *fixture = fixture_new();
	int file = memfd_create("log", MFD_CLOEXEC);
	int saved = dup(STDERR_FILENO);

	assert_true(file >= 0 && saved >= 0);
	assert_int_equal(dup2(file, STDERR_FILENO), STDERR_FILENO);
	fixture->has_certificate = failure != NULL;
	fixture_connect_to(fixture, client, role, LISTENER_TLS_STARTTLS);
	for (; *lines; lines++) {
		(void)fixture_talk(fixture, *lines);
		if (failure && strcmp(*lines, "STARTTLS\r\n") == 0)
			session_tls_up(&fixture->session, &agreed);
	}
	if (failure)
		session_tls_failed(&fixture->session, failure);
	fixture_free(fixture);
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	ssize_t length = pread(file, log_text, sizeof log_text - 1, 0);
	assert_true(length >= 0);
	log_text[length] = '\0';
	(void)close(saved);
	(void)close(file);
}

static void
log_of(const char *client, const char *const *lines)
{
	log_of_tls(client, LISTENER_MX, lines, NULL);
}

/* The line number `index` that was logged, without its time and process. */
static const char *
line_of(unsigned index)
{
	static char line[LOG_BYTES];
	const char *at = log_text;

	for (; index; index--) {
		at = strchr(at, '\n');
		assert_non_null(at);
		at++;
	}
	at = strstr(at, "event=");
	assert_non_null(at);
	size_t length = strcspn(at, "\n");
	memcpy(line, at, length);
	line[length] = '\0';
	return line;
}

static unsigned
lines_logged(void)
{
	unsigned count = 0;

	for (const char *at = log_text; *at; at++)
		count += *at == '\n';
	return count;
}

static void
a_delivered_message(void **unused)
{
	static const char *const lines[] = { "EHLO client.example\r\n", "MAIL FROM:<s@c.example>\r\n",
		"RCPT TO:<alice@example.org>\r\nRCPT TO:<bob@example.org>\r\n", "DATA\r\n", "x\r\n.\r\n", "QUIT\r\n",
		NULL };

	(void)unused;
	log_of("127.0.0.1", lines);
	assert_string_equal(line_of(0),
	    "event=transaction session=65a0000000000001 client=127.0.0.1 helo=client.example transaction=1 "
	    "from=s@c.example to=alice@example.org,bob@example.org recipients=2 refused=0 size=3 tls=no spf=exempt "
	    "spf-helo=exempt verdict=accepted code=250 reason=delivered map=recipients:3 copies=1 dns-ms=0 "
	    "deliver-ms=0 ms=0");
	assert_string_equal(line_of(1),
	    "event=session session=65a0000000000001 client=127.0.0.1 helo=client.example tls=no transactions=1 "
	    "messages=1 refused=0 errors=0 reason=quit ms=0");
	assert_int_equal(lines_logged(), 2);
}

static void
refused_recipients_have_a_line_each_and_their_transaction_none(void **unused)
{
	static const char *const lines[] = { "HELO client.example\r\n", "MAIL FROM:<>\r\n",
		"RCPT TO:<nobody@example.org>\r\n", "RCPT TO:<x@other.example>\r\n", "RSET\r\n", NULL };

	(void)unused;
	log_of("192.0.2.7", lines);
	assert_string_equal(line_of(0),
	    "event=refused session=65a0000000000001 client=192.0.2.7 helo=client.example from=<> "
	    "to=nobody@example.org tls=no spf=unknown spf-helo=unknown verdict=refused code=550 reason=unknown-user "
	    "map=recipients:3");
	assert_non_null(strstr(line_of(1), " to=x@other.example "));
	assert_non_null(strstr(line_of(1), " code=550 reason=not-ours"));
	assert_non_null(strstr(line_of(2), "event=session "));
	assert_non_null(strstr(line_of(2), " refused=2 errors=2 reason=closed "));
	assert_int_equal(lines_logged(), 3);
}

static void
a_transaction_that_is_given_up(void **unused)
{
	static const char *const lines[] = { "HELO client.example\r\n", "MAIL FROM:<s@c.example>\r\n",
		"RCPT TO:<alice@example.org>\r\n", "EHLO client.example\r\n", NULL };

	(void)unused;
	log_of("127.0.0.1", lines);
	assert_non_null(strstr(line_of(0), "event=transaction "));
	assert_non_null(strstr(line_of(0), " verdict=abandoned reason=reset map="));
	assert_null(strstr(line_of(0), "code="));
}

static void
clients_bytes_are_escaped(void **unused)
{
	static const char *const lines[] = { "HELO client.example\r\n", "MAIL FROM:<\"a b\\\"c=d\"@c.example>\r\n",
		"RCPT TO:<nobody@example.org>\r\n", NULL };

	(void)unused;
	log_of("127.0.0.1", lines);
	assert_non_null(strstr(line_of(0), " from=\"\\x22a b\\x5c\\x22c=d\\x22@c.example\" to="));
	assert_int_equal(lines_logged(), 2);
}

static void
tls_that_breaks(void **unused)
{
	static const char *const lines[] = { "STARTTLS\r\n", "EHLO client.example\r\n", "MAIL FROM:<s@c.example>\r\n",
		"RCPT TO:<nobody@example.org>\r\n", "RCPT TO:<alice@example.org>\r\n", NULL };
	static const struct tls_failure failure = { "protocol", "bad record mac", { NULL, 0 } };

	(void)unused;
	log_of_tls("127.0.0.1", LISTENER_MX, lines, &failure);
	assert_non_null(strstr(line_of(0), "event=refused "));
	assert_non_null(strstr(line_of(0), " tls=TLSv1.3 spf="));
	assert_string_equal(line_of(1),
	    "event=tls-failed session=65a0000000000001 client=127.0.0.1 helo=client.example tls=TLSv1.3 "
	    "cipher=TLS_AES_128_GCM_SHA256 sni=mx.example.org reason=protocol detail=\"bad record mac\" ms=0");
	assert_non_null(strstr(line_of(2), "event=transaction "));
	assert_non_null(strstr(line_of(2), " tls=TLSv1.3 cipher=TLS_AES_128_GCM_SHA256 sni=mx.example.org spf=exempt"));
	assert_non_null(strstr(line_of(2), " verdict=abandoned reason=tls-failed "));
	assert_non_null(strstr(line_of(3), "event=session "));
	assert_non_null(strstr(line_of(3), " tls=TLSv1.3 cipher=TLS_AES_128_GCM_SHA256 sni=mx.example.org "));
	assert_non_null(strstr(line_of(3), " reason=tls-failed "));
	assert_int_equal(lines_logged(), 4);
}

static void
a_handshake_that_is_none(void **unused)
{
	static const char *const lines[] = { "EHLO client.example\r\n", NULL };
	static const struct tls_failure failure = { "plain-text", "wrong version number", SPAN("EHLO \"a b\"\r\n") };

	(void)unused;
	log_of_tls("127.0.0.1", LISTENER_MX, lines, &failure);
	assert_string_equal(line_of(0),
	    "event=tls-failed session=65a0000000000001 client=127.0.0.1 helo=client.example tls=no reason=plain-text "
	    "detail=\"wrong version number\" sent=\"EHLO \\x22a b\\x22\\x0d\\x0a\" ms=0");
}

/* A user's program that speaks on in the clear where TLS was to begin may have said a password. */
static void
what_a_user_said_instead_of_tls_is_not_shown(void **unused)
{
	static const char *const lines[] = { "EHLO client.example\r\n", NULL };
	static const struct tls_failure failure = { "plain-text", "wrong version number",
		SPAN("AUTH PLAIN AGJvYgBodW50ZXIy\r\n") };

	(void)unused;
	log_of_tls("127.0.0.1", LISTENER_SUBMISSION, lines, &failure);
	assert_string_equal(line_of(0),
	    "event=tls-failed session=65a0000000000001 client=127.0.0.1 helo=client.example tls=no reason=plain-text "
	    "detail=\"wrong version number\" ms=0");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_delivered_message),
		cmocka_unit_test(refused_recipients_have_a_line_each_and_their_transaction_none),
		cmocka_unit_test(a_transaction_that_is_given_up),
		cmocka_unit_test(clients_bytes_are_escaped),
		cmocka_unit_test(tls_that_breaks),
		cmocka_unit_test(a_handshake_that_is_none),
		cmocka_unit_test(what_a_user_said_instead_of_tls_is_not_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
