/* control/door_counts: caps, and counts that no smtpd can bend. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "control/door_counts.h"
#include "tests/unit/values.h"

enum { NOW_US = 1000000000, SECOND_US = 1000000 };

static struct door_counts *
make_capped(uint64_t in_all, struct door_caps caps)
{
	struct door_counts *counts = door_counts_new(in_all);

	assert_non_null(counts);
	door_counts_set_caps(counts, &caps);
	return counts;
}

static struct door_counts *
make(uint64_t in_all, uint64_t per_address)
{
	return make_capped(in_all, (struct door_caps){ .per_address = per_address });
}

static enum door_verdict
admit(struct door_counts *counts, const struct peer_address *who, unsigned smtpd, uint32_t *id)
{
	return door_counts_admit(counts, who, DOOR_STRANGER, smtpd, NOW_US, id);
}

static void
test_cap_per_address(void **state)
{
	struct door_counts *counts = make(100, 2);
	struct peer_address one = peer("192.0.2.1");
	struct peer_address other = peer("192.0.2.2");
	uint32_t first;
	uint32_t id;

	(void)state;
	/* The port does not make another client. */
	one.port = 1000;
	assert_int_equal(admit(counts, &one, 0, &first), DOOR_ADMITTED);
	one.port = 2000;
	assert_int_equal(admit(counts, &one, 1, &id), DOOR_ADMITTED);
	assert_int_equal(admit(counts, &one, 0, &id), DOOR_ADDRESS_FULL);
	assert_int_equal(admit(counts, &other, 0, &id), DOOR_ADMITTED);
	assert_true(door_counts_leave(counts, first, 0));
	assert_int_equal(admit(counts, &one, 0, &id), DOOR_ADMITTED);
	assert_int_equal(door_counts_all(counts), 3);
	door_counts_free(counts);
}

static void
test_cap_in_all(void **state)
{
	struct door_counts *counts = make(2, 0);
	struct peer_address one = peer("2001:db8::1");
	uint32_t id;

	(void)state;
	assert_int_equal(admit(counts, &one, 0, &id), DOOR_ADMITTED);
	assert_int_equal(admit(counts, &one, 0, &id), DOOR_ADMITTED);
	assert_int_equal(admit(counts, &one, 0, &id), DOOR_FULL);
	/* A lower cap drops nobody and lets nobody in. */
	door_counts_set_caps(counts, &(struct door_caps){ .per_address = 1 });
	assert_int_equal(door_counts_all(counts), 2);
	assert_true(door_counts_leave(counts, id, 0));
	assert_int_equal(admit(counts, &one, 0, &id), DOOR_ADDRESS_FULL);
	door_counts_free(counts);
}

static void
test_only_its_own_holder_counts_one_out(void **state)
{
	struct door_counts *counts = make(10, 0);
	struct peer_address one = peer("192.0.2.1");
	uint32_t id;

	(void)state;
	assert_int_equal(admit(counts, &one, 0, &id), DOOR_ADMITTED);
	assert_false(door_counts_leave(counts, id, 1));
	assert_false(door_counts_leave(counts, id + 1, 0));
	assert_true(door_counts_leave(counts, id, 0));
	assert_false(door_counts_leave(counts, id, 0));
	assert_false(door_counts_leave(counts, UINT32_MAX, 0));
	assert_int_equal(door_counts_all(counts), 0);
	/* The place is taken anew under another number. */
	uint32_t again;
	assert_int_equal(admit(counts, &one, 0, &again), DOOR_ADMITTED);
	assert_int_not_equal(again, id);
	assert_false(door_counts_leave(counts, id, 0));
	door_counts_free(counts);
}

