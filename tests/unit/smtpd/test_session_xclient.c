/* XCLIENT in a session: from whom, when, what becomes of the client, and that nobody gains more than an address.
 * On failure: cmocka names the line.
 */
#include "tests/unit/smtpd/replies.h"
#include "tests/unit/values.h"

#define OFFER "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT\r\n"
#define REFUSED_TO_OTHERS                                                                                              \
	"550 5.7.0 XCLIENT is taken from configured hosts only; leave it out, or have this host added to "             \
	"xclient-from\r\n"

static const char *hosts[] = { "10.0.0.0/24", "127.0.0.1" };

/* A client from this address where 10.0.0.0/24 and 127.0.0.1 may say XCLIENT. */
static struct fixture *
greeted(const char *client)
{
	struct fixture *fixture = fixture_new();

	fixture->config.xclient_from = (struct config_list){ 2, hosts };
	fixture_connect(fixture, client);
	assert_string_equal(fixture_heard(fixture), GREETING);
	return fixture;
}

/* The same after EHLO. */
static struct fixture *
connected(const char *client)
{
	struct fixture *fixture = greeted(client);

	(void)fixture_talk(fixture, "EHLO proxy.example\r\n");
	if (fixture->session.client.name_state == FACT_ASKED)
		(void)fixture_say_name(fixture, IPREV_NONE, "");
	return fixture;
}

static void
is_offered_to_configured_hosts_only(void **unused)
{
	struct fixture *fixture = connected("10.0.0.7");

	(void)unused;
	assert_non_null(strstr(fixture_talk(fixture, "EHLO proxy.example\r\n"), OFFER));
	fixture_free(fixture);
	fixture = connected("10.0.1.7");
	assert_null(strstr(fixture_talk(fixture, "EHLO proxy.example\r\n"), "XCLIENT"));
	assert_string_equal(fixture_talk(fixture, "XCLIENT ADDR=192.0.2.1\r\n"), REFUSED_TO_OTHERS);
	assert_ip(&fixture->session.client.address, "10.0.1.7");
	(void)fixture_talk(fixture, "MAIL FROM:<s@c.example>\r\n");
	assert_string_equal(fixture_talk(fixture, "XCLIENT ADDR=192.0.2.1\r\n"), REFUSED_TO_OTHERS);
	fixture_free(fixture);
}

static void
the_client_is_who_was_named(void **unused)
{
	struct fixture *fixture = connected("10.0.0.7");
	const struct client_facts *client = &fixture->session.client;

	(void)unused;
	assert_string_equal(
	    fixture_talk(fixture, "XCLIENT NAME=mail.example.net ADDR=192.0.2.1 PORT=99 DESTADDR=203.0.113.25\r\n"),
	    GREETING);
	assert_ip(&client->address, "192.0.2.1");
	assert_int_equal(client->address.port, 99);
	assert_ip(&client->proxy, "10.0.0.7");
	assert_ip(&client->called, "203.0.113.25");
	assert_int_equal(client->name_state, FACT_KNOWN);
	assert_true(span_equal(client->name, SPAN("mail.example.net")));
	assert_int_equal(client->helo.length, 0);
	/* As after any greeting. */
	assert_non_null(strstr(fixture_talk(fixture, "MAIL FROM:<s@c.example>\r\n"), "503"));
	assert_non_null(strstr(fixture_talk(fixture, "EHLO client.example\r\n"), OFFER));
	(void)fixture_talk(fixture, "MAIL FROM:<s@c.example>\r\n");
	assert_int_equal(fixture->asked[IPC_SPF_ASK], 1);
	fixture_free(fixture);
}

static void
a_name_that_was_not_given_is_asked_for(void **unused)
{
	struct fixture *fixture = connected("127.0.0.1");
	const struct client_facts *client = &fixture->session.client;

	(void)unused;
	assert_true(client->is_loopback);
	assert_string_equal(fixture_talk(fixture, "XCLIENT ADDR=IPV6:2001:db8::1\r\n"), GREETING);
	assert_false(client->is_loopback);
	assert_int_equal(fixture->asked[IPC_NAME_ASK], 1);
	assert_true(fixture_say_name(fixture, IPREV_CONFIRMED, "client.example"));
	assert_true(span_equal(client->name, SPAN("client.example")));
	fixture_free(fixture);
}

