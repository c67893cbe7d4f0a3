/* lib/budget, and how buffers and arenas are paid from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/budget.h"

static void
test_each_need_has_its_limit(void **state)
{
	struct budget budget = { .limit_bytes = 800 };

	(void)state;
	assert_false(budget_take(&budget, BUDGET_DISPENSABLE, 601));
	assert_true(budget_take(&budget, BUDGET_DISPENSABLE, 600));
	assert_false(budget_take(&budget, BUDGET_DISPENSABLE, 1));
	assert_false(budget_take(&budget, BUDGET_NEWCOMER, 101));
	assert_true(budget_take(&budget, BUDGET_NEWCOMER, 100));
	assert_false(budget_take(&budget, BUDGET_UNDER_WAY, 101));
	assert_false(budget_has_room(&budget, BUDGET_UNDER_WAY, UINT64_MAX));
	assert_true(budget_take(&budget, BUDGET_UNDER_WAY, 100));
	assert_int_equal(budget.refusals, 4);
	assert_int_equal(budget.peak_bytes, 800);
	budget_give(&budget, 800);
	assert_int_equal(budget.used_bytes, 0);
	assert_int_equal(budget.peak_bytes, 800);
}

/* A reload may lower the limit below what is in use. */
static void
test_lowered_limit(void **state)
{
	struct budget budget = { .limit_bytes = 800 };

	(void)state;
	assert_true(budget_take(&budget, BUDGET_UNDER_WAY, 700));
	budget.limit_bytes = 100;
	assert_false(budget_take(&budget, BUDGET_UNDER_WAY, 0));
	assert_false(budget_take(&budget, BUDGET_UNDER_WAY, 1));
	budget_give(&budget, 650);
	assert_true(budget_take(&budget, BUDGET_UNDER_WAY, 50));
	budget_give(&budget, 100);
}

/* Once for each fall: what is left is the new height. */
static void
test_fall(void **state)
{
	struct budget budget = { .limit_bytes = 800 };

	(void)state;
	assert_true(budget_take(&budget, BUDGET_UNDER_WAY, 500));
	assert_false(budget_take_fall(&budget, 100));
	budget_give(&budget, 99);
	assert_false(budget_take_fall(&budget, 100));
	budget_give(&budget, 1);
	assert_true(budget_take_fall(&budget, 100));
	assert_false(budget_take_fall(&budget, 100));
	assert_true(budget_take(&budget, BUDGET_UNDER_WAY, 50));
	budget_give(&budget, 150);
	assert_true(budget_take_fall(&budget, 150));
	assert_int_equal(budget.peak_bytes, 500);
}

static void
test_buffers_pay_for_their_capacity(void **state)
{
	struct budget budget = { .limit_bytes = 1000 };
	struct buf buf = BUF_PAID_BY(&budget, 10000);

	(void)state;
	for (int i = 0; i < 500; i++)
		buf_append_char(&buf, 'x');
	assert_true(buf_ok(&buf));
	assert_int_equal(budget.used_bytes, buf.capacity);
	buf_consume(&buf, 400);
	assert_int_equal(budget.used_bytes, buf.capacity);
	for (int i = 0; i < 1000; i++)
		buf_append_char(&buf, 'x');
	assert_false(buf_ok(&buf));
	assert_int_equal(budget.used_bytes, buf.capacity);
	buf_free(&buf);
	assert_int_equal(budget.used_bytes, 0);
	/* A large one is dispensable. */
	budget.limit_bytes = 2 * BUF_SMALL_BYTES;
	buf.limit_bytes = 4 * BUF_SMALL_BYTES;
	assert_true(budget_take(&budget, BUDGET_NEWCOMER, BUF_SMALL_BYTES / 2));
	assert_non_null(buf_reserve(&buf, BUF_SMALL_BYTES));
	assert_null(buf_reserve(&buf, BUF_SMALL_BYTES + 1));
	buf_reset(&buf);
	buf_free(&buf);
	budget_give(&budget, BUF_SMALL_BYTES / 2);
	/* The payer stays. */
	buf_append_char(&buf, 'x');
	assert_int_equal(budget.used_bytes, buf.capacity);
	buf_free(&buf);
}

static void
test_arenas_pay_for_their_chunks(void **state)
{
	struct budget budget = { .limit_bytes = 1000 };
	struct arena arena = ARENA_PAID_BY(&budget, 10000);
	unsigned given = 0;

	(void)state;
	while (given < 1000 && arena_alloc(&arena, 16))
		given++;
	assert_in_range(given, 10, 60);
	assert_int_equal(budget.used_bytes, arena.used_bytes);
	arena_reset(&arena);
	assert_int_equal(budget.used_bytes, 0);
	assert_non_null(arena_alloc(&arena, 16));
	arena_reset(&arena);
	assert_int_equal(budget.used_bytes, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_need_has_its_limit),
		cmocka_unit_test(test_lowered_limit),
		cmocka_unit_test(test_fall),
		cmocka_unit_test(test_buffers_pay_for_their_capacity),
		cmocka_unit_test(test_arenas_pay_for_their_chunks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