static void
test_a_dead_smtpd_frees_its_places(void **state)
{
	struct door_counts *counts = make(1000, 400);
	struct peer_address one = peer("192.0.2.1");
	uint32_t id;

	(void)state;
	for (unsigned i = 0; i < 400; i++)
		assert_int_equal(admit(counts, &one, i % 2, &id), DOOR_ADMITTED);
	assert_int_equal(admit(counts, &one, 0, &id), DOOR_ADDRESS_FULL);
	door_counts_drop(counts, 0);
	assert_int_equal(door_counts_of(counts, 0), 0);
	assert_int_equal(door_counts_of(counts, 1), 200);
	assert_int_equal(door_counts_all(counts), 200);
	assert_int_equal(admit(counts, &one, 0, &id), DOOR_ADMITTED);
	door_counts_free(counts);
}

static void
test_near_a_cap_from_a_quarter_on(void **state)
{
	struct door_counts *counts = make(100, 8);
	struct peer_address one = peer("192.0.2.1");
	struct peer_address other = peer("192.0.2.2");
	uint32_t id;

	(void)state;
	assert_int_equal(admit(counts, &one, 0, &id), DOOR_ADMITTED);
	assert_false(door_counts_is_near_cap(counts, id));
	assert_int_equal(admit(counts, &one, 0, &id), DOOR_ADMITTED);
	assert_true(door_counts_is_near_cap(counts, id));
	assert_int_equal(admit(counts, &other, 0, &id), DOOR_ADMITTED);
	assert_false(door_counts_is_near_cap(counts, id));
	/* Without a cap an address alone is never near it; the cap in all counts too. */
	door_counts_set_caps(counts, &(struct door_caps){ .per_address = 0 });
	for (int i = 0; i < 21; i++)
		assert_int_equal(admit(counts, &one, 0, &id), DOOR_ADMITTED);
	assert_false(door_counts_is_near_cap(counts, id));
	assert_int_equal(admit(counts, &one, 0, &id), DOOR_ADMITTED);
	assert_true(door_counts_is_near_cap(counts, id));
	door_counts_free(counts);
}

static void
test_cap_per_network(void **state)
{
	struct door_counts *counts = make_capped(100, (struct door_caps){ .per_address = 2, .per_network = 3 });
	const char *const inside[] = { "192.0.2.1", "192.0.2.1", "192.0.2.9", "192.0.2.77" };
	uint32_t ids[4];
	uint32_t id;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct peer_address member = peer(inside[i]);

		assert_int_equal(admit(counts, &member, 0, &ids[i]), i < 3 ? DOOR_ADMITTED : DOOR_NETWORK_FULL);
	}
	struct peer_address outside = peer("192.0.3.1");
	struct peer_address last = peer("192.0.2.77");
	struct peer_address first = peer("192.0.2.1");
	assert_int_equal(admit(counts, &outside, 0, &id), DOOR_ADMITTED);
	assert_int_equal(admit(counts, &first, 0, &id), DOOR_ADDRESS_FULL);
	/* A friend's network does not matter; his address does. */
	assert_int_equal(door_counts_admit(counts, &last, DOOR_FRIEND, 0, NOW_US, &id), DOOR_ADMITTED);
	assert_int_equal(door_counts_admit(counts, &first, DOOR_FRIEND, 0, NOW_US, &id), DOOR_ADDRESS_FULL);
	assert_true(door_counts_leave(counts, id, 0));
	assert_true(door_counts_leave(counts, ids[0], 0));
	assert_int_equal(admit(counts, &last, 0, &id), DOOR_ADMITTED);
	assert_true(door_counts_is_near_cap(counts, id));
	door_counts_free(counts);
}

