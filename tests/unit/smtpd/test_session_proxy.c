/* A session behind a proxy: nothing before the header, the announced client in everything after it, the door's leave.
 * On failure: cmocka names the line.
 */
#include "tests/unit/smtpd/replies.h"
#include "tests/unit/values.h"

#define HEADER "PROXY TCP4 192.0.2.1 203.0.113.25 12345 25\r\n"
#define FULL                                                                                                           \
	"421 4.7.0 mx.example.org has too many connections from your address or network; close some, or try again "    \
	"later\r\n"

/* A connection of the proxy 10.0.0.1, which has said nothing yet. */
static struct fixture *
connected(void)
{
	struct fixture *fixture = fixture_new();

	fixture_connect_proxy(fixture, "10.0.0.1", LISTENER_TLS_STARTTLS);
	assert_string_equal(fixture_heard(fixture), "");
	assert_true(session_awaits_header(&fixture->session));
	return fixture;
}

/* The session has ended without a word. */
static void
assert_silent_end(struct fixture *fixture, const char *reason)
{
	assert_string_equal(fixture_heard(fixture), "");
	assert_int_equal(fixture->session.state, SESSION_CLOSED);
	assert_string_equal(fixture->session.end_reason, reason);
}

static void
the_announced_client_is_the_client(void **unused)
{
	static const char *networks[] = { "192.0.2.0/24" };
	struct fixture *fixture = fixture_new();
	const struct client_facts *client = &fixture->session.client;

	(void)unused;
	fixture->config.trusted = (struct config_list){ 1, networks };
	fixture_connect_proxy(fixture, "10.0.0.1", LISTENER_TLS_STARTTLS);
	assert_false(client->is_trusted);
	fixture_send(fixture, SPAN(HEADER));
	assert_int_equal(fixture->session.wait, WAIT_DOOR);
	assert_int_equal(fixture->asked[IPC_ANNOUNCED_ASK], 1);
	assert_int_equal(fixture->asked[IPC_NAME_ASK], 0);
	assert_ip(&fixture->announced, "192.0.2.1");
	assert_string_equal(fixture_heard(fixture), "");
	assert_true(fixture_say_announced(fixture, true));
	assert_string_equal(fixture_heard(fixture), GREETING);
	assert_int_equal(fixture->asked[IPC_NAME_ASK], 1);
	assert_ip(&client->address, "192.0.2.1");
	assert_ip(&client->proxy, "10.0.0.1");
	assert_ip(&client->called, "203.0.113.25");
	assert_true(client->is_trusted);
	assert_true(span_equal(client->listener, SPAN("here")));
	assert_non_null(strstr(fixture_talk(fixture, "EHLO client.example\r\n"), "250-mx.example.org\r\n"));
	fixture_free(fixture);
}

static void
a_header_comes_in_pieces(void **unused)
{
	struct fixture *fixture = connected();

	(void)unused;
	for (size_t i = 0; i < SPAN(HEADER).length; i++) {
		assert_true(session_awaits_header(&fixture->session));
		fixture_send(fixture, span_take(span_skip(SPAN(HEADER), i), 1));
	}
	fixture_answer_well(fixture);
	assert_string_equal(fixture_heard(fixture), GREETING);
	fixture_free(fixture);
}

/* Exactly the header is taken of what has come; the rest is for whoever reads next. */
static void
what_follows_the_header_is_left(void **unused)
{
	struct fixture *fixture = connected();
	struct span bytes = SPAN(HEADER "\x16\x03\x01");

	(void)unused;
	assert_int_equal(session_take_header(&fixture->session, span_take(bytes, 10)), 10);
	assert_int_equal(session_take_header(&fixture->session, span_skip(bytes, 10)), SPAN(HEADER).length - 10);
	assert_int_equal(fixture->session.wait, WAIT_DOOR);
	fixture_free(fixture);
}

static void
a_client_that_talks_behind_the_header_is_early(void **unused)
{
	struct fixture *fixture = fixture_new();

	(void)unused;
	fixture->config.greeting_delay = 3000;
	fixture->config.early_talker = ACTION_REFUSE;
	fixture_connect_proxy(fixture, "10.0.0.1", LISTENER_TLS_STARTTLS);
	fixture_send(fixture, SPAN(HEADER "EHLO client.example\r\n"));
	assert_string_equal(fixture_heard(fixture), "");
	assert_true(fixture_say_announced(fixture, true));
	assert_non_null(strstr(fixture_heard(fixture), "554 5.5.1 You talked before the greeting"));
	fixture_free(fixture);
}

/* The header is no talk before the greeting, and the wait for it begins with the client. */
static void
the_greeting_is_delayed_after_the_header(void **unused)
{
	struct fixture *fixture = fixture_new();

	(void)unused;
	fixture->config.greeting_delay = 3000;
	fixture->config.early_talker = ACTION_REFUSE;
	fixture_connect_proxy(fixture, "10.0.0.1", LISTENER_TLS_STARTTLS);
	fixture_pass(fixture, 2000);
	fixture_send(fixture, SPAN(HEADER));
	assert_true(fixture_say_announced(fixture, true));
	fixture_pass(fixture, 2900);
	assert_string_equal(fixture_heard(fixture), "");
	fixture_pass(fixture, 200);
	assert_string_equal(fixture_heard(fixture), GREETING);
	assert_false(fixture->session.client.is_early);
	fixture_free(fixture);
}

