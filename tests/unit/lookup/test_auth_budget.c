/* Budgets of failures: how many are let in, when there are more, and whom a stranger cannot lock out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "lookup/auth_budget.h"

enum { WINDOW_MS = 3600000, PER_ADDRESS = 5, PER_USER = 3 };

static const uint64_t start_ms = 1000000;
static struct auth_claim last;

static struct auth_budgets *
make(void)
{
	const struct siphash_key key = { { 1, 2 } };
	const struct auth_budget_limits limits = { WINDOW_MS, PER_ADDRESS, PER_USER };
	struct auth_budgets *budgets = auth_budgets_new(&key);

	assert_non_null(budgets);
	auth_budgets_limit(budgets, &limits);
	return budgets;
}

static enum auth_budget
take(struct auth_budgets *budgets, const char *ip, const char *user, uint64_t now_ms)
{
	struct peer_address client;

	assert_true(peer_parse_ip(span_of(ip), &client));
	return auth_budgets_take(budgets, &client, span_of(user), now_ms, &last);
}

/* How many tries of ever new users come through from one address. */
static unsigned
let_in(struct auth_budgets *budgets, const char *ip, uint64_t now_ms)
{
	char user[96];
	unsigned count = 0;

	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(user, sizeof user, "user%u-%s-%llu", i, ip, (unsigned long long)now_ms);
		if (take(budgets, ip, user, now_ms) != AUTH_BUDGET_COUNT)
			return count;
		count++;
	}
	return count;
}

static void
test_address_and_network(void **state)
{
	struct auth_budgets *budgets = make();

	(void)state;
	assert_int_equal(let_in(budgets, "192.0.2.1", start_ms), PER_ADDRESS);
	assert_int_equal(take(budgets, "192.0.2.1", "somebody", start_ms), AUTH_BUDGET_ADDRESS);
	/* Three more addresses of the network, and it is used up; another network is not. */
	for (int i = 2; i <= 4; i++) {
		char ip[32];

		(void)snprintf(ip, sizeof ip, "192.0.2.%d", i);
		assert_int_equal(let_in(budgets, ip, start_ms), PER_ADDRESS);
	}
	assert_int_equal(take(budgets, "192.0.2.9", "somebody", start_ms), AUTH_BUDGET_NETWORK);
	assert_int_equal(let_in(budgets, "192.0.3.1", start_ms), PER_ADDRESS);
	auth_budgets_free(budgets);
}

static void
test_ipv6_networks_are_64(void **state)
{
	struct auth_budgets *budgets = make();
	unsigned count = 0;
	char ip[64];

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(ip, sizeof ip, "2001:db8:0:1::%x", i);
		count += take(budgets, ip, ip, start_ms) == AUTH_BUDGET_COUNT;
	}
	assert_int_equal(count, PER_ADDRESS * AUTH_NETWORK_TIMES);
	assert_int_equal(take(budgets, "2001:db8:0:2::1", "x", start_ms), AUTH_BUDGET_COUNT);
	auth_budgets_free(budgets);
}

static void
test_it_refills_evenly(void **state)
{
	struct auth_budgets *budgets = make();
	uint64_t step_ms = WINDOW_MS / PER_ADDRESS;

	(void)state;
	assert_int_equal(let_in(budgets, "192.0.2.1", start_ms), PER_ADDRESS);
	assert_int_equal(let_in(budgets, "192.0.2.1", start_ms + step_ms - 1), 0);
	assert_int_equal(let_in(budgets, "192.0.2.1", start_ms + step_ms), 1);
	assert_int_equal(let_in(budgets, "192.0.2.1", start_ms + 3 * step_ms), 2);
	/* And never holds more than a window's worth. */
	assert_int_equal(let_in(budgets, "192.0.2.1", start_ms + 100ull * WINDOW_MS), PER_ADDRESS);
	auth_budgets_free(budgets);
}

static void
test_user_from_one_network(void **state)
{
	struct auth_budgets *budgets = make();

	(void)state;
	for (int i = 0; i < PER_USER; i++)
		assert_int_equal(take(budgets, "192.0.2.1", "alice", start_ms), AUTH_BUDGET_COUNT);
	assert_int_equal(take(budgets, "192.0.2.2", "alice", start_ms), AUTH_BUDGET_USER_THERE);
	/* Elsewhere she is not locked out, nor is anybody else there. */
	assert_int_equal(take(budgets, "198.51.100.1", "alice", start_ms), AUTH_BUDGET_COUNT);
	assert_int_equal(take(budgets, "192.0.2.2", "bob", start_ms), AUTH_BUDGET_COUNT);
	auth_budgets_free(budgets);
}

