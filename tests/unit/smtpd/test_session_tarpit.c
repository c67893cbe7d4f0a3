/* The tarpit: refusals that wait longer and longer, and the end of a harvest.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/smtpd/session_fixture.h"

static struct fixture *
called_by(const char *client)
{
	struct fixture *fixture = fixture_new();

	fixture->config.tarpit_after = 2;
	fixture->config.tarpit_limit = 4000;
	fixture->config.harvest_delay_after = 1000;
	fixture->config.max_errors = 100;
	fixture_connect(fixture, client);
	(void)fixture_talk(fixture, "HELO client.example\r\n");
	return fixture;
}

/* Sends a command that is refused; returns how long the answer waits. */
static uint64_t
wait_for_refusal(struct fixture *fixture, const char *line)
{
	fixture_send(fixture, span_of(line));
	if (!session_is_waiting(&fixture->session))
		return 0;
	assert_int_equal(fixture->session.wait, WAIT_TARPIT);
	uint64_t wait_ms = fixture->session.deadline_ms - fixture->now_ms;
	fixture_pass(fixture, wait_ms - 1);
	assert_int_equal(fixture->session.wait, WAIT_TARPIT);
	fixture_pass(fixture, 1);
	assert_false(session_is_waiting(&fixture->session));
	return wait_ms;
}

static void
each_refusal_waits_longer_up_to_the_limit(void **unused)
{
	static const uint64_t waits_ms[] = { 0, 0, 1000, 2000, 3000, 4000, 4000, 4000 };
	struct fixture *fixture = called_by("192.0.2.7");

	(void)unused;
	for (size_t i = 0; i < sizeof waits_ms / sizeof waits_ms[0]; i++)
		assert_int_equal(wait_for_refusal(fixture, "FROBNICATE\r\n"), waits_ms[i]);
	/* What is not refused does not wait, nor what is only deferred. */
	assert_int_equal(wait_for_refusal(fixture, "MAIL FROM:<s@c.example>\r\n"), 0);
	fixture->has_map = false;
	assert_int_equal(wait_for_refusal(fixture, "RCPT TO:<alice@example.org>\r\n"), 0);
	assert_int_equal(fixture->world.tarpits, 6);
	/* The time for a command begins when the answer has left. */
	assert_int_equal(wait_for_refusal(fixture, "FROBNICATE\r\n"), 4000);
	assert_int_equal(fixture->session.deadline_ms, fixture->now_ms + fixture->config.command_timeout);
	fixture_free(fixture);
}

static void
what_is_pipelined_waits_with_it(void **unused)
{
	struct fixture *fixture = called_by("192.0.2.7");

	(void)unused;
	(void)fixture_heard(fixture);
	fixture_send(fixture, SPAN("ONE\r\nTWO\r\nTHREE\r\nNOOP\r\nFOUR\r\nQUIT\r\n"));
	assert_int_equal(fixture->session.wait, WAIT_TARPIT);
	assert_int_equal(fixture->session.errors, 3);
	fixture_pass(fixture, 1000);
	/* The fourth waits again, before QUIT is looked at. */
	assert_int_equal(fixture->session.wait, WAIT_TARPIT);
	assert_int_equal(fixture->session.errors, 4);
	assert_int_equal(fixture->world.replies[REPLY_NOOP], 1);
	assert_int_equal(fixture->world.replies[REPLY_GOODBYE], 0);
	fixture_pass(fixture, 2000);
	assert_int_equal(fixture->world.replies[REPLY_GOODBYE], 1);
	assert_int_equal(fixture->session.state, SESSION_CLOSED);
	fixture_free(fixture);
}

static void
a_final_dot_and_a_chunk_wait_too(void **unused)
{
	static const char *const texts[] = { "DATA\r\nbare\n newline\r\n.\r\n", "BDAT 70000 LAST\r\n" };

	(void)unused;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct fixture *fixture = called_by("198.51.100.1");
		struct buf chunk = BUF_LIMIT(1 << 20);

		fixture->config.tarpit_after = 0;
		(void)fixture_talk(fixture, "MAIL FROM:<s@c.example>\r\nRCPT TO:<alice@example.org>\r\n");
		(void)fixture_heard(fixture);
		fixture_send(fixture, span_of(texts[i]));
		for (unsigned filled = 0; i == 1 && filled < 70000; filled++)
			buf_append_char(&chunk, 'x');
		for (struct span rest = buf_span(&chunk); rest.length; rest = span_skip(rest, 10000))
			fixture_send(fixture, span_take(rest, 10000));
		assert_int_equal(fixture->session.wait, WAIT_TARPIT);
		fixture_pass(fixture, 1000);
		assert_false(session_is_waiting(&fixture->session));
		assert_int_equal(fixture->asked[IPC_COMMIT_ASK] + fixture->asked[IPC_COMMIT_FD_ASK], 0);
		assert_int_equal(fixture->session.state, SESSION_READY);
		(void)fixture_heard(fixture);
		assert_string_equal(fixture_talk(fixture, "NOOP\r\n"), "250 2.0.0 Nothing done\r\n");
		buf_free(&chunk);
		fixture_free(fixture);
	}
}