static void
a_connection_of_the_proxy_itself(void **unused)
{
	static const struct span headers[] = { { "PROXY UNKNOWN\r\n", 15 }, { "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16 } };

	(void)unused;
	for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
		struct fixture *fixture = connected();

		fixture_send(fixture, headers[i]);
		assert_string_equal(fixture_heard(fixture), GREETING);
		assert_int_equal(fixture->asked[IPC_ANNOUNCED_ASK], 0);
		assert_ip(&fixture->session.client.address, "10.0.0.1");
		assert_ip(&fixture->session.client.proxy, "none");
		assert_ip(&fixture->session.client.called, "none");
		fixture_free(fixture);
	}
}

static void
what_is_no_header_ends_the_session(void **unused)
{
	struct fixture *fixture = connected();

	(void)unused;
	fixture_send(fixture, SPAN("EHLO client.example\r\n"));
	assert_silent_end(fixture, "bad-proxy-header");
	fixture_free(fixture);
	fixture = connected();
	fixture_send(fixture, SPAN("PROXY TCP4 192.0.2.1"));
	fixture_pass(fixture, 4900);
	assert_true(session_awaits_header(&fixture->session));
	fixture_pass(fixture, 200);
	assert_silent_end(fixture, "no-proxy-header");
	fixture_free(fixture);
	fixture = connected();
	session_input_ended(&fixture->session, true);
	assert_silent_end(fixture, "closed");
	fixture_free(fixture);
	fixture = connected();
	session_drain(&fixture->session, false);
	assert_silent_end(fixture, "draining");
	fixture_free(fixture);
}

static void
the_caps_refuse_the_announced_client(void **unused)
{
	struct fixture *fixture = connected();

	(void)unused;
	fixture_send(fixture, SPAN(HEADER));
	assert_true(fixture_say_announced(fixture, false));
	assert_string_equal(fixture_heard(fixture), FULL);
	assert_int_equal(fixture->session.state, SESSION_CLOSED);
	assert_string_equal(fixture->session.end_reason, "too-many-from-you");
	fixture_free(fixture);
}

/* …and tell it which: connections, or recipients that do not exist. */
static void
a_harvest_refuses_the_announced_client(void **unused)
{
	struct ipc_message say = { .type = IPC_ANNOUNCED_SAY, .descriptor = -1 };
	struct fixture *fixture = connected();

	(void)unused;
	fixture_send(fixture, SPAN(HEADER));
	say.announced_say.session = FIXTURE_ID;
	say.announced_say.is_harvester = 1;
	assert_true(session_hear(&fixture->session, &say));
	assert_non_null(strstr(fixture_heard(fixture), "421 4.7.0 Too many recipients that do not exist, from your"));
	assert_string_equal(fixture->session.end_reason, "harvest");
	fixture_free(fixture);
}

/* With implicit TLS the header comes in clear, and the handshake begins when the door has given leave. */
static void
the_handshake_follows_the_header(void **unused)
{
	struct fixture *fixture = fixture_new();

	(void)unused;
	fixture->has_certificate = true;
	fixture_connect_proxy(fixture, "10.0.0.1", LISTENER_TLS_IMPLICIT);
	assert_int_equal(fixture->handshakes, 0);
	fixture_send(fixture, SPAN(HEADER));
	assert_int_equal(fixture->handshakes, 0);
	assert_true(fixture_say_announced(fixture, true));
	assert_int_equal(fixture->handshakes, 1);
	assert_int_equal(fixture->session.state, SESSION_HANDSHAKE);
	assert_string_equal(fixture_heard(fixture), "");
	fixture_free(fixture);
}

/* Before TLS has begun nothing could be read. */
static void
a_refusal_before_tls_is_silent(void **unused)
{
	struct fixture *fixture = fixture_new();

	(void)unused;
	fixture_connect_proxy(fixture, "10.0.0.1", LISTENER_TLS_IMPLICIT);
	fixture_send(fixture, SPAN(HEADER));
	assert_true(fixture_say_announced(fixture, false));
	assert_silent_end(fixture, "too-many-from-you");
	fixture_free(fixture);
}

static void
a_door_that_is_gone_or_silent(void **unused)
{
	struct fixture *fixture = connected();

	(void)unused;
	fixture->has_door = false;
	fixture_send(fixture, SPAN(HEADER));
	assert_string_equal(fixture_heard(fixture), GREETING);
	fixture_free(fixture);
	fixture = connected();
	fixture_send(fixture, SPAN(HEADER));
	session_neighbour_gone(&fixture->session, ROLE_DOOR);
	assert_string_equal(fixture_heard(fixture), GREETING);
	assert_false(fixture_say_announced(fixture, true));
	fixture_free(fixture);
	fixture = connected();
	fixture_send(fixture, SPAN(HEADER));
	fixture_pass(fixture, 5001);
	assert_non_null(strstr(fixture_heard(fixture), "421 4.3.2"));
	/* Its answer comes late. */
	assert_true(fixture_say_announced(fixture, true));
	fixture_free(fixture);
}

static void
an_answer_that_nobody_asked_for(void **unused)
{
	struct fixture *fixture = fixture_new();

	(void)unused;
	fixture_connect(fixture, "192.0.2.1");
	assert_false(fixture_say_announced(fixture, true));
	fixture_free(fixture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_announced_client_is_the_client),
		cmocka_unit_test(a_header_comes_in_pieces),
		cmocka_unit_test(what_follows_the_header_is_left),
		cmocka_unit_test(a_client_that_talks_behind_the_header_is_early),
		cmocka_unit_test(the_greeting_is_delayed_after_the_header),
		cmocka_unit_test(a_connection_of_the_proxy_itself),
		cmocka_unit_test(what_is_no_header_ends_the_session),
		cmocka_unit_test(the_caps_refuse_the_announced_client),
		cmocka_unit_test(a_harvest_refuses_the_announced_client),
		cmocka_unit_test(the_handshake_follows_the_header),
		cmocka_unit_test(a_refusal_before_tls_is_silent),
		cmocka_unit_test(a_door_that_is_gone_or_silent),
		cmocka_unit_test(an_answer_that_nobody_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