static void
test_rates(void **state)
{
	struct door_counts *counts =
	    make_capped(1000, (struct door_caps){ .rate_per_address = 3, .rate_per_network = 5 });
	struct peer_address one = peer("2001:db8::1");
	struct peer_address other = peer("2001:db8::2");
	struct peer_address third = peer("2001:db8:0:1::2");
	uint32_t id;

	(void)state;
	/* They come and go: what counts is how often they came. */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(admit(counts, &one, 0, &id), DOOR_ADMITTED);
		assert_true(door_counts_leave(counts, id, 0));
	}
	assert_int_equal(admit(counts, &one, 0, &id), DOOR_ADDRESS_RATE);
	assert_int_equal(door_counts_all(counts), 0);
	assert_int_equal(admit(counts, &other, 0, &id), DOOR_ADMITTED);
	assert_int_equal(admit(counts, &other, 0, &id), DOOR_ADMITTED);
	assert_int_equal(admit(counts, &other, 0, &id), DOOR_NETWORK_RATE);
	assert_int_equal(admit(counts, &third, 0, &id), DOOR_ADMITTED);
	assert_int_equal(door_counts_admit(counts, &one, DOOR_FRIEND, 0, NOW_US, &id), DOOR_ADMITTED);
	/* Those who were turned away have not used up what comes back. */
	uint64_t later_us = NOW_US + 20 * SECOND_US;
	assert_int_equal(door_counts_admit(counts, &one, DOOR_STRANGER, 0, later_us, &id), DOOR_ADMITTED);
	assert_int_equal(door_counts_admit(counts, &one, DOOR_STRANGER, 0, later_us, &id), DOOR_ADDRESS_RATE);
	door_counts_free(counts);
}

/* Behind a proxy only the announced address counts. */
static void
test_announced(void **state)
{
	struct door_counts *counts = make_capped(100, (struct door_caps){ .per_address = 1, .rate_per_network = 2 });
	struct peer_address proxy = peer("10.0.0.1");
	struct peer_address one = peer("192.0.2.1");
	struct peer_address neighbour = peer("192.0.2.2");
	struct peer_address third = peer("192.0.2.3");
	uint32_t ids[4];
	bool is_known;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(door_counts_admit(counts, &proxy, DOOR_PROXY, 0, NOW_US, &ids[i]), DOOR_ADMITTED);
	assert_int_equal(
	    door_counts_announce(counts, ids[0], 0, &one, DOOR_STRANGER, NOW_US, &is_known), DOOR_ADMITTED);
	assert_true(is_known);
	assert_int_equal(
	    door_counts_announce(counts, ids[1], 0, &one, DOOR_STRANGER, NOW_US, &is_known), DOOR_ADDRESS_FULL);
	assert_int_equal(
	    door_counts_announce(counts, ids[2], 0, &neighbour, DOOR_STRANGER, NOW_US, &is_known), DOOR_ADMITTED);
	assert_int_equal(
	    door_counts_announce(counts, ids[3], 0, &third, DOOR_STRANGER, NOW_US, &is_known), DOOR_NETWORK_RATE);
	(void)door_counts_announce(counts, ids[0], 1, &third, DOOR_FRIEND, NOW_US, &is_known);
	assert_false(is_known);
	/* Said again, it counts once; gone, it counts no more. */
	assert_int_equal(
	    door_counts_announce(counts, ids[0], 0, &third, DOOR_FRIEND, NOW_US, &is_known), DOOR_ADMITTED);
	assert_int_equal(door_counts_announce(counts, ids[1], 0, &one, DOOR_FRIEND, NOW_US, &is_known), DOOR_ADMITTED);
	for (unsigned i = 0; i < 4; i++)
		assert_true(door_counts_leave(counts, ids[i], 0));
	assert_int_equal(door_counts_all(counts), 0);
	assert_int_equal(door_counts_admit(counts, &one, DOOR_FRIEND, 0, NOW_US, &ids[0]), DOOR_ADMITTED);
	door_counts_free(counts);
}

static bool
harvest(struct door_counts *counts, uint32_t id, const struct peer_address *who, uint64_t most, uint64_t now_us)
{
	assert_non_null(door_counts_client(counts, id, 0));
	return door_counts_harvest(counts, id, who, most, now_us);
}

