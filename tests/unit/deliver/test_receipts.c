/* Tests of deliver/receipts.c: whose they are, how often they are good, and how many there can be.
 *
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deliver/receipts.h"

static uint64_t settled_count;

static void
count_settled(void *context, uint64_t serial)
{
	(void)context;
	settled_count += serial;
}

/* Clients that go without having read a 250 leave receipts that nobody brings back. */
static void
old_receipts_make_room(void **state)
{
	struct receipts *receipts = receipts_new();
	const uint64_t serials[] = { 3, 4 };
	uint32_t ids[RECEIPTS_MAX / 2 + 1];

	(void)state;
	settled_count = 0;
	receipts_edge_open(receipts, 1);
	for (size_t i = 0; i < RECEIPTS_MAX / 2 + 1; i++) {
		ids[i] = receipts_give(receipts, 1, serials, 2);
		assert_int_not_equal(ids[i], 0);
	}
	assert_false(receipts_take(receipts, 1, ids[0], count_settled, NULL));
	assert_true(receipts_take(receipts, 1, ids[1], count_settled, NULL));
	assert_true(receipts_take(receipts, 1, ids[RECEIPTS_MAX / 2], count_settled, NULL));
	assert_int_equal(settled_count, 14);
	/* What was brought back, or died with its edge, has made its room already. */
	assert_int_not_equal(receipts_give(receipts, 1, serials, 2), 0);
	assert_true(receipts_take(receipts, 1, ids[2], count_settled, NULL));
	receipts_edge_gone(receipts, 1);
	receipts_edge_open(receipts, 2);
	for (size_t i = 0; i < RECEIPTS_MAX / 2; i++)
		ids[i] = receipts_give(receipts, 2, serials, 2);
	assert_true(receipts_take(receipts, 2, ids[0], count_settled, NULL));
	receipts_free(receipts);
}

static void
receipts_are_good_once_on_their_edge(void **state)
{
	struct receipts *receipts = receipts_new();
	const uint64_t serials[] = { 3, 4 };

	(void)state;
	settled_count = 0;
	assert_int_equal(receipts_give(receipts, 1, serials, 2), 0); /* not open */
	receipts_edge_open(receipts, 1);
	receipts_edge_open(receipts, 2);
	uint32_t first = receipts_give(receipts, 1, serials, 2);
	uint32_t second = receipts_give(receipts, 2, serials, 1);
	assert_true(first && second && first != second);
	assert_int_equal(receipts_give(receipts, 1, serials, 0), 0);
	assert_int_equal(receipts_give(receipts, 0, serials, 1), 0);
	assert_false(receipts_take(receipts, 2, first, count_settled, NULL));
	assert_true(receipts_take(receipts, 1, first, count_settled, NULL));
	assert_int_equal(settled_count, 7);
	assert_false(receipts_take(receipts, 1, first, count_settled, NULL));
	receipts_edge_gone(receipts, 2);
	assert_false(receipts_take(receipts, 2, second, count_settled, NULL));
	assert_int_equal(receipts_give(receipts, 2, serials, 1), 0);
	assert_int_not_equal(receipts_give(receipts, 1, serials, 1), 0);
	receipts_free(receipts);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(old_receipts_make_room),
		cmocka_unit_test(receipts_are_good_once_on_their_edge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
