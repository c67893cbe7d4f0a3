/* What a session does with the answers of dns and deliver: good, bad, late, twice, unasked, or never.
 * On failure: cmocka names the line.
 */
#include "tests/unit/smtpd/replies.h"

#define assert_said(fixture, expected) assert_string_equal(fixture_heard(fixture), expected)

#define RESOLVER_DOWN "451 4.4.3 The name service does not answer us; try again later\r\n"
#define DELIVERY_TROUBLE "451 4.3.0 Delivery does not work now; try again later\r\n"

static void
send_text(struct fixture *fixture, const char *text)
{
	fixture_send(fixture, span_of(text));
}

/* A client from outside with this sender; its replies are taken, dns has not answered. */
static struct fixture *
sender_from_outside(const char *sender)
{
	struct fixture *fixture = fixture_new();

	fixture_connect(fixture, "192.0.2.7");
	send_text(fixture, "EHLO client.example\r\n");
	send_text(fixture, sender);
	assert_non_null(strstr(fixture_heard(fixture), "250 2.1.0"));
	assert_int_equal(fixture->asked[IPC_NAME_ASK], 1);
	assert_int_equal(fixture->asked[IPC_SPF_ASK], 1);
	return fixture;
}

/* A client on loopback after its first accepted recipient. */
static struct fixture *
with_recipient(void)
{
	struct fixture *fixture = fixture_new();

	fixture_connect(fixture, "127.0.0.1");
	(void)fixture_talk(
	    fixture, "EHLO client.example\r\nMAIL FROM:<s@c.example>\r\nRCPT TO:<alice@example.org>\r\n");
	assert_int_equal(fixture->session.state, SESSION_RCPT);
	return fixture;
}

static void
rcpt_waits_for_spf_and_what_is_behind_it_waits_too(void **unused)
{
	struct fixture *fixture = sender_from_outside("MAIL FROM:<s@c.example>\r\n");

	(void)unused;
	send_text(
	    fixture, "RCPT TO:<nobody@example.org>\r\nRCPT TO:<alice@example.org>\r\nRCPT TO:<bob@example.org>\r\n");
	assert_said(fixture, "550 5.1.1 There is no address nobody@example.org here; check its spelling\r\n");
	assert_int_equal(fixture->session.wait, WAIT_SPF);
	assert_int_equal(fixture->asked[IPC_PROBE_ASK], 0);
	assert_true(fixture_say_spf(fixture, SPF_PASS, SPF_PASS, ""));
	assert_int_equal(fixture->session.wait, WAIT_PROBE);
	assert_said(fixture, "");
	assert_true(fixture_say_probe(fixture, PROBE_TAKES));
	assert_said(fixture, RECIPIENT);
	assert_true(fixture_say_probe(fixture, PROBE_TAKES));
	assert_said(fixture, RECIPIENT);
	assert_int_equal(fixture->session.wait, WAIT_NOTHING);
	assert_int_equal(fixture->session.input.length, 0);
	fixture_free(fixture);
}

static void
spf_fail_is_refused_with_the_domains_words(void **unused)
{
	struct fixture *fixture = sender_from_outside("MAIL FROM:<s@c.example>\r\n");

	(void)unused;
	assert_true(fixture_say_spf(fixture, SPF_NONE, SPF_FAIL, "Use our server.\r\n250 \x80"));
	send_text(fixture, "RCPT TO:<alice@example.org>\r\n");
	assert_said(fixture,
	    "550 5.7.23 The SPF record of c.example does not permit 192.0.2.7 to send its mail; "
	    "send it through that domain's own server; the domain explains: Use our server.??250 ?\r\n");
	send_text(fixture, "RCPT TO:<postmaster@example.org>\r\n");
	assert_true(fixture_say_probe(fixture, PROBE_TAKES));
	assert_said(fixture, RECIPIENT);
	fixture_free(fixture);
}

