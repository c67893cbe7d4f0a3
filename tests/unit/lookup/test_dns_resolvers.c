/* Questions in flight when resolvers fail, are silent or change, and when there are too many.
 * On failure: cmocka names the line.
 */
#include "tests/unit/lookup/query_fixture.h"

static void
a_failure_is_trouble_at_once_when_there_is_no_other_resolver(void **unused)
{
	struct rule rules[] = { { .name = "fails.example", .manner = FAILS },
		{ .name = "refuses.example", .manner = REFUSES }, { .name = "garbage.example", .manner = GARBAGE },
		{ .name = NULL } };
	struct client client;

	(void)unused;
	net.rules = rules;
	for (unsigned i = 0; i < 3; i++) {
		ask(&client, rules[i].name);
		assert_true(wait_for(&client) < PATIENCE_MS);
		assert_int_equal(client.status, DNS_TROUBLE);
		assert_int_equal(rules[i].asked, 1);
	}
	assert_int_equal(counters()->failures, 3);
}

/* RFC 6891 7. */
static void
a_resolver_that_knows_no_edns_is_asked_without(void **unused)
{
	struct rule rules[] = { { .name = "old.example", .manner = KNOWS_NO_EDNS }, { .name = NULL } };
	struct client client;

	(void)unused;
	net.rules = rules;
	ask(&client, "old.example");
	assert_true(wait_for(&client) < PATIENCE_MS);
	assert_int_equal(client.status, DNS_FOUND);
	assert_int_equal(rules[0].asked, 2);
}

static void
the_other_resolver_is_asked_after_a_failure(void **unused)
{
	struct rule rules[] = { { .name = "fails.example", .manner = FAILS, .times = 1 }, { .name = NULL } };
	struct client client;

	(void)unused;
	net.rules = rules;
	use_resolvers(0, 2);
	ask(&client, "fails.example");
	assert_true(wait_for(&client) < PATIENCE_MS);
	assert_int_equal(client.status, DNS_FOUND);
	assert_int_equal(net.resolvers[0].asked, 1);
	assert_int_equal(net.resolvers[1].asked, 1);
}

static void
the_other_resolver_is_asked_after_silence_and_liked_better_then(void **unused)
{
	struct client client;

	(void)unused;
	use_resolvers(0, 2);
	net.resolvers[0].is_silent = true;
	ask(&client, "example.org");
	assert_in_range(wait_out(&client), 700, 4000);
	assert_int_equal(client.status, DNS_FOUND);
	ask(&client, "example.net");
	assert_true(wait_for(&client) < PATIENCE_MS);
}

static void
silence_about_one_name_is_trouble_silence_about_all_is_down(void **unused)
{
	struct rule rules[] = { { .name = "silent.example", .manner = SILENT },
		{ .name = "forged.example", .manner = FORGES_ONLY }, { .name = NULL } };
	struct client silent;
	struct client forged;

	(void)unused;
	net.rules = rules;
	ask(&silent, "silent.example");
	ask(&forged, "forged.example");
	assert_in_range(wait_out(&silent), 7000, 11000);
	(void)wait_out(&forged);
	/* The engine's own question was answered meanwhile. */
	assert_int_equal(silent.status, DNS_TROUBLE);
	assert_int_equal(forged.status, DNS_TROUBLE);
	assert_int_equal(rules[0].asked, DNS_QUESTION_TRIES);
	net.resolvers[0].is_silent = true;
	ask(&silent, "example.org");
	assert_in_range(wait_out(&silent), 7000, 11000);
	assert_int_equal(silent.status, DNS_RESOLVER_DOWN);
}

static void
a_closed_port_is_down_soon(void **unused)
{
	struct client client;

	(void)unused;
	settle_down(50);
	stage_close_resolver(&net.resolvers[0]);
	ask(&client, "example.org");
	assert_in_range(wait_out(&client), 500, 6000);
	assert_int_equal(client.status, DNS_RESOLVER_DOWN);
	assert_true(counters()->refused > 0);
}

