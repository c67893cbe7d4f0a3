/* control/backoff: how long a process that died waits for its next start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "control/backoff.h"

static void
test_backoff_doubles_up_to_half_a_minute(void **state)
{
	static const uint64_t expected[] = { 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000 };
	uint64_t wait_ms = 0;

	(void)state;
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		wait_ms = backoff_next_ms(wait_ms, 10);
		assert_int_equal(wait_ms, expected[i]);
	}
}

static void
test_a_calm_minute_forgives(void **state)
{
	(void)state;
	assert_int_equal(backoff_next_ms(30000, 60000), 100);
	assert_int_equal(backoff_next_ms(30000, 59999), 30000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backoff_doubles_up_to_half_a_minute),
		cmocka_unit_test(test_a_calm_minute_forgives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
