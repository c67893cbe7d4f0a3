/* Forward-confirmed reverse DNS over a table of answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lookup/iprev.h"

static struct replay *replay;
static struct peer_address client;
static struct iprev_verdict verdict;

static int
set_up(void **unused)
{
	(void)unused;
	replay = replay_new();
	verdict = (struct iprev_verdict){ .result = IPREV_UNKNOWN };
	return replay && peer_parse_ip(SPAN("192.0.2.1"), &client) ? 0 : -1;
}

static int
tear_down(void **unused)
{
	(void)unused;
	replay_free(replay);
	return 0;
}

static void
pin_status(enum dns_type type, const char *name, enum dns_status status)
{
	struct dns_answer answer = { .status = status };

	assert_true(replay_pin(replay, type, span_of(name), &answer));
}

static void
pin_names(const char *const *names, size_t count)
{
	struct dns_record records[32] = { 0 };
	struct dns_answer answer = { DNS_FOUND, count, records };

	for (size_t i = 0; i < count; i++)
		records[i].text = span_of(names[i]);
	assert_true(replay_pin(replay, DNS_PTR, SPAN("1.2.0.192.in-addr.arpa"), &answer));
}

static void
pin_address(const char *name, const char *address)
{
	struct peer_address peer;
	struct dns_record records[2] = { { .ip = { 198, 51, 100, 7 } } };
	struct dns_answer answer = { DNS_FOUND, 2, records };

	assert_true(peer_parse_ip(span_of(address), &peer));
	memcpy(records[1].ip, peer.ip, sizeof peer.ip);
	assert_true(replay_pin(replay, peer.family == 4 ? DNS_A : DNS_AAAA, span_of(name), &answer));
}

static void
reverse_names_are_those_of_the_rfcs(void **unused)
{
	char name[IPREV_QUESTION_SIZE];
	struct peer_address six;

	(void)unused;
	iprev_name(&client, name);
	assert_string_equal(name, "1.2.0.192.in-addr.arpa");
	assert_true(peer_parse_ip(SPAN("2001:db8::567:89ab"), &six));
	iprev_name(&six, name);
	assert_string_equal(name, "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
	six.family = 0;
	iprev_name(&six, name);
	assert_string_equal(name, "");
}

static void
a_name_that_points_back_is_confirmed(void **unused)
{
	static const char *const names[] = { "other.example", "mail.example" };
	enum dns_type type;
	struct span name;

	(void)unused;
	assert_false(iprev_check(&client, replay, &verdict));
	assert_int_equal(replay_wanted_count(replay), 1);
	replay_wanted(replay, 0, &type, &name);
	assert_int_equal(type, DNS_PTR);
	assert_true(span_equal(name, SPAN("1.2.0.192.in-addr.arpa")));
	pin_names(names, 2);
	replay_clear_wanted(replay);
	assert_false(iprev_check(&client, replay, &verdict));
	assert_int_equal(replay_wanted_count(replay), 2); /* both at once */
	pin_status(DNS_A, "other.example", DNS_NO_NAME);
	pin_address("mail.example", "192.0.2.1");
	assert_true(iprev_check(&client, replay, &verdict));
	assert_int_equal(verdict.result, IPREV_CONFIRMED);
	assert_true(span_equal(verdict.name, SPAN("mail.example")));
}

static void
the_first_name_wins_whichever_answer_comes_first(void **unused)
{
	static const char *const names[] = { "a.example", "b.example" };

	(void)unused;
	pin_names(names, 2);
	pin_address("b.example", "192.0.2.1");
	assert_false(iprev_check(&client, replay, &verdict));
	pin_address("a.example", "192.0.2.1");
	assert_true(iprev_check(&client, replay, &verdict));
	assert_true(span_equal(verdict.name, SPAN("a.example")));
}

