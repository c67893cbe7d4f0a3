/* lib/rate_table and lib/network_key: how often who comes, in a table that never grows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "lib/rate_table.h"
#include "tests/unit/values.h"

enum { SECOND_US = 1000000, MINUTE_US = 60 * SECOND_US };

static const uint64_t begin_us = 1000ull * MINUTE_US;

static struct network_key
address_key(const char *ip)
{
	struct peer_address address = peer(ip);

	return network_key_of_address(&address);
}

static struct network_key
network_key(const char *ip)
{
	struct peer_address address = peer(ip);

	return network_key_of_network(&address);
}

/* Counts events until there is no room. */
static unsigned
fill(struct rate_table *table, const struct network_key *key, uint64_t limit, uint64_t now_us)
{
	unsigned counted = 0;

	while (counted < 100000 && rate_table_has_room(table, key, limit, now_us)) {
		rate_table_count(table, key, limit, now_us);
		counted++;
	}
	return counted;
}

static void
test_keys(void **state)
{
	struct network_key a = network_key("192.0.2.1");
	struct network_key b = network_key("192.0.2.254");
	struct network_key c = network_key("192.0.3.1");

	(void)state;
	assert_true(network_key_equal(&a, &b));
	assert_false(network_key_equal(&a, &c));
	a = network_key("2001:db8:1:2:3::4");
	b = network_key("2001:db8:1:2:ffff:ffff:ffff:ffff");
	c = network_key("2001:db8:1:3::4");
	assert_true(network_key_equal(&a, &b));
	assert_false(network_key_equal(&a, &c));
	/* An address and the network that begins with it are two. */
	a = address_key("192.0.2.0");
	b = network_key("192.0.2.0");
	assert_false(network_key_equal(&a, &b));
	struct peer_address one = peer("192.0.2.1");
	struct peer_address other = one;
	other.port = 25;
	a = network_key_of_address(&one);
	b = network_key_of_address(&other);
	assert_true(network_key_equal(&a, &b));
}

static void
test_hashes_differ_by_process(void **state)
{
	struct network_key key = address_key("2001:db8::1");
	struct network_hash hashes[2];
	unsigned equal = 0;

	(void)state;
	for (int i = 0; i < 64; i++) {
		assert_true(network_hash_begin(&hashes[0]));
		assert_true(network_hash_begin(&hashes[1]));
		assert_int_equal(network_hash_of(&hashes[0], &key), network_hash_of(&hashes[0], &key));
		equal += network_hash_of(&hashes[0], &key) == network_hash_of(&hashes[1], &key);
	}
	assert_true(equal < 3);
}

/* Addresses in a row, and networks in a row, spread over the places of a table whatever the random numbers are. */
static void
test_neighbours_spread(void **state)
{
	enum { PLACES = 128, KEYS = 64, TURNS = 2000 };

	(void)state;
	for (int turn = 0; turn < TURNS; turn++) {
		struct peer_address address = peer(turn % 2 ? "2001:db8::" : "192.0.2.0");
		unsigned char filled[PLACES] = { 0 };
		unsigned char *counter = address.family == 4 ? &address.ip[3] : &address.ip[turn % 4 == 1 ? 15 : 7];
		struct network_hash hash;

		assert_true(network_hash_begin(&hash));
		for (unsigned i = 0; i < KEYS; i++) {
			*counter = (unsigned char)i;
			struct network_key key = network_key_of_address(&address);
			unsigned place = network_hash_of(&hash, &key) % PLACES;

			assert_true(++filled[place] < 12);
		}
	}
}

static void
test_limit_and_refill(void **state)
{
	struct rate_table *table = rate_table_new(64, MINUTE_US);
	struct network_key one = address_key("192.0.2.1");
	struct network_key other = address_key("192.0.2.2");

	(void)state;
	assert_non_null(table);
	assert_int_equal(fill(table, &one, 6, begin_us), 6);
	assert_int_equal(fill(table, &other, 6, begin_us), 6);
	/* A sixth of a minute makes room for one more. */
	assert_int_equal(fill(table, &one, 6, begin_us + 10 * SECOND_US - 1), 0);
	assert_int_equal(fill(table, &one, 6, begin_us + 10 * SECOND_US), 1);
	assert_int_equal(fill(table, &one, 6, begin_us + 40 * SECOND_US), 3);
	/* After a minute of silence everything is forgotten. */
	assert_int_equal(fill(table, &one, 6, begin_us + 10 * MINUTE_US), 6);
	rate_table_free(table);
}