/* An answer about the proxy must not become one about the client. */
static void
a_name_that_is_still_asked_for_is_waited_for(void **unused)
{
	struct fixture *fixture = greeted("10.0.0.7");
	const struct client_facts *client = &fixture->session.client;

	(void)unused;
	fixture_send(fixture, SPAN("EHLO proxy.example\r\nXCLIENT ADDR=192.0.2.1\r\n"));
	assert_int_equal(fixture->session.wait, WAIT_NAME);
	assert_true(fixture_say_name(fixture, IPREV_CONFIRMED, "proxy.example"));
	assert_non_null(strstr(fixture_heard(fixture), GREETING));
	assert_ip(&client->address, "192.0.2.1");
	assert_int_equal(client->name.length, 0);
	assert_int_equal(fixture->asked[IPC_NAME_ASK], 2);
	assert_true(fixture_say_name(fixture, IPREV_CONFIRMED, "client.example"));
	assert_true(span_equal(client->name, SPAN("client.example")));
	fixture_free(fixture);
}

/* One that dns was too late with is no answer about whoever was announced since, and no mistake of dns either. */
static void
a_name_that_comes_too_late_is_nobodys(void **unused)
{
	struct fixture *fixture = greeted("10.0.0.7");
	const struct client_facts *client = &fixture->session.client;

	(void)unused;
	fixture_send(fixture, SPAN("XCLIENT ADDR=192.0.2.1\r\n"));
	assert_int_equal(fixture->session.wait, WAIT_NAME);
	fixture_pass(fixture, 60000);
	assert_non_null(strstr(fixture_heard(fixture), GREETING));
	assert_int_equal(fixture->asked[IPC_NAME_ASK], 1);
	assert_int_equal(client->name_result, IPREV_UNKNOWN);
	assert_true(fixture_say_name(fixture, IPREV_CONFIRMED, "proxy.example"));
	assert_int_equal(client->name.length, 0);
	assert_false(fixture_say_name(fixture, IPREV_CONFIRMED, "unasked.example"));
	/* From then on, or from the next dns on, names are asked for again. */
	fixture_send(fixture, SPAN("XCLIENT ADDR=192.0.2.2\r\n"));
	assert_int_equal(fixture->asked[IPC_NAME_ASK], 2);
	assert_true(fixture_say_name(fixture, IPREV_CONFIRMED, "client.example"));
	assert_true(span_equal(client->name, SPAN("client.example")));
	fixture_free(fixture);
}

static void
a_late_name_does_not_replace_a_given_one(void **unused)
{
	struct fixture *fixture = greeted("10.0.0.7");
	const struct client_facts *client = &fixture->session.client;

	(void)unused;
	fixture_send(fixture, SPAN("XCLIENT ADDR=192.0.2.1 NAME=client.example\r\n"));
	fixture_pass(fixture, 60000);
	assert_non_null(strstr(fixture_heard(fixture), GREETING));
	assert_true(fixture_say_name(fixture, IPREV_CONFIRMED, "proxy.example"));
	assert_true(span_equal(client->name, SPAN("client.example")));
	assert_false(fixture_say_name(fixture, IPREV_CONFIRMED, "unasked.example"));
	fixture_free(fixture);
}