static void
a_question_waits_for_its_socket(void **unused)
{
	struct client client;

	(void)unused;
	use_resolvers(1, 1); /* the sockets that the first list asked for are not there yet, and are not taken */
	ask(&client, "example.org");
	assert_false(client.is_answered);
	assert_true(wait_for(&client) < PATIENCE_MS);
	assert_int_equal(client.status, DNS_FOUND);
	assert_int_equal(net.resolvers[0].asked, 0);
	assert_int_equal(net.resolvers[1].asked, 1);
}

static void
without_caller_every_question_ends(void **unused)
{
	struct client client;

	(void)unused;
	net.caller_is_away = true;
	use_resolvers(1, 1);
	ask(&client, "example.org");
	assert_in_range(wait_out(&client), 7000, 11000);
	assert_int_equal(client.status, DNS_RESOLVER_DOWN);
	net.caller_is_away = false;
	dns_query_caller_ready(net.queries);
	ask(&client, "example.org");
	assert_true(wait_for(&client) < PATIENCE_MS);
	assert_int_equal(client.status, DNS_FOUND);
}

static void
a_reload_does_not_drop_what_is_in_flight(void **unused)
{
	struct client client;

	(void)unused;
	settle_down(50);
	ask(&client, "example.org");
	use_resolvers(1, 1);
	assert_true(wait_for(&client) < PATIENCE_MS);
	assert_int_equal(client.status, DNS_FOUND);
	assert_int_equal(net.resolvers[0].asked, 1);
	ask(&client, "example.net");
	assert_true(wait_for(&client) < PATIENCE_MS);
	assert_int_equal(net.resolvers[0].asked, 1);
	assert_int_equal(net.resolvers[1].asked, 1);
}

static void
a_socket_to_another_resolver_is_not_taken(void **unused)
{
	struct client client;

	(void)unused;
	/* The new list has come here, but not to tidegate-caller yet. */
	stage_tell_engine(&net, 1, 1);
	settle_down(100);
	assert_int_equal(status_of("dns-sockets"), 0);
	ask(&client, "example.org");
	stage_tell_caller(&net, 1, 1);
	assert_true(wait_for(&client) < 4000);
	assert_int_equal(net.resolvers[0].asked, 0);
	assert_int_equal(net.resolvers[1].asked, 1);
}

static void
over_the_limit_it_is_as_if_no_resolver_answered(void **unused)
{
	static struct client clients[DNS_QUESTIONS_MAX + 10];
	unsigned in_trouble = 0;

	(void)unused;
	for (unsigned i = 0; i < DNS_QUESTIONS_MAX + 10; i++) {
		char name[32];

		(void)snprintf(name, sizeof name, "n%u.example", i);
		ask(&clients[i], name);
		in_trouble += clients[i].is_answered && clients[i].status == DNS_RESOLVER_DOWN;
	}
	assert_int_equal(in_trouble, 10);
	assert_int_equal(status_of("dns-in-flight"), DNS_QUESTIONS_MAX);
	/* To the last one: so many at once overrun the server's buffer, and some are asked again. */
	for (unsigned i = 0; i < DNS_QUESTIONS_MAX + 10; i++)
		(void)wait_out(&clients[i]);
	ask(&clients[0], "once-more.example");
	(void)wait_for(&clients[0]);
	assert_int_equal(clients[0].status, DNS_FOUND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_failure_is_trouble_at_once_when_there_is_no_other_resolver),
		TEST(a_resolver_that_knows_no_edns_is_asked_without),
		TEST(the_other_resolver_is_asked_after_a_failure),
		TEST(the_other_resolver_is_asked_after_silence_and_liked_better_then),
		TEST(silence_about_one_name_is_trouble_silence_about_all_is_down),
		TEST(a_closed_port_is_down_soon),
		TEST(a_question_waits_for_its_socket),
		TEST(without_caller_every_question_ends),
		TEST(a_reload_does_not_drop_what_is_in_flight),
		TEST(a_socket_to_another_resolver_is_not_taken),
		TEST(over_the_limit_it_is_as_if_no_resolver_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