static void
test_no_limit(void **state)
{
	struct rate_table *table = rate_table_new(64, MINUTE_US);
	struct network_key one = address_key("192.0.2.1");

	(void)state;
	assert_int_equal(fill(table, &one, 0, begin_us), 100000);
	/* What was counted without a limit does not count against a new one. */
	assert_int_equal(fill(table, &one, 2, begin_us), 2);
	/* A lower limit takes over what there is; a higher one makes room. */
	assert_int_equal(fill(table, &one, 1, begin_us), 0);
	assert_true(fill(table, &one, 1000, begin_us + SECOND_US) >= 10);
	rate_table_free(table);
}

/* More events than the limit never lock anybody out for longer than a period. */
static void
test_over_the_limit(void **state)
{
	struct rate_table *table = rate_table_new(64, MINUTE_US);
	struct network_key one = address_key("192.0.2.1");

	(void)state;
	for (int i = 0; i < 1000; i++)
		rate_table_count(table, &one, 3, begin_us);
	assert_false(rate_table_has_room(table, &one, 3, begin_us + 19 * SECOND_US));
	assert_true(rate_table_has_room(table, &one, 3, begin_us + 20 * SECOND_US));
	rate_table_free(table);
}

/* An attacker with a whole /32 of IPv6 comes from another /64 each time: whoever is at his limit stays there. */
static void
test_a_flood_forgets_only_its_own(void **state)
{
	struct rate_table *table = rate_table_new(1024, MINUTE_US);
	struct network_key loud[32];
	struct peer_address address = peer("2001:db8::1");

	(void)state;
	assert_non_null(table);
	for (unsigned i = 0; i < 32; i++) {
		address.ip[15] = (uint8_t)i;
		loud[i] = network_key_of_address(&address);
		assert_int_equal(fill(table, &loud[i], 5, begin_us), 5);
	}
	for (uint32_t i = 0; i < 200000; i++) {
		struct network_key key;

		address.ip[4] = (uint8_t)(1 + (i >> 24));
		address.ip[5] = (uint8_t)(i >> 16);
		address.ip[6] = (uint8_t)(i >> 8);
		address.ip[7] = (uint8_t)i;
		key = network_key_of_network(&address);
		assert_true(rate_table_has_room(table, &key, 5, begin_us));
		rate_table_count(table, &key, 5, begin_us);
	}
	unsigned remembered = 0;
	for (unsigned i = 0; i < 32; i++)
		remembered += !rate_table_has_room(table, &loud[i], 5, begin_us);
	assert_int_equal(remembered, 32);
	rate_table_free(table);
}

static void
test_taken_back(void **state)
{
	struct rate_table *table = rate_table_new(64, MINUTE_US);
	struct network_key one = address_key("192.0.2.1");
	struct network_key other = address_key("192.0.2.2");

	(void)state;
	assert_non_null(table);
	assert_int_equal(fill(table, &one, 5, begin_us), 5);
	rate_table_uncount(table, &one, 5);
	assert_int_equal(fill(table, &one, 5, begin_us), 1);
	for (int i = 0; i < 20; i++)
		rate_table_uncount(table, &one, 5);
	rate_table_uncount(table, &other, 5);
	rate_table_uncount(table, &one, 0);
	/* No more than there is. */
	assert_int_equal(fill(table, &one, 5, begin_us), 5);
	assert_int_equal(fill(table, &other, 5, begin_us), 5);
	rate_table_free(table);
}

static void
test_another_period(void **state)
{
	struct rate_table *table = rate_table_new(64, MINUTE_US);
	struct network_key key = address_key("192.0.2.1");

	(void)state;
	assert_non_null(table);
	rate_table_set_period(table, 2 * MINUTE_US);
	assert_int_equal(fill(table, &key, 2, begin_us), 2);
	assert_int_equal(fill(table, &key, 2, begin_us + MINUTE_US - 1), 0);
	assert_int_equal(fill(table, &key, 2, begin_us + MINUTE_US), 1);
	rate_table_free(table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_hashes_differ_by_process),
		cmocka_unit_test(test_neighbours_spread),
		cmocka_unit_test(test_limit_and_refill),
		cmocka_unit_test(test_no_limit),
		cmocka_unit_test(test_over_the_limit),
		cmocka_unit_test(test_taken_back),
		cmocka_unit_test(test_another_period),
		cmocka_unit_test(test_a_flood_forgets_only_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
