/* lib/arena.c: zeroed, aligned memory below a limit, given back all at once.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/arena.h"

const char *__asan_default_options(void);

/* Tells a sanitizer to let malloc fail, as it does without one. */
const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void
memory_is_zeroed_and_aligned(void **state)
{
	struct arena arena = ARENA_LIMIT(1 << 20);

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (size_t size = 0; size < 300; size++) {
			unsigned char *memory = arena_alloc(&arena, size);

			assert_non_null(memory);
			assert_int_equal((uintptr_t)memory % alignof(max_align_t), 0);
			for (size_t i = 0; i < size; i++)
				assert_int_equal(memory[i], 0);
			memset(memory, 0xff, size);
		}
		arena_reset(&arena);
	}
}

static void
objects_do_not_overlap(void **state)
{
	enum { OBJECTS = 500 };
	struct arena arena = ARENA_LIMIT(1 << 20);
	unsigned char *objects[OBJECTS];

	(void)state;
	for (size_t i = 0; i < OBJECTS; i++) {
		objects[i] = arena_alloc(&arena, i + 1);
		assert_non_null(objects[i]);
		memset(objects[i], (int)(i & 255), i + 1);
	}
	for (size_t i = 0; i < OBJECTS; i++)
		for (size_t k = 0; k <= i; k++)
			assert_int_equal(objects[i][k], i & 255);
	arena_reset(&arena);
}

static void
an_untouched_arena_costs_nothing(void **state)
{
	struct arena arena = ARENA_LIMIT(1000);

	(void)state;
	assert_null(arena.chunks);
	arena_reset(&arena);
	assert_int_equal(arena.used_bytes, 0);
}

static void
stays_below_its_limit(void **state)
{
	struct arena arena = ARENA_LIMIT(10000);
	size_t given = 0;

	(void)state;
	while (arena_alloc(&arena, 16)) {
		given += 16;
		assert_true(arena.used_bytes <= 10000);
		assert_true(given <= 10000);
	}
	arena_reset(&arena);
	assert_int_equal(arena.used_bytes, 0);
	assert_non_null(arena_alloc(&arena, 16));
	arena_reset(&arena);
}

/* Chunks grow by doubling; the last one must shrink to what the limit leaves. */
static void
gives_out_most_of_its_limit(void **state)
{
	struct arena arena = ARENA_LIMIT(4096);
	size_t given = 0;

	(void)state;
	while (arena_alloc(&arena, 16))
		given += 16;
	assert_true(given > 4096 * 3 / 4);
	arena_reset(&arena);
}

static void
refuses_what_is_too_large_and_goes_on(void **state)
{
	struct arena arena = ARENA_LIMIT(1000);

	(void)state;
	assert_null(arena_alloc(&arena, SIZE_MAX));
	assert_null(arena_alloc(&arena, SIZE_MAX - 20));
	assert_null(arena_alloc(&arena, SIZE_MAX - 100));
	assert_null(arena_alloc(&arena, SIZE_MAX / 2));
	assert_null(arena_alloc(&arena, 1000));
	assert_non_null(arena_alloc(&arena, 500));
	assert_null(arena_alloc(&arena, 500));
	arena_reset(&arena);
}

static void
without_memory_it_says_so(void **state)
{
	struct arena arena = ARENA_LIMIT(SIZE_MAX);

	(void)state;
	assert_null(arena_alloc(&arena, SIZE_MAX / 2));
	assert_int_equal(arena.used_bytes, 0);
}

static void
copies_with_a_nul_behind(void **state)
{
	struct arena arena = ARENA_LIMIT(1000);
	struct span copy = arena_copy(&arena, SPAN("a\0b"));

	(void)state;
	assert_int_equal(copy.length, 3);
	assert_memory_equal(copy.data, "a\0b", 4);
	copy = arena_copy(&arena, span_make(NULL, 0));
	assert_int_equal(copy.length, 0);
	assert_string_equal(copy.data, "");
	copy = arena_copy(&arena, span_make("", 5000));
	assert_null(copy.data);
	assert_int_equal(copy.length, 0);
	arena_reset(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_and_aligned),
		cmocka_unit_test(objects_do_not_overlap),
		cmocka_unit_test(an_untouched_arena_costs_nothing),
		cmocka_unit_test(stays_below_its_limit),
		cmocka_unit_test(gives_out_most_of_its_limit),
		cmocka_unit_test(refuses_what_is_too_large_and_goes_on),
		cmocka_unit_test(without_memory_it_says_so),
		cmocka_unit_test(copies_with_a_nul_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