/* A botnet that guesses one user's password from everywhere is stopped; she herself is not. */
static void
test_user_from_everywhere(void **state)
{
	struct auth_budgets *budgets = make();
	unsigned count = 0;
	char ip[32];

	(void)state;
	assert_int_equal(take(budgets, "203.0.113.7", "alice", start_ms), AUTH_BUDGET_COUNT);
	auth_budgets_passed(budgets, &last, start_ms);
	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(ip, sizeof ip, "10.%u.%u.1", i / 250, i % 250);
		count += take(budgets, ip, "alice", start_ms) == AUTH_BUDGET_COUNT;
	}
	assert_int_equal(count, PER_USER * AUTH_USER_TIMES);
	assert_int_equal(take(budgets, "10.200.0.1", "alice", start_ms), AUTH_BUDGET_USER);
	assert_int_equal(take(budgets, "203.0.113.9", "alice", start_ms), AUTH_BUDGET_COUNT);
	auth_budgets_free(budgets);
}

/* Dovecot takes a name in any case of letters: no way to write one is worth a budget of its own. */
static void
test_letter_case_is_no_other_user(void **state)
{
	static const char *const ways[] = { "alice", "Alice", "aLice", "ALICE" };
	struct auth_budgets *budgets = make();
	unsigned count = 0;
	char ip[32];

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(ip, sizeof ip, "10.%u.%u.1", i / 250, i % 250);
		count += take(budgets, ip, ways[i % 4], start_ms) == AUTH_BUDGET_COUNT;
	}
	assert_int_equal(count, PER_USER * AUTH_USER_TIMES);
	auth_budgets_free(budgets);
}

/* Neighbours behind one address who fail and fail do not lock out a user who has passed from there. */
static void
test_known_network(void **state)
{
	struct auth_budgets *budgets = make();
	const uint64_t month_ms = 30ull * 24 * 3600 * 1000;

	(void)state;
	assert_int_equal(take(budgets, "192.0.2.1", "alice", start_ms), AUTH_BUDGET_COUNT);
	auth_budgets_passed(budgets, &last, start_ms);
	assert_int_equal(let_in(budgets, "192.0.2.1", start_ms), PER_ADDRESS);
	assert_int_equal(take(budgets, "192.0.2.1", "bob", start_ms), AUTH_BUDGET_ADDRESS);
	for (int i = 0; i < PER_USER; i++)
		assert_int_equal(take(budgets, "192.0.2.1", "alice", start_ms), AUTH_BUDGET_COUNT);
	assert_int_equal(take(budgets, "192.0.2.1", "alice", start_ms), AUTH_BUDGET_USER_THERE);
	/* After a month the network is like any other. */
	assert_int_equal(let_in(budgets, "192.0.2.1", start_ms + month_ms), PER_ADDRESS);
	assert_int_equal(take(budgets, "192.0.2.1", "alice", start_ms + month_ms), AUTH_BUDGET_ADDRESS);
	auth_budgets_free(budgets);
}

static void
test_what_was_no_failure_is_free(void **state)
{
	struct auth_budgets *budgets = make();

	(void)state;
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(take(budgets, "192.0.2.1", "alice", start_ms), AUTH_BUDGET_COUNT);
		if (i % 2)
			auth_budgets_give_back(budgets, &last);
		else
			auth_budgets_passed(budgets, &last, start_ms);
	}
	assert_int_equal(let_in(budgets, "192.0.2.1", start_ms), PER_ADDRESS);
	auth_budgets_free(budgets);
}

/* Strangers without number: the guilty one is not forgotten for their sake. */
static void
test_a_crowd_does_not_wash_anybody_clean(void **state)
{
	struct auth_budgets *budgets = make();
	char ip[32];

	(void)state;
	assert_int_equal(let_in(budgets, "192.0.2.1", start_ms), PER_ADDRESS);
	for (unsigned i = 0; i < 300000; i++) {
		(void)snprintf(ip, sizeof ip, "%u.%u.%u.1", 11 + i / 65536, i / 256 % 256, i % 256);
		(void)take(budgets, ip, ip, start_ms);
	}
	assert_int_equal(take(budgets, "192.0.2.1", "x", start_ms), AUTH_BUDGET_ADDRESS);
	auth_budgets_free(budgets);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address_and_network),
		cmocka_unit_test(test_ipv6_networks_are_64),
		cmocka_unit_test(test_it_refills_evenly),
		cmocka_unit_test(test_user_from_one_network),
		cmocka_unit_test(test_user_from_everywhere),
		cmocka_unit_test(test_letter_case_is_no_other_user),
		cmocka_unit_test(test_known_network),
		cmocka_unit_test(test_what_was_no_failure_is_free),
		cmocka_unit_test(test_a_crowd_does_not_wash_anybody_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