static void
a_doubt_is_noted_and_received_spf_written(void **unused)
{
	struct fixture *fixture = sender_from_outside("MAIL FROM:<s@c.example>\r\n");

	(void)unused;
	assert_true(fixture_say_spf(fixture, SPF_FAIL, SPF_SOFTFAIL, ""));
	(void)fixture_talk(fixture, "RCPT TO:<alice@example.org>\r\nDATA\r\n");
	assert_string_equal(fixture->session.transaction->doubt, "spf-mailfrom");
	(void)fixture_talk(fixture, ".\r\n");
	const char *trace = buf_text(&fixture->trace);
	assert_true(strncmp(trace, "Received-SPF: softfail", 22) == 0);
	assert_non_null(strstr(trace, "Received-SPF: fail"));
	assert_non_null(strstr(trace, "\nReceived: from client.example"));
	fixture_free(fixture);
}

static void
a_resolver_that_is_down_defers(void **unused)
{
	struct fixture *fixture = sender_from_outside("MAIL FROM:<s@c.example>\r\n");

	(void)unused;
	send_text(fixture, "RCPT TO:<alice@example.org>\r\n");
	assert_true(fixture_say_resolver_down(fixture));
	assert_said(fixture, RESOLVER_DOWN);
	fixture->config.resolver_down = RESOLVER_DOWN_ACCEPT;
	assert_string_equal(fixture_talk(fixture, "RCPT TO:<alice@example.org>\r\n"), RECIPIENT);
	fixture_free(fixture);
}

static void
dns_that_is_gone_silent_or_never_there_counts_as_down(void **unused)
{
	struct fixture *gone = sender_from_outside("MAIL FROM:<s@c.example>\r\n");
	struct fixture *silent = sender_from_outside("MAIL FROM:<s@c.example>\r\n");
	struct fixture *absent = fixture_new();

	(void)unused;
	send_text(gone, "RCPT TO:<alice@example.org>\r\n");
	session_neighbour_gone(&gone->session, ROLE_DNS);
	assert_said(gone, RESOLVER_DOWN);
	fixture_free(gone);

	send_text(silent, "RCPT TO:<alice@example.org>\r\n");
	fixture_pass(silent, 11999);
	assert_said(silent, "");
	fixture_pass(silent, 1);
	assert_said(silent, RESOLVER_DOWN);
	/* The late answer is dropped. */
	assert_true(fixture_say_spf(silent, SPF_PASS, SPF_PASS, ""));
	fixture_free(silent);

	absent->has_dns = false;
	fixture_connect(absent, "192.0.2.7");
	(void)fixture_talk(absent, "HELO client.example\r\nMAIL FROM:<s@c.example>\r\n");
	assert_string_equal(fixture_talk(absent, "RCPT TO:<alice@example.org>\r\n"), RESOLVER_DOWN);
	fixture_free(absent);
}

static void
exempt_clients_are_not_asked_about(void **unused)
{
	static const char *networks[] = { "192.0.2.0/24" };
	static const char *names[] = { "mx.forwarder.example" };
	struct fixture *fixture = fixture_new();

	(void)unused;
	fixture->config.trusted = (struct config_list){ 1, networks };
	fixture_connect(fixture, "192.0.2.7");
	(void)fixture_talk(fixture, "HELO client.example\r\nMAIL FROM:<s@c.example>\r\n");
	assert_int_equal(fixture->asked[IPC_SPF_ASK], 0);
	assert_string_equal(fixture_talk(fixture, "RCPT TO:<alice@example.org>\r\n"), RECIPIENT);
	fixture_free(fixture);

	fixture = fixture_new();
	fixture->config.forwarders = (struct config_list){ 1, names };
	fixture_connect(fixture, "192.0.2.7");
	send_text(fixture, "HELO client.example\r\nMAIL FROM:<s@c.example>\r\nRCPT TO:<alice@example.org>\r\n");
	assert_true(fixture_say_spf(fixture, SPF_NONE, SPF_FAIL, ""));
	assert_int_equal(fixture->session.wait, WAIT_NAME);
	assert_true(fixture_say_name(fixture, IPREV_CONFIRMED, "MX.forwarder.example"));
	assert_int_equal(fixture->session.wait, WAIT_PROBE);
	assert_true(fixture_say_probe(fixture, PROBE_TAKES));
	fixture_free(fixture);
}

