/* The silence before the greeting: who has to keep it, who breaks it, and what ends it.
 * On failure: cmocka names the line.
 */
#include "tests/unit/smtpd/replies.h"

#define REFUSED "554 5.5.1 You talked before the greeting; wait for the line that begins with 220 (RFC 5321 3.1)\r\n"

static const char *const trusted[] = { "192.0.2.0/24" };

static struct fixture *
called_by(const char *client, uint64_t delay_ms, enum action action)
{
	struct fixture *fixture = fixture_new();

	fixture->config.greeting_delay = delay_ms;
	fixture->config.early_talker = action;
	fixture->config.trusted = (struct config_list){ .count = 1, .items = (const char **)trusted };
	fixture_connect(fixture, client);
	return fixture;
}

static void
the_silent_are_greeted_when_it_is_over(void **unused)
{
	struct fixture *fixture = called_by("198.51.100.7", 3000, ACTION_REFUSE);

	(void)unused;
	assert_int_equal(fixture->session.state, SESSION_SILENT);
	/* What is asked about the client is asked meanwhile. */
	assert_int_equal(fixture->asked[IPC_NAME_ASK], 1);
	assert_true(fixture_say_name(fixture, IPREV_CONFIRMED, "mail.example.net"));
	fixture_pass(fixture, 2999);
	assert_string_equal(fixture_heard(fixture), "");
	fixture_pass(fixture, 1);
	assert_string_equal(fixture_heard(fixture), GREETING);
	assert_int_equal(fixture->session.state, SESSION_GREETED);
	/* From now on the time for a command holds. */
	fixture_pass(fixture, fixture->config.command_timeout - 1);
	assert_string_equal(fixture_heard(fixture), "");
	(void)fixture_talk(fixture, "HELO client.example\r\n");
	assert_int_equal(fixture->session.state, SESSION_READY);
	fixture_free(fixture);
}

static void
friends_and_servers_without_a_delay_do_not_wait(void **unused)
{
	(void)unused;
	static const struct {
		const char *client;
		uint64_t delay_ms;
	} cases[] = { { "127.0.0.1", 3000 }, { "::1", 3000 }, { "192.0.2.9", 3000 }, { "198.51.100.7", 0 } };

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture *fixture = called_by(cases[i].client, cases[i].delay_ms, ACTION_REFUSE);

		assert_string_equal(fixture_heard(fixture), GREETING);
		assert_int_equal(fixture->session.state, SESSION_GREETED);
		fixture_free(fixture);
	}
}

static void
on_other_listeners_nobody_waits(void **unused)
{
	static const struct {
		enum listener_role role;
		enum listener_tls tls;
		bool waits;
	} cases[] = { { LISTENER_MX, LISTENER_TLS_OFF, true }, { LISTENER_MX, LISTENER_TLS_STARTTLS, true },
		{ LISTENER_SUBMISSION, LISTENER_TLS_STARTTLS, false } };

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture *fixture = fixture_new();

		fixture->config.greeting_delay = 3000;
		fixture_connect_to(fixture, "198.51.100.7", cases[i].role, cases[i].tls);
		assert_string_equal(fixture_heard(fixture), cases[i].waits ? "" : GREETING);
		assert_int_equal(fixture->session.state, cases[i].waits ? SESSION_SILENT : SESSION_GREETED);
		fixture_free(fixture);
	}
}

static void
who_talks_is_refused_and_not_heard(void **unused)
{
	struct fixture *fixture = called_by("198.51.100.7", 3000, ACTION_REFUSE);

	(void)unused;
	fixture_pass(fixture, 1000);
	fixture_send(fixture, SPAN("E"));
	assert_string_equal(fixture_heard(fixture), REFUSED);
	assert_int_equal(fixture->session.state, SESSION_LINGERING);
	assert_string_equal(fixture->session.end_reason, "early-talker");
	fixture_send(fixture, SPAN("HLO client.example\r\nQUIT\r\n"));
	fixture_pass(fixture, 2000);
	assert_string_equal(fixture_heard(fixture), "");
	assert_int_equal(fixture->world.replies[REPLY_EARLY_TALKER], 1);
	assert_int_equal(fixture->world.replies[REPLY_GREETING], 0);
	fixture_free(fixture);
}