static void
a_drain_or_the_end_of_the_client_ends_it(void **unused)
{
	struct fixture *fixture = called_by("192.0.2.7");

	(void)unused;
	(void)fixture_heard(fixture);
	fixture_send(fixture, SPAN("ONE\r\nTWO\r\nTHREE\r\nNOOP\r\n"));
	session_drain(&fixture->session, false);
	assert_int_equal(fixture->session.state, SESSION_CLOSED);
	assert_non_null(strstr(fixture_heard(fixture), "421 4.3.2 "));
	assert_int_equal(fixture->world.replies[REPLY_NOOP], 0);
	fixture_free(fixture);

	fixture = called_by("192.0.2.7");
	fixture_send(fixture, SPAN("ONE\r\nTWO\r\nTHREE\r\nNOOP\r\n"));
	session_input_ended(&fixture->session, false);
	assert_int_equal(fixture->session.state, SESSION_CLOSED);
	fixture_free(fixture);
}

static void
a_harvest_is_slowed_and_ended(void **unused)
{
	static const uint64_t waits_ms[] = { 0, 0, 0, 4000, 4000 };
	struct fixture *fixture = called_by("2001:db8::7");

	(void)unused;
	fixture->config.tarpit_after = 100;
	fixture->config.harvest_delay_after = 3;
	fixture->config.harvest_limit = 5;
	(void)fixture_talk(fixture, "MAIL FROM:<s@c.example>\r\n");
	/* Other refusals are no harvest. */
	for (int i = 0; i < 6; i++)
		assert_int_equal(wait_for_refusal(fixture, "RCPT TO:<closed@example.org>\r\n"), 0);
	for (size_t i = 0; i < sizeof waits_ms / sizeof waits_ms[0]; i++)
		assert_int_equal(wait_for_refusal(fixture, "RCPT TO:<nobody@example.org>\r\n"), waits_ms[i]);
	(void)fixture_heard(fixture);
	assert_string_equal(fixture_talk(fixture, "RCPT TO:<alice@example.org>\r\n"),
	    "421 4.7.0 Too many recipients that do not exist; correct your list and connect again\r\n");
	assert_string_equal(fixture->session.end_reason, "harvest");
	fixture_free(fixture);
}

/* Who comes back with a new session, or to another process, has not become another: the door counts. */
static void
the_door_hears_of_each_unknown_recipient(void **unused)
{
	struct fixture *fixture = called_by("192.0.2.7");

	(void)unused;
	fixture->config.tarpit_after = 100;
	(void)fixture_talk(fixture, "MAIL FROM:<s@c.example>\r\nRCPT TO:<nobody@example.org>\r\n");
	assert_int_equal(fixture->asked[IPC_HARVEST], 0);
	/* One of the limits is enough. */
	fixture->config.harvest_rate_per_network = 1;
	(void)fixture_talk(fixture, "RCPT TO:<closed@example.org>\r\nRCPT TO:<alice@example.org>\r\n");
	assert_int_equal(fixture->asked[IPC_HARVEST], 0);
	(void)fixture_talk(fixture, "RCPT TO:<nobody@example.org>\r\nRCPT TO:<nobody@example.org>\r\n");
	assert_int_equal(fixture->asked[IPC_HARVEST], 2);
	assert_true(peer_equal(&fixture->harvester, &fixture->session.client.address));
	fixture->config.harvest_rate_per_network = 0;
	fixture->config.harvest_rate_per_address = 1;
	(void)fixture_talk(fixture, "RCPT TO:<nobody@example.org>\r\n");
	assert_int_equal(fixture->asked[IPC_HARVEST], 3);
	/* Without a door the session goes on, by its own limit. */
	fixture->has_door = false;
	(void)fixture_talk(fixture, "RCPT TO:<nobody@example.org>\r\n");
	assert_int_equal(fixture->session.unknown, 5);
	fixture_free(fixture);
}

/* What the door says comes between two commands, or while the answer waits. */
static void
its_word_ends_the_session(void **unused)
{
	(void)unused;
	for (int is_late = 0; is_late < 2; is_late++) {
		struct fixture *fixture = called_by("192.0.2.7");

		fixture->config.tarpit_after = is_late ? 100 : 0;
		(void)fixture_talk(fixture, "MAIL FROM:<s@c.example>\r\n");
		(void)fixture_heard(fixture);
		fixture_send(fixture, SPAN("RCPT TO:<nobody@example.org>\r\n"));
		assert_int_equal(session_is_waiting(&fixture->session), !is_late);
		assert_true(fixture_say_harvester(fixture));
		fixture_answer_well(fixture);
		assert_memory_equal(fixture_heard(fixture), "550 5.1.1 ", 10);
		assert_memory_equal(fixture_talk(fixture, "RCPT TO:<alice@example.org>\r\n"),
		    "421 4.7.0 Too many recipients that do not exist, from", 53);
		assert_string_equal(fixture->session.end_reason, "harvest");
		fixture_free(fixture);
	}
}