static void
deliver_says_no(void **unused)
{
	static const struct {
		enum probe_verdict verdict;
		const char *reply;
	} cases[] = {
		{ PROBE_UNKNOWN, DELIVERY_TROUBLE },
		{ PROBE_NO_ROOM, "452 4.3.1 There is no room for the message now; try again later\r\n" },
		{ PROBE_NOT_WRITABLE, "451 4.3.0 The mailbox cannot be written now; try again later\r\n" },
		{ PROBE_TROUBLE, DELIVERY_TROUBLE },
	};
	struct fixture *fixture = with_recipient();

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		send_text(fixture, "RCPT TO:<bob@example.org>\r\n");
		assert_true(fixture_say_probe(fixture, cases[i].verdict));
		assert_said(fixture, cases[i].reply);
	}
	assert_int_equal(fixture->session.transaction->accepted, 1);
	fixture_free(fixture);
}

static void
commit_outcomes(void **unused)
{
	static const struct {
		enum commit_outcome outcome;
		const char *reply;
	} cases[] = {
		{ COMMIT_DONE, DELIVERED },
		{ COMMIT_DONE_BEFORE, "250 2.0.0 Delivered by an earlier attempt; 65a0000000000001-1\r\n" },
		{ COMMIT_NO_ROOM, "452 4.3.1 There is no room for the message now; try again later\r\n" },
		{ COMMIT_TROUBLE, DELIVERY_TROUBLE },
		{ COMMIT_LATE, "451 4.3.0 Delivery took too long and was taken back; try again later\r\n" },
		{ COMMIT_REFUSED, DELIVERY_TROUBLE },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture *fixture = with_recipient();

		send_text(fixture, "DATA\r\n");
		send_text(fixture, "x\r\n.\r\n");
		assert_said(fixture, GO_AHEAD);
		assert_int_equal(fixture->session.wait, WAIT_COMMIT);
		assert_int_equal(fixture->deadline_ms, fixture->now_ms + 60000);
		assert_true(fixture_say_commit(fixture, cases[i].outcome, 0));
		assert_said(fixture, cases[i].reply);
		assert_int_equal(fixture->session.state, SESSION_READY);
		assert_null(fixture->session.transaction);
		assert_int_equal(fixture->asked[IPC_ABANDON], 0);
		fixture_free(fixture);
	}
}

static void
a_commit_that_takes_too_long_is_taken_back_or_waited_for(void **unused)
{
	struct fixture *won = with_recipient();
	struct fixture *lost = with_recipient();

	(void)unused;
	won->gives_up = true;
	send_text(won, "DATA\r\n");
	send_text(won, ".\r\n");
	fixture_pass(won, 60000);
	assert_said(won, GO_AHEAD "451 4.3.0 Delivery took too long and was taken back; try again later\r\n");
	/* Whatever deliver says now, the client has its answer. */
	assert_true(fixture_say_commit(won, COMMIT_DONE, 5));
	assert_said(won, "");
	assert_int_equal(won->session.receipts[0], 0);
	fixture_free(won);

	send_text(lost, "DATA\r\n");
	send_text(lost, ".\r\n");
	fixture_pass(lost, 60000);
	fixture_pass(lost, 600000);
	assert_said(lost, GO_AHEAD);
	assert_true(fixture_say_commit(lost, COMMIT_DONE, 5));
	assert_said(lost, DELIVERED);
	fixture_free(lost);
}

static void
deliver_goes_away(void **unused)
{
	struct fixture *fixture = with_recipient();

	(void)unused;
	send_text(fixture, "RCPT TO:<bob@example.org>\r\n");
	session_neighbour_gone(&fixture->session, ROLE_DELIVER);
	assert_said(fixture, DELIVERY_TROUBLE);
	/* The handle of the first recipient went with it. */
	send_text(fixture, "RCPT TO:<bob@example.org>\r\nDATA\r\n");
	assert_said(fixture, DELIVERY_TROUBLE DELIVERY_TROUBLE);
	assert_int_equal(fixture->session.state, SESSION_RCPT);
	assert_non_null(
	    strstr(fixture_talk(fixture, "RSET\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.org>\r\n"), "250 2.1.5"));
	send_text(fixture, "DATA\r\n");
	send_text(fixture, ".\r\n");
	session_neighbour_gone(&fixture->session, ROLE_DELIVER);
	assert_said(fixture, GO_AHEAD DELIVERY_TROUBLE);
	fixture_free(fixture);
}

