/* Questions in flight, against resolvers of the test's own. */
#include <stdio.h>

#include "lib/clock.h"
#include "lookup/dns_question.h"
#include "tests/unit/lookup/stage.h"

enum {
	LONGEST_TEST_MS = 12000,
	PATIENCE_MS = 790 /* no second try was needed */
};

struct client {
	struct dns_waiter waiter;
	bool is_answered;
	unsigned answers;
	enum dns_status status;
	size_t count;
	uint8_t ip[4];
	size_t text_bytes;
};

static struct stage net;

static void
use_resolvers(unsigned first, unsigned count)
{
	stage_tell_caller(&net, first, count);
	stage_tell_engine(&net, first, count);
}

static int
set_up(void **unused)
{
	(void)unused;
	stage_open(&net);
	use_resolvers(0, 1);
	return 0;
}

static int
tear_down(void **unused)
{
	(void)unused;
	stage_close(&net);
	return 0;
}

static void
take_answer(struct client *client, const struct dns_answer *answer)
{
	client->is_answered = true;
	client->answers++;
	client->status = answer->status;
	client->count = answer->count;
	if (!answer->count)
		return;
	memcpy(client->ip, answer->records[0].ip, 4);
	client->text_bytes = answer->records[0].text.length;
}

static void
on_answer(struct dns_waiter *waiter, enum dns_type type, struct span name, const struct dns_answer *answer)
{
	(void)type;
	(void)name;
	take_answer((struct client *)waiter, answer);
}

static void
ask_type(struct client *client, enum dns_type type, const char *name)
{
	*client = (struct client){ .waiter = { .on_answer = on_answer } };
	const struct dns_answer *answer = dns_query_ask(net.queries, type, span_of(name), &client->waiter);
	if (answer)
		take_answer(client, answer);
}

static void
ask(struct client *client, const char *name)
{
	ask_type(client, DNS_A, name);
}

/* Runs the loop until the client has its answer; returns how many ms that took. */
static uint64_t
wait_for(const struct client *client)
{
	uint64_t start_ms = clock_monotonic_ms();

	while (!client->is_answered) {
		const struct timeval tick = { .tv_usec = 20000 };

		assert_true(clock_monotonic_ms() - start_ms < LONGEST_TEST_MS);
		(void)event_base_loopexit(net.base, &tick);
		(void)event_base_loop(net.base, EVLOOP_ONCE);
	}
	return clock_monotonic_ms() - start_ms;
}

/* Lets everything that is due happen. */
static void
settle_down(unsigned ms)
{
	const struct timeval time = { .tv_usec = (suseconds_t)ms * 1000 };

	(void)event_base_loopexit(net.base, &time);
	(void)event_base_dispatch(net.base);
}

static const struct dns_counters *
counters(void)
{
	return dns_query_counters(net.queries);
}

static uint64_t
status_of(const char *name)
{
	struct buf lines = BUF_LIMIT(1 << 14);
	unsigned long long number = 0;

	dns_query_status(net.queries, &lines);
	const char *line = strstr(buf_text(&lines), name);
	assert_non_null(line);
	assert_int_equal(sscanf(line + strlen(name), " %llu", &number), 1);
	buf_free(&lines);
	return number;
}

/* --- tests --- */

static void
an_answer_comes_and_is_cached(void **unused)
{
	struct client client;

	(void)unused;
	ask(&client, "example.org");
	assert_false(client.is_answered);
	(void)wait_for(&client);
	assert_int_equal(client.status, DNS_FOUND);
	assert_memory_equal(client.ip, "\xc0\0\2\7", 4);
	ask(&client, "EXAMPLE.org");
	assert_true(client.is_answered);
	assert_memory_equal(client.ip, "\xc0\0\2\7", 4);
	assert_int_equal(counters()->cached, 1);
	assert_int_equal(net.resolvers[0].asked, 1);
}

static void
that_there_is_none_is_cached_too(void **unused)
{
	struct rule rules[] = { { .name = "none.example", .manner = NO_NAME }, { .name = NULL } };
	struct client client;

	(void)unused;
	net.rules = rules;
	ask(&client, "none.example");
	(void)wait_for(&client);
	assert_int_equal(client.status, DNS_NO_NAME);
	ask(&client, "none.example");
	assert_true(client.is_answered);
	assert_int_equal(net.resolvers[0].asked, 1);
}

static void
the_same_question_is_sent_once_and_all_hear(void **unused)
{
	struct client clients[5];

	(void)unused;
	for (unsigned i = 0; i < 5; i++)
		ask(&clients[i], i % 2 ? "EXAMPLE.org" : "example.org");
	for (unsigned i = 0; i < 5; i++)
		(void)wait_for(&clients[i]);
	assert_int_equal(net.resolvers[0].asked, 1);
	assert_int_equal(counters()->joined, 4);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(clients[i].answers, 1);
}

static void
who_cancels_hears_nothing_and_the_answer_is_kept(void **unused)
{
	struct client client;

	(void)unused;
	ask(&client, "example.org");
	dns_query_cancel(&client.waiter);
	settle_down(100);
	assert_false(client.is_answered);
	ask(&client, "example.org");
	assert_true(client.is_answered);
}

static void
questions_leave_from_many_ports(void **unused)
{
	struct client clients[128];
	unsigned different = 0;

	(void)unused;
	settle_down(50);
	assert_true(status_of("dns-sockets") >= DNS_SOCKETS_LEAST);
	for (unsigned i = 0; i < 128; i++) {
		char name[32];

		(void)snprintf(name, sizeof name, "n%u.example", i);
		ask(&clients[i], name);
		(void)wait_for(&clients[i]);
	}
	const struct resolver *resolver = &net.resolvers[0];
	for (unsigned i = 0; i < resolver->ports; i++) {
		bool is_new = true;

		for (unsigned j = 0; j < i; j++)
			is_new = is_new && resolver->port[j] != resolver->port[i];
		different += is_new;
	}
	/* 128 draws out of 32: fewer than 20 different ones has a chance below 1 in 10^9. */
	assert_true(different >= 20);
}