static void
it_may_be_deferred_or_only_noted(void **unused)
{
	struct fixture *fixture = called_by("198.51.100.7", 3000, ACTION_DEFER);

	(void)unused;
	fixture_send(fixture, SPAN("HELO client.example\r\n"));
	assert_memory_equal(fixture_heard(fixture), "421 4.5.1 ", 10);
	assert_int_equal(fixture->session.state, SESSION_LINGERING);
	fixture_free(fixture);

	static const enum action mild[] = { ACTION_OFF, ACTION_NOTE, ACTION_DOUBT, ACTION_JUNK };
	for (size_t i = 0; i < sizeof mild / sizeof mild[0]; i++) {
		fixture = called_by("198.51.100.7", 3000, mild[i]);
		fixture_send(fixture, SPAN("HELO client.example\r\nMAIL FROM:<s@c.example>\r\n"));
		assert_string_equal(
		    fixture_heard(fixture), GREETING "250 mx.example.org\r\n250 2.1.0 Sender taken\r\n");
		assert_string_equal(fixture->session.transaction->doubt, mild[i] >= ACTION_DOUBT ? "early-talker" : "");
		fixture_free(fixture);
	}
}

/* Nor is a user's program doubted that talks behind a proxy's header while the door is asked: a login has nothing to
 * take back. */
static void
users_behind_a_proxy_are_never_early(void **unused)
{
	static const enum listener_role roles[] = { LISTENER_MX, LISTENER_SUBMISSION };

	(void)unused;
	for (size_t i = 0; i < 2; i++) {
		struct ipc_connection connection = { .listener = SPAN("here"), .role = roles[i], .is_proxied = 1 };
		struct fixture *fixture = fixture_new();

		fixture->config.greeting_delay = 3000;
		fixture->config.early_talker = ACTION_DOUBT;
		assert_true(peer_parse_ip(SPAN("10.0.0.7"), &connection.client));
		session_begin(&fixture->session, &fixture->world, fixture, FIXTURE_ID, &connection);
		fixture_send(fixture, SPAN("PROXY TCP4 198.51.100.7 127.0.0.1 4711 587\r\nEHLO client.example\r\n"));
		assert_int_equal(fixture->session.wait, WAIT_DOOR);
		assert_true(fixture_say_announced(fixture, true));
		assert_memory_equal(fixture_heard(fixture), GREETING "250-", sizeof GREETING + 3);
		assert_int_equal(fixture->session.client.is_early, roles[i] == LISTENER_MX);
		assert_string_equal(fixture->session.doubt, roles[i] == LISTENER_MX ? "early-talker" : "");
		fixture_free(fixture);
	}
}

static void
it_ends_by_a_drain_or_the_client(void **unused)
{
	struct fixture *fixture = called_by("198.51.100.7", 3000, ACTION_REFUSE);

	(void)unused;
	session_drain(&fixture->session, false);
	assert_memory_equal(fixture_heard(fixture), "421 4.3.2 ", 10);
	assert_int_equal(fixture->session.state, SESSION_CLOSED);
	fixture_free(fixture);

	fixture = called_by("198.51.100.7", 3000, ACTION_REFUSE);
	session_input_ended(&fixture->session, true);
	assert_string_equal(fixture_heard(fixture), "");
	assert_int_equal(fixture->session.state, SESSION_CLOSED);
	assert_string_equal(fixture->session.end_reason, "closed");
	fixture_free(fixture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_silent_are_greeted_when_it_is_over),
		cmocka_unit_test(friends_and_servers_without_a_delay_do_not_wait),
		cmocka_unit_test(on_other_listeners_nobody_waits),
		cmocka_unit_test(who_talks_is_refused_and_not_heard),
		cmocka_unit_test(it_may_be_deferred_or_only_noted),
		cmocka_unit_test(users_behind_a_proxy_are_never_early),
		cmocka_unit_test(it_ends_by_a_drain_or_the_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