/* Those of an hour are counted over all connections, and turn away who comes anew. */
static void
test_harvest(void **state)
{
	struct door_counts *counts =
	    make_capped(100, (struct door_caps){ .harvest_per_address = 3, .harvest_per_network = 4 });
	struct peer_address one = peer("192.0.2.1");
	struct peer_address neighbour = peer("192.0.2.2");
	struct peer_address other = peer("192.0.3.1");
	uint64_t later_us = NOW_US + 1200ull * SECOND_US;
	uint32_t ids[4];
	uint32_t id;

	(void)state;
	assert_int_equal(admit(counts, &one, 0, &ids[0]), DOOR_ADMITTED);
	assert_int_equal(admit(counts, &one, 0, &ids[1]), DOOR_ADMITTED);
	assert_int_equal(admit(counts, &neighbour, 0, &ids[2]), DOOR_ADMITTED);
	assert_false(harvest(counts, ids[0], &one, 8, NOW_US));
	assert_false(harvest(counts, ids[1], &one, 8, NOW_US));
	assert_int_equal(admit(counts, &one, 1, &ids[3]), DOOR_ADMITTED);
	assert_true(harvest(counts, ids[0], &one, 8, NOW_US));
	assert_int_equal(admit(counts, &one, 1, &id), DOOR_HARVEST);
	assert_int_equal(door_counts_all(counts), 4);
	assert_int_equal(admit(counts, &neighbour, 1, &id), DOOR_ADMITTED);
	assert_true(harvest(counts, ids[2], &neighbour, 8, NOW_US));
	assert_int_equal(admit(counts, &neighbour, 1, &id), DOOR_HARVEST);
	/* Friends come in, and so do other networks. */
	assert_int_equal(door_counts_admit(counts, &one, DOOR_FRIEND, 0, NOW_US, &id), DOOR_ADMITTED);
	assert_int_equal(admit(counts, &other, 0, &id), DOOR_ADMITTED);
	/* A third of an hour makes room for one, and a new limit, or none, counts at once. */
	assert_int_equal(door_counts_admit(counts, &one, DOOR_STRANGER, 0, later_us - SECOND_US, &id), DOOR_HARVEST);
	assert_int_equal(door_counts_admit(counts, &one, DOOR_STRANGER, 0, later_us, &id), DOOR_ADMITTED);
	door_counts_set_caps(counts, &(struct door_caps){ 0 });
	assert_int_equal(admit(counts, &one, 0, &id), DOOR_ADMITTED);
	door_counts_free(counts);
}

/* Where nobody can try a recipient without a login, the neighbours' recipients are not held against who comes; */
static void
test_harvest_is_not_held_against_users(void **state)
{
	struct door_counts *counts =
	    make_capped(100, (struct door_caps){ .per_address = 4, .rate_per_network = 5, .harvest_per_address = 1 });
	struct peer_address proxy = peer("10.0.0.1");
	struct peer_address one = peer("192.0.2.1");
	uint32_t ids[4];
	uint32_t id;
	bool is_known;

	(void)state;
	assert_int_equal(admit(counts, &one, 0, &id), DOOR_ADMITTED);
	assert_true(harvest(counts, id, &one, 8, NOW_US));
	assert_int_equal(admit(counts, &one, 0, &id), DOOR_HARVEST);
	assert_int_equal(door_counts_admit(counts, &one, DOOR_USER, 0, NOW_US, &id), DOOR_ADMITTED);
	/* nor when a proxy announces him, whose listener tells what he comes for. */
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(
		    door_counts_admit(counts, &proxy, i == 0 ? DOOR_PROXY : DOOR_PROXY_OF_USERS, 0, NOW_US, &ids[i]),
		    DOOR_ADMITTED);
	assert_int_equal(door_counts_announce(counts, ids[0], 0, &one, DOOR_STRANGER, NOW_US, &is_known), DOOR_HARVEST);
	for (unsigned i = 1; i < 3; i++)
		assert_int_equal(
		    door_counts_announce(counts, ids[i], 0, &one, DOOR_STRANGER, NOW_US, &is_known), DOOR_ADMITTED);
	/* All other caps hold. */
	assert_int_equal(
	    door_counts_announce(counts, ids[3], 0, &one, DOOR_STRANGER, NOW_US, &is_known), DOOR_ADDRESS_FULL);
	assert_int_equal(door_counts_admit(counts, &one, DOOR_USER, 0, NOW_US, &id), DOOR_ADDRESS_FULL);
	for (unsigned i = 1; i < 3; i++)
		assert_true(door_counts_leave(counts, ids[i], 0));
	assert_int_equal(door_counts_admit(counts, &one, DOOR_USER, 0, NOW_US, &id), DOOR_ADMITTED);
	assert_int_equal(door_counts_admit(counts, &one, DOOR_USER, 0, NOW_US, &id), DOOR_NETWORK_RATE);
	door_counts_free(counts);
}