static void
what_is_unavailable(void **unused)
{
	struct fixture *fixture = connected("10.0.0.7");
	const struct client_facts *client = &fixture->session.client;

	(void)unused;
	assert_string_equal(fixture_talk(fixture, "XCLIENT ADDR=192.0.2.1 NAME=[UNAVAILABLE]\r\n"), GREETING);
	assert_int_equal(client->name_result, IPREV_NONE);
	assert_string_equal(fixture_talk(fixture, "XCLIENT ADDR=192.0.2.2 NAME=[TEMPUNAVAIL]\r\n"), GREETING);
	assert_int_equal(client->name_result, IPREV_TROUBLE);
	assert_string_equal(fixture_talk(fixture, "XCLIENT ADDR=[UNAVAILABLE]\r\n"), GREETING);
	assert_ip(&client->address, "192.0.2.2");
	/* Whoever has connected stays the proxy, however many clients it names. */
	assert_ip(&client->proxy, "10.0.0.7");
	fixture_free(fixture);
}

static void
a_trusted_proxy_makes_no_trusted_client(void **unused)
{
	static const char *networks[] = { "10.0.0.0/24" };
	struct fixture *fixture = fixture_new();

	(void)unused;
	fixture->config.xclient_from = (struct config_list){ 2, hosts };
	fixture->config.trusted = (struct config_list){ 1, networks };
	fixture_connect(fixture, "10.0.0.7");
	(void)fixture_say_name(fixture, IPREV_NONE, "");
	assert_true(fixture->session.client.is_trusted);
	(void)fixture_talk(fixture, "XCLIENT ADDR=192.0.2.1\r\n");
	assert_false(fixture->session.client.is_trusted);
	/* It is still the proxy that speaks. */
	assert_string_equal(fixture_talk(fixture, "XCLIENT ADDR=192.0.2.2 NAME=a.example\r\n"), GREETING);
	assert_ip(&fixture->session.client.address, "192.0.2.2");
	fixture_free(fixture);
}

static void
nothing_of_a_wrong_command_is_kept(void **unused)
{
	struct fixture *fixture = connected("10.0.0.7");

	(void)unused;
	assert_string_equal(fixture_talk(fixture, "XCLIENT ADDR=192.0.2.1 PORT=x\r\n"),
	    "501 5.5.4 Attribute PORT of XCLIENT is not known, not well formed, or given twice; EHLO lists those there "
	    "are\r\n");
	assert_non_null(strstr(fixture_talk(fixture, "XCLIENT\r\n"), "501 5.5.4"));
	assert_ip(&fixture->session.client.address, "10.0.0.7");
	assert_int_equal(fixture->session.state, SESSION_READY);
	fixture_free(fixture);
}

static void
not_in_a_transaction(void **unused)
{
	struct fixture *fixture = connected("10.0.0.7");

	(void)unused;
	(void)fixture_talk(fixture, "MAIL FROM:<s@c.example>\r\n");
	assert_non_null(strstr(fixture_talk(fixture, "XCLIENT ADDR=192.0.2.1\r\n"), "503 5.5.1"));
	assert_non_null(fixture->session.transaction);
	assert_ip(&fixture->session.client.address, "10.0.0.7");
	fixture_free(fixture);
}

/* A host that may say XCLIENT, where users log in. */
static struct fixture *
on_submission(void)
{
	struct fixture *fixture = fixture_new();

	fixture->config.xclient_from = (struct config_list){ 2, hosts };
	fixture_connect_secure(fixture, "10.0.0.7");
	(void)fixture_say_name(fixture, IPREV_NONE, "");
	return fixture;
}

/* LOGIN makes nobody known, and whoever was known is not any more. */
static void
a_login_ends(void **unused)
{
	struct fixture *fixture = on_submission();

	(void)unused;
	(void)fixture_talk(fixture, "EHLO proxy.example\r\nAUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldA==\r\n");
	assert_true(span_equal(fixture->session.client.user, SPAN("alice@example.org")));
	assert_string_equal(fixture_talk(fixture, "XCLIENT LOGIN=bob+40example.org NAME=client.example\r\n"), GREETING);
	assert_int_equal(fixture->session.client.user.length, 0);
	(void)fixture_talk(fixture, "EHLO client.example\r\n");
	assert_non_null(strstr(fixture_talk(fixture, "MAIL FROM:<alice@example.org>\r\n"), "530 5.7.0"));
	assert_true(fixture->session.client.tls.is_on);
	fixture_free(fixture);
}