static void
a_probe_without_an_answer(void **unused)
{
	struct fixture *fixture = with_recipient();

	(void)unused;
	send_text(fixture, "RCPT TO:<bob@example.org>\r\n");
	fixture_pass(fixture, 30000);
	assert_said(fixture, DELIVERY_TROUBLE);
	/* It comes late, and is no answer to anything any more. */
	send_text(fixture, "RCPT TO:<carol@example.org>\r\n");
	assert_said(fixture, DELIVERY_TROUBLE);
	assert_true(fixture_say_probe(fixture, PROBE_TAKES));
	assert_int_equal(fixture->session.transaction->accepted, 1);
	fixture_free(fixture);
}

/* Deliver keeps a handle until its transaction is committed or abandoned, also one that nobody here has seen. */
static void
deliver_is_told_to_forget_what_it_may_hold(void **unused)
{
	struct fixture *silent = fixture_new();
	struct fixture *full = with_recipient();
	struct fixture *refusing = fixture_new();

	(void)unused;
	fixture_connect(silent, "127.0.0.1");
	send_text(silent, "EHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<alice@example.org>\r\n");
	fixture_pass(silent, 30000);
	send_text(silent, "RSET\r\n");
	assert_int_equal(silent->asked[IPC_ABANDON], 1);
	fixture_free(silent);

	full->takes_commits = false;
	send_text(full, "DATA\r\n");
	send_text(full, ".\r\n");
	assert_said(full, GO_AHEAD DELIVERY_TROUBLE);
	assert_int_equal(full->asked[IPC_ABANDON], 1);
	fixture_free(full);

	fixture_connect(refusing, "127.0.0.1");
	send_text(refusing, "EHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<alice@example.org>\r\n");
	assert_true(fixture_say_probe(refusing, PROBE_NO_ROOM));
	send_text(refusing, "RSET\r\n");
	assert_int_equal(refusing->asked[IPC_ABANDON], 0);
	fixture_free(refusing);
}

static void
answers_that_nobody_asked_for_are_out_of_phase(void **unused)
{
	struct fixture *fixture = with_recipient();

	(void)unused;
	assert_false(fixture_say_probe(fixture, PROBE_TAKES));
	assert_false(fixture_say_commit(fixture, COMMIT_DONE, 1));
	assert_false(fixture_say_spf(fixture, SPF_PASS, SPF_PASS, ""));
	assert_false(fixture_say_name(fixture, IPREV_CONFIRMED, "forged.example"));
	send_text(fixture, "RCPT TO:<bob@example.org>\r\n");
	assert_false(fixture_say_commit(fixture, COMMIT_DONE, 1));
	assert_false(fixture_say_probe(fixture, (enum probe_verdict)(PROBE_TROUBLE + 1)));
	assert_true(fixture_say_probe(fixture, PROBE_TAKES));
	assert_false(fixture_say_probe(fixture, PROBE_TAKES));
	send_text(fixture, "DATA\r\n");
	assert_false(fixture_say_commit(fixture, COMMIT_DONE, 1));
	send_text(fixture, ".\r\n");
	assert_false(fixture_say_commit(fixture, (enum commit_outcome)(COMMIT_REFUSED + 1), 1));
	assert_true(fixture_say_commit(fixture, COMMIT_DONE, 1));
	/* Of a transaction that has ended: late, not wrong. */
	assert_true(fixture_say_commit(fixture, COMMIT_DONE, 1));
	fixture_free(fixture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rcpt_waits_for_spf_and_what_is_behind_it_waits_too),
		cmocka_unit_test(spf_fail_is_refused_with_the_domains_words),
		cmocka_unit_test(a_doubt_is_noted_and_received_spf_written),
		cmocka_unit_test(a_resolver_that_is_down_defers),
		cmocka_unit_test(dns_that_is_gone_silent_or_never_there_counts_as_down),
		cmocka_unit_test(exempt_clients_are_not_asked_about),
		cmocka_unit_test(deliver_says_no),
		cmocka_unit_test(commit_outcomes),
		cmocka_unit_test(a_commit_that_takes_too_long_is_taken_back_or_waited_for),
		cmocka_unit_test(deliver_goes_away),
		cmocka_unit_test(a_probe_without_an_answer),
		cmocka_unit_test(deliver_is_told_to_forget_what_it_may_hold),
		cmocka_unit_test(answers_that_nobody_asked_for_are_out_of_phase),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