/* One connection cannot use up more than its share, whatever its smtpd says. */
static void
test_harvest_of_one_connection(void **state)
{
	struct door_counts *counts = make_capped(2, (struct door_caps){ .harvest_per_address = 5 });
	struct peer_address one = peer("2001:db8::1");
	uint32_t id;

	(void)state;
	assert_int_equal(admit(counts, &one, 0, &id), DOOR_ADMITTED);
	for (int i = 0; i < 1000; i++)
		assert_false(harvest(counts, id, &one, 3, NOW_US));
	assert_true(door_counts_leave(counts, id, 0));
	assert_null(door_counts_client(counts, id, 0));
	/* The next one in its place has its own. */
	assert_int_equal(admit(counts, &one, 0, &id), DOOR_ADMITTED);
	assert_false(harvest(counts, id, &one, 3, NOW_US));
	assert_true(harvest(counts, id, &one, 3, NOW_US));
	door_counts_free(counts);
}

/* Only a proxy's connection becomes another's. */
static void
test_whose_a_connection_is(void **state)
{
	struct door_counts *counts = make_capped(10, (struct door_caps){ .harvest_per_address = 1 });
	struct peer_address proxy = peer("10.0.0.1");
	struct peer_address one = peer("192.0.2.1");
	struct peer_address other = peer("192.0.2.2");
	uint32_t own;
	uint32_t ids[2];
	bool is_known;

	(void)state;
	assert_int_equal(admit(counts, &one, 0, &own), DOOR_ADMITTED);
	assert_true(peer_equal(door_counts_client(counts, own, 0), &one));
	assert_null(door_counts_client(counts, own, 1));
	(void)door_counts_announce(counts, own, 0, &other, DOOR_STRANGER, NOW_US, &is_known);
	assert_false(is_known);
	assert_true(peer_equal(door_counts_client(counts, own, 0), &one));
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(door_counts_admit(counts, &proxy, DOOR_PROXY, 0, NOW_US, &ids[i]), DOOR_ADMITTED);
		assert_int_equal(door_counts_client(counts, ids[i], 0)->family, 0);
	}
	(void)door_counts_announce(counts, ids[0], 0, &other, DOOR_STRANGER, NOW_US, &is_known);
	assert_true(peer_equal(door_counts_client(counts, ids[0], 0), &other));
	assert_true(harvest(counts, ids[0], &other, 8, NOW_US));
	assert_int_equal(
	    door_counts_announce(counts, ids[1], 0, &other, DOOR_STRANGER, NOW_US, &is_known), DOOR_HARVEST);
	assert_int_equal(door_counts_client(counts, ids[1], 0)->family, 0);
	door_counts_free(counts);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cap_per_address),
		cmocka_unit_test(test_cap_in_all),
		cmocka_unit_test(test_only_its_own_holder_counts_one_out),
		cmocka_unit_test(test_a_dead_smtpd_frees_its_places),
		cmocka_unit_test(test_near_a_cap_from_a_quarter_on),
		cmocka_unit_test(test_cap_per_network),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_announced),
		cmocka_unit_test(test_harvest),
		cmocka_unit_test(test_harvest_is_not_held_against_users),
		cmocka_unit_test(test_harvest_of_one_connection),
		cmocka_unit_test(test_whose_a_connection_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
