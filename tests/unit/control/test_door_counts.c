/* control/door_counts: caps, and counts that no smtpd can bend. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "control/door_counts.h"

static struct peer_address
client(const char *ip)
{
	struct peer_address peer;

	assert_true(peer_parse_ip(span_of(ip), &peer));
	return peer;
}

static struct door_counts *
make(uint64_t in_all, uint64_t per_address)
{
	struct door_counts *counts = door_counts_new(in_all);

	assert_non_null(counts);
	door_counts_set_cap(counts, per_address);
	return counts;
}

static void
test_cap_per_address(void **state)
{
	struct door_counts *counts = make(100, 2);
	struct peer_address one = client("192.0.2.1");
	struct peer_address other = client("192.0.2.2");
	uint32_t first;
	uint32_t id;

	(void)state;
	/* The port does not make another client. */
	one.port = 1000;
	assert_int_equal(door_counts_admit(counts, &one, 0, &first), DOOR_ADMITTED);
	one.port = 2000;
	assert_int_equal(door_counts_admit(counts, &one, 1, &id), DOOR_ADMITTED);
	assert_int_equal(door_counts_admit(counts, &one, 0, &id), DOOR_ADDRESS_FULL);
	assert_int_equal(door_counts_admit(counts, &other, 0, &id), DOOR_ADMITTED);
	assert_true(door_counts_leave(counts, first, 0));
	assert_int_equal(door_counts_admit(counts, &one, 0, &id), DOOR_ADMITTED);
	assert_int_equal(door_counts_all(counts), 3);
	door_counts_free(counts);
}

static void
test_cap_in_all(void **state)
{
	struct door_counts *counts = make(2, 0);
	struct peer_address one = client("2001:db8::1");
	uint32_t id;

	(void)state;
	assert_int_equal(door_counts_admit(counts, &one, 0, &id), DOOR_ADMITTED);
	assert_int_equal(door_counts_admit(counts, &one, 0, &id), DOOR_ADMITTED);
	assert_int_equal(door_counts_admit(counts, &one, 0, &id), DOOR_FULL);
	/* A lower cap drops nobody and lets nobody in. */
	door_counts_set_cap(counts, 1);
	assert_int_equal(door_counts_all(counts), 2);
	assert_true(door_counts_leave(counts, id, 0));
	assert_int_equal(door_counts_admit(counts, &one, 0, &id), DOOR_ADDRESS_FULL);
	door_counts_free(counts);
}

static void
test_only_its_own_holder_counts_one_out(void **state)
{
	struct door_counts *counts = make(10, 0);
	struct peer_address one = client("192.0.2.1");
	uint32_t id;

	(void)state;
	assert_int_equal(door_counts_admit(counts, &one, 0, &id), DOOR_ADMITTED);
	assert_false(door_counts_leave(counts, id, 1));
	assert_false(door_counts_leave(counts, id + 1, 0));
	assert_true(door_counts_leave(counts, id, 0));
	assert_false(door_counts_leave(counts, id, 0));
	assert_false(door_counts_leave(counts, UINT32_MAX, 0));
	assert_int_equal(door_counts_all(counts), 0);
	/* The place is taken anew under another number. */
	uint32_t again;
	assert_int_equal(door_counts_admit(counts, &one, 0, &again), DOOR_ADMITTED);
	assert_int_not_equal(again, id);
	assert_false(door_counts_leave(counts, id, 0));
	door_counts_free(counts);
}

static void
test_a_dead_smtpd_frees_its_places(void **state)
{
	struct door_counts *counts = make(1000, 400);
	struct peer_address one = client("192.0.2.1");
	uint32_t id;

	(void)state;
	for (unsigned i = 0; i < 400; i++)
		assert_int_equal(door_counts_admit(counts, &one, i % 2, &id), DOOR_ADMITTED);
	assert_int_equal(door_counts_admit(counts, &one, 0, &id), DOOR_ADDRESS_FULL);
	door_counts_drop(counts, 0);
	assert_int_equal(door_counts_of(counts, 0), 0);
	assert_int_equal(door_counts_of(counts, 1), 200);
	assert_int_equal(door_counts_all(counts), 200);
	assert_int_equal(door_counts_admit(counts, &one, 0, &id), DOOR_ADMITTED);
	door_counts_free(counts);
}

static void
test_near_a_cap_from_a_quarter_on(void **state)
{
	struct door_counts *counts = make(100, 8);
	struct peer_address one = client("192.0.2.1");
	struct peer_address other = client("192.0.2.2");
	uint32_t id;

	(void)state;
	assert_int_equal(door_counts_admit(counts, &one, 0, &id), DOOR_ADMITTED);
	assert_false(door_counts_is_near_cap(counts, id));
	assert_int_equal(door_counts_admit(counts, &one, 0, &id), DOOR_ADMITTED);
	assert_true(door_counts_is_near_cap(counts, id));
	assert_int_equal(door_counts_admit(counts, &other, 0, &id), DOOR_ADMITTED);
	assert_false(door_counts_is_near_cap(counts, id));
	/* Without a cap an address alone is never near it; the cap in all counts too. */
	door_counts_set_cap(counts, 0);
	for (int i = 0; i < 21; i++)
		assert_int_equal(door_counts_admit(counts, &one, 0, &id), DOOR_ADMITTED);
	assert_false(door_counts_is_near_cap(counts, id));
	assert_int_equal(door_counts_admit(counts, &one, 0, &id), DOOR_ADMITTED);
	assert_true(door_counts_is_near_cap(counts, id));
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