/* Who may say XCLIENT is the announced client, as in everything else. */
static void
behind_a_proxy_the_announced_client_may(void **unused)
{
	struct fixture *fixture = fixture_new();

	(void)unused;
	fixture->config.xclient_from = (struct config_list){ 2, hosts };
	fixture_connect_proxy(fixture, "10.0.0.7", LISTENER_TLS_STARTTLS);
	fixture_send(fixture, SPAN("PROXY TCP4 192.0.2.1 203.0.113.25 12345 25\r\n"));
	(void)fixture_say_announced(fixture, true);
	(void)fixture_heard(fixture);
	assert_string_equal(fixture_talk(fixture, "XCLIENT ADDR=127.0.0.1\r\n"), REFUSED_TO_OTHERS);
	fixture_free(fixture);
}

/* A proxy may keep one connection for all its clients; each is forgotten with the next. */
static void
as_many_clients_as_a_proxy_has(void **unused)
{
	struct fixture *fixture = on_submission();
	const struct client_facts *client = &fixture->session.client;
	size_t kept = 0;

	(void)unused;
	(void)fixture_heard(fixture);
	for (unsigned i = 0; i < 1000; i++) {
		assert_string_equal(
		    fixture_talk(fixture, "XCLIENT NAME=a-long-name-of-some-client.example.net ADDR=192.0.2.1\r\n"),
		    GREETING);
		(void)fixture_talk(fixture, "EHLO a-long-name-of-some-client.example.net\r\n");
		fixture_send(fixture, SPAN("AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldA==\r\n"));
		assert_true(fixture_say_auth(fixture, AUTH_PASSED, "alice@example.org"));
		assert_non_null(strstr(fixture_heard(fixture), "235 "));
		if (i > 1)
			assert_int_equal(fixture->session.arena.used_bytes, kept);
		kept = fixture->session.arena.used_bytes;
	}
	assert_true(span_equal(client->name, SPAN("a-long-name-of-some-client.example.net")));
	assert_true(span_equal(client->helo, client->name));
	assert_true(span_equal(client->listener, SPAN("here")));
	fixture_free(fixture);
}

/* What auth still owes an answer to is not forgotten. */
static void
a_login_that_is_answered_late_is_nobodys(void **unused)
{
	struct fixture *fixture = on_submission();

	(void)unused;
	(void)fixture_talk(fixture, "EHLO client.example\r\n");
	fixture_send(fixture, SPAN("AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldA==\r\n"));
	fixture_pass(fixture, 60000);
	assert_non_null(strstr(fixture_heard(fixture), "454 "));
	assert_string_equal(fixture_talk(fixture, "XCLIENT NAME=[UNAVAILABLE] ADDR=192.0.2.1\r\n"), GREETING);
	assert_true(fixture_say_auth(fixture, AUTH_PASSED, "alice@example.org"));
	assert_int_equal(fixture->session.client.user.length, 0);
	assert_false(fixture_say_auth(fixture, AUTH_PASSED, "alice@example.org"));
	fixture_free(fixture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_offered_to_configured_hosts_only),
		cmocka_unit_test(the_client_is_who_was_named),
		cmocka_unit_test(a_name_that_was_not_given_is_asked_for),
		cmocka_unit_test(a_name_that_is_still_asked_for_is_waited_for),
		cmocka_unit_test(a_name_that_comes_too_late_is_nobodys),
		cmocka_unit_test(a_late_name_does_not_replace_a_given_one),
		cmocka_unit_test(what_is_unavailable),
		cmocka_unit_test(a_trusted_proxy_makes_no_trusted_client),
		cmocka_unit_test(nothing_of_a_wrong_command_is_kept),
		cmocka_unit_test(not_in_a_transaction),
		cmocka_unit_test(a_login_ends),
		cmocka_unit_test(behind_a_proxy_the_announced_client_may),
		cmocka_unit_test(as_many_clients_as_a_proxy_has),
		cmocka_unit_test(a_login_that_is_answered_late_is_nobodys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
