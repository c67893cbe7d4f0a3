/* Hashes: every method is there, and one that cannot be computed takes as much work as one that can. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

#include "lookup/auth_hash.h"

/* Far more than libcrypt needs to refuse a hash, far less than it needs to compute one. */
enum { WORK_NS = 1000000 };

static uint64_t
cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void
test_every_method_can_be_loaded(void **state)
{
	(void)state;
	assert_true(auth_hash_load());
	assert_false(auth_hash_matches(SPAN("x"), SPAN("*0"), SPAN("")));
	assert_false(auth_hash_matches(SPAN("x"), SPAN(""), SPAN("")));
	assert_false(auth_hash_matches(SPAN("x"), SPAN("$6$salt"), SPAN("")));
}

static void
test_a_useless_hash_takes_work_too(void **state)
{
	static const struct span cut = SPAN("$2b$12$short");

	(void)state;
	uint64_t begun = cpu_ns();
	assert_false(auth_hash_matches(SPAN("x"), cut, cut));
	uint64_t matched = cpu_ns();
	assert_true(matched - begun > WORK_NS);
	auth_hash_waste(SPAN("x"), cut);
	uint64_t wasted = cpu_ns();
	assert_true(wasted - matched > WORK_NS);
	auth_hash_waste(SPAN("x"), SPAN(""));
	assert_true(cpu_ns() - wasted > WORK_NS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_method_can_be_loaded),
		cmocka_unit_test(test_a_useless_hash_takes_work_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