/* A command that has begun is answered as if the word had come after it; the next one hears it. */
static void
its_word_does_not_end_a_command_under_way(void **unused)
{
	struct fixture *fixture = called_by("192.0.2.7");

	(void)unused;
	fixture->config.tarpit_after = 100;
	(void)fixture_talk(fixture, "MAIL FROM:<s@c.example>\r\nRCPT TO:<nobody@example.org>\r\n");
	(void)fixture_heard(fixture);
	fixture_send(fixture, SPAN("RCPT TO:<alice@example.org>\r\nRCPT TO:<alice@example.org>\r\n"));
	assert_int_equal(fixture->session.wait, WAIT_SPF);
	assert_true(fixture_say_harvester(fixture));
	assert_true(fixture_say_spf(fixture, SPF_PASS, SPF_PASS, ""));
	assert_int_equal(fixture->session.wait, WAIT_PROBE);
	assert_true(fixture_say_probe(fixture, PROBE_TAKES));
	assert_memory_equal(fixture_heard(fixture), "250 2.1.5 Recipient taken\r\n421 4.7.0 ", 37);
	assert_int_equal(fixture->asked[IPC_PROBE_ASK], 1);
	fixture_free(fixture);
}

static void
its_word_about_nothing_is_out_of_phase(void **unused)
{
	struct fixture *fixture = called_by("192.0.2.7");

	(void)unused;
	assert_false(fixture_say_harvester(fixture));
	(void)fixture_heard(fixture);
	assert_memory_equal(fixture_talk(fixture, "NOOP\r\n"), "250 ", 4);
	fixture_free(fixture);
}

/* XCLIENT: it is the client that harvests, not the proxy, whom everybody trusts. */
static void
the_named_client_is_counted(void **unused)
{
	static const char *hosts[] = { "127.0.0.1" };
	struct fixture *fixture = fixture_new();

	(void)unused;
	fixture->config.xclient_from = (struct config_list){ 1, hosts };
	fixture->config.harvest_rate_per_address = 3;
	fixture_connect(fixture, "127.0.0.1");
	(void)fixture_talk(fixture, "EHLO proxy.example\r\nXCLIENT ADDR=192.0.2.1 NAME=[UNAVAILABLE]\r\n");
	(void)fixture_talk(fixture, "EHLO c.example\r\nMAIL FROM:<s@c.example>\r\nRCPT TO:<nobody@example.org>\r\n");
	assert_int_equal(fixture->asked[IPC_HARVEST], 1);
	assert_true(peer_equal(&fixture->harvester, &fixture->session.client.address));
	assert_memory_equal(fixture->harvester.ip, "\xc0\0\2\1", 4);
	fixture_free(fixture);
}

static void
friends_are_spared(void **unused)
{
	static const char *const trusted[] = { "192.0.2.0/24" };
	static const char *const friends[] = { "127.0.0.1", "::1", "192.0.2.7", "203.0.113.1" };

	(void)unused;
	for (size_t i = 0; i < sizeof friends / sizeof friends[0]; i++) {
		struct fixture *fixture = called_by("198.51.100.1");

		session_free(&fixture->session);
		fixture->config.harvest_limit = 5;
		fixture->config.harvest_rate_per_address = 3;
		fixture->config.harvest_delay_after = 1;
		fixture->config.trusted = (struct config_list){ .count = 1, .items = (const char **)trusted };
		fixture_connect(fixture, friends[i]);
		(void)fixture_talk(fixture, "HELO client.example\r\nMAIL FROM:<s@c.example>\r\n");
		if (i == 3)
			fixture->session.client.user = SPAN("alice@example.org");
		for (int refused = 0; refused < 20; refused++)
			assert_int_equal(wait_for_refusal(fixture, "RCPT TO:<nobody@example.org>\r\n"), 0);
		assert_int_equal(fixture->world.tarpits, 0);
		assert_int_equal(fixture->asked[IPC_HARVEST], 0);
		fixture_free(fixture);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_refusal_waits_longer_up_to_the_limit),
		cmocka_unit_test(what_is_pipelined_waits_with_it),
		cmocka_unit_test(a_final_dot_and_a_chunk_wait_too),
		cmocka_unit_test(a_drain_or_the_end_of_the_client_ends_it),
		cmocka_unit_test(a_harvest_is_slowed_and_ended),
		cmocka_unit_test(the_door_hears_of_each_unknown_recipient),
		cmocka_unit_test(its_word_ends_the_session),
		cmocka_unit_test(its_word_does_not_end_a_command_under_way),
		cmocka_unit_test(its_word_about_nothing_is_out_of_phase),
		cmocka_unit_test(the_named_client_is_counted),
		cmocka_unit_test(friends_are_spared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
