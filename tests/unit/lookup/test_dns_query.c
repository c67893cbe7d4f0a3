/* Questions in flight, against resolvers of the test's own: what is asked, what is kept, what is believed.
 * On failure: cmocka names the line.
 */
#include "tests/unit/lookup/query_fixture.h"

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
		TEST(what_is_truncated_comes_by_stream),
		TEST(cnames_that_lead_out_are_followed),
		TEST(cnames_that_loop_are_trouble),
		TEST(a_name_that_cannot_be_asked_is_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