static void
sockets_are_renewed_after_so_many_uses(void **unused)
{
	unsigned uses = DNS_SOCKET_USES * DNS_SOCKETS_LEAST + DNS_SOCKETS_LEAST;
	struct client client;

	(void)unused;
	settle_down(50);
	unsigned before = net.loan_count;
	for (unsigned i = 0; i < uses; i++) {
		char name[32];

		(void)snprintf(name, sizeof name, "n%u.example", i);
		ask(&client, name);
		(void)wait_for(&client);
		assert_int_equal(client.status, DNS_FOUND);
	}
	settle_down(50);
	assert_true(net.loan_count - before >= DNS_SOCKETS_LEAST / 4);
	assert_in_range(status_of("dns-sockets"), DNS_SOCKETS_LEAST, DNS_SOCKETS_LEAST * 2);
}

static void
forged_answers_are_dropped_and_counted(void **unused)
{
	struct rule rules[] = { { .name = "victim.example", .manner = FORGES_FIRST }, { .name = NULL } };
	struct client client;

	(void)unused;
	net.rules = rules;
	ask(&client, "victim.example");
	(void)wait_for(&client);
	assert_int_equal(client.status, DNS_FOUND);
	assert_int_equal(status_of("dns-unmatched"), 4);
}

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
	assert_in_range(wait_for(&client), 700, 4000);
	assert_int_equal(client.status, DNS_FOUND);
	ask(&client, "example.net");
	assert_true(wait_for(&client) < PATIENCE_MS);
}

static void
what_is_truncated_comes_by_stream(void **unused)
{
	struct rule rules[] = { { .name = "big.example", .manner = TRUNCATES }, { .name = NULL } };
	struct client client;

	(void)unused;
	net.rules = rules;
	ask_type(&client, DNS_TXT, "big.example");
	(void)wait_for(&client);
	assert_int_equal(client.status, DNS_FOUND);
	assert_int_equal(client.text_bytes, 20 * 255);
	assert_int_equal(rules[0].streams, 1);
	assert_int_equal(counters()->streams, 1);
}

static void
cnames_that_lead_out_are_followed(void **unused)
{
	struct rule rules[] = { { .name = "a.example", .manner = LEADS_ON, .target = "b.example" },
		{ .name = "b.example", .manner = LEADS_ON, .target = "c.example" },
		{ .name = "c.example", .manner = ANSWERS }, { .name = NULL } };
	struct client client;

	(void)unused;
	net.rules = rules;
	ask(&client, "a.example");
	(void)wait_for(&client);
	assert_int_equal(client.status, DNS_FOUND);
	assert_int_equal(net.resolvers[0].asked, 3);
	ask(&client, "a.example");
	assert_true(client.is_answered);
}

static void
cnames_that_loop_are_trouble(void **unused)
{
	struct rule rules[] = { { .name = "a.example", .manner = LOOPS, .target = "b.example" },
		{ .name = "b.example", .manner = LOOPS, .target = "a.example" }, { .name = NULL } };
	struct client client;

	(void)unused;
	net.rules = rules;
	ask(&client, "a.example");
	assert_true(wait_for(&client) < 4000);
	assert_int_equal(client.status, DNS_TROUBLE);
	assert_int_equal(net.resolvers[0].asked, DNS_QUESTION_HOPS + 1);
}

static void
a_name_that_cannot_be_asked_is_no_name(void **unused)
{
	struct client client;

	(void)unused;
	ask(&client, "a..b");
	assert_true(client.is_answered);
	assert_int_equal(client.status, DNS_NO_NAME);
	assert_int_equal(net.resolvers[0].asked, 0);
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
	assert_in_range(wait_for(&silent), 7000, 11000);
	(void)wait_for(&forged);
	/* The engine's own question was answered meanwhile. */
	assert_int_equal(silent.status, DNS_TROUBLE);
	assert_int_equal(forged.status, DNS_TROUBLE);
	assert_int_equal(rules[0].asked, DNS_QUESTION_TRIES);
	net.resolvers[0].is_silent = true;
	ask(&silent, "example.org");
	assert_in_range(wait_for(&silent), 7000, 11000);
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
	assert_in_range(wait_for(&client), 500, 6000);
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
	assert_in_range(wait_for(&client), 7000, 11000);
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
	(void)wait_for(&clients[0]);
	ask(&clients[0], "once-more.example");
	(void)wait_for(&clients[0]);
	assert_int_equal(clients[0].status, DNS_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_comes_and_is_cached),
		TEST(that_there_is_none_is_cached_too),
		TEST(the_same_question_is_sent_once_and_all_hear),
		TEST(who_cancels_hears_nothing_and_the_answer_is_kept),
		TEST(questions_leave_from_many_ports),
		TEST(sockets_are_renewed_after_so_many_uses),
		TEST(forged_answers_are_dropped_and_counted),
		TEST(a_failure_is_trouble_at_once_when_there_is_no_other_resolver),
		TEST(the_other_resolver_is_asked_after_a_failure),
		TEST(the_other_resolver_is_asked_after_silence_and_liked_better_then),
		TEST(what_is_truncated_comes_by_stream),
		TEST(cnames_that_lead_out_are_followed),
		TEST(cnames_that_loop_are_trouble),
		TEST(a_name_that_cannot_be_asked_is_no_name),
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