static void
ipv6_is_confirmed_by_aaaa(void **unused)
{
	struct dns_record record = { .text = SPAN("six.example") };
	struct dns_answer answer = { DNS_FOUND, 1, &record };
	char name[IPREV_QUESTION_SIZE];

	(void)unused;
	assert_true(peer_parse_ip(SPAN("2001:db8::1"), &client));
	iprev_name(&client, name);
	assert_true(replay_pin(replay, DNS_PTR, span_of(name), &answer));
	pin_address("six.example", "2001:db8::1");
	assert_true(iprev_check(&client, replay, &verdict));
	assert_int_equal(verdict.result, IPREV_CONFIRMED);
}

static void
names_that_point_elsewhere_are_a_mismatch(void **unused)
{
	static const char *const names[] = { "mail.example" };

	(void)unused;
	pin_names(names, 1);
	pin_address("mail.example", "192.0.2.2");
	assert_true(iprev_check(&client, replay, &verdict));
	assert_int_equal(verdict.result, IPREV_MISMATCH);
	assert_int_equal(verdict.name.length, 0);
}

static void
what_is_no_host_name_is_not_looked_at(void **unused)
{
	static const char *const names[] = { "bad name.example", "x\nReceived: y", "", "<script>",
		"caf\xc3\xa9.example" };

	(void)unused;
	pin_names(names, 5);
	assert_true(iprev_check(&client, replay, &verdict));
	assert_int_equal(verdict.result, IPREV_MISMATCH);
	assert_int_equal(replay_wanted_count(replay), 0);
}

static void
ten_names_are_looked_at_and_no_more(void **unused)
{
	static char texts[12][24];
	const char *names[12];

	(void)unused;
	for (unsigned i = 0; i < 12; i++) {
		(void)snprintf(texts[i], sizeof texts[i], "n%u.example", i);
		names[i] = texts[i];
	}
	pin_names(names, 12);
	pin_address("n11.example", "192.0.2.1");
	assert_false(iprev_check(&client, replay, &verdict));
	assert_int_equal(replay_wanted_count(replay), 10);
	for (unsigned i = 0; i < 10; i++)
		pin_status(DNS_A, names[i], DNS_NO_DATA);
	assert_true(iprev_check(&client, replay, &verdict));
	assert_int_equal(verdict.result, IPREV_MISMATCH);
}

static void
statuses_become_results(void **unused)
{
	static const struct {
		enum dns_status status;
		enum iprev_result result;
	} rows[] = {
		{ DNS_NO_DATA, IPREV_NONE },
		{ DNS_NO_NAME, IPREV_NONE },
		{ DNS_TROUBLE, IPREV_TROUBLE },
		{ DNS_RESOLVER_DOWN, IPREV_TROUBLE },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		pin_status(DNS_PTR, "1.2.0.192.in-addr.arpa", rows[i].status);
		assert_true(iprev_check(&client, replay, &verdict));
		assert_int_equal(verdict.result, rows[i].result);
	}
}

static void
trouble_with_one_name_is_told_unless_another_confirms(void **unused)
{
	static const char *const names[] = { "a.example", "b.example" };

	(void)unused;
	pin_names(names, 2);
	pin_status(DNS_A, "a.example", DNS_TROUBLE);
	pin_address("b.example", "192.0.2.9");
	assert_true(iprev_check(&client, replay, &verdict));
	assert_int_equal(verdict.result, IPREV_TROUBLE);
	pin_address("b.example", "192.0.2.1");
	assert_true(iprev_check(&client, replay, &verdict));
	assert_int_equal(verdict.result, IPREV_CONFIRMED);
}

static void
no_address_has_no_name(void **unused)
{
	(void)unused;
	client.family = 0;
	assert_true(iprev_check(&client, replay, &verdict));
	assert_int_equal(verdict.result, IPREV_NONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reverse_names_are_those_of_the_rfcs),
		TEST(a_name_that_points_back_is_confirmed),
		TEST(the_first_name_wins_whichever_answer_comes_first),
		TEST(ipv6_is_confirmed_by_aaaa),
		TEST(names_that_point_elsewhere_are_a_mismatch),
		TEST(what_is_no_host_name_is_not_looked_at),
		TEST(ten_names_are_looked_at_and_no_more),
		TEST(statuses_become_results),
		TEST(trouble_with_one_name_is_told_unless_another_confirms),
		TEST(no_address_has_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
