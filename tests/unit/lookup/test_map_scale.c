/* A million addresses compile in under two seconds, and the cost of a lookup does not depend on how many there are.
 * Measured in CPU time of this process, so that busy neighbours do not matter; under sanitizers it is only run. */
#include "tests/unit/lookup/map_fixture.h"

#include <time.h>

#ifdef TIDEGATE_SANITIZE
enum { MANY = 20000, IS_TIMED = 0 };
#else
enum { MANY = 1000000, IS_TIMED = 1 };
#endif

enum { FEW = 10, LOOKUPS = 200000 };

static double
cpu_seconds(void)
{
	struct timespec now;

	assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now), 0);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
write_users(struct map_fixture *fixture, unsigned count)
{
	FILE *file = fopen(fixture->recipients, "w");

	assert_non_null(file);
	for (unsigned i = 0; i < count; i++)
		assert_true(
		    fprintf(file, "user%07u@example%u.org  maildir%s\n", i, i % 100, i % 10 ? "" : "  quota=1G") > 0);
	assert_int_equal(fclose(file), 0);
}

/* Nanoseconds a lookup, over hits, sub-addresses, misses and foreign domains spread over the whole map. */
static double
lookup_ns(struct map_fixture *fixture, unsigned count)
{
	static const enum map_verdict verdicts[] = { MAP_DELIVER, MAP_DELIVER, MAP_UNKNOWN, MAP_NOT_OURS };
	double start = cpu_seconds();

	for (unsigned i = 0; i < LOOKUPS; i++) {
		char address[64];
		unsigned user = (unsigned)((uint64_t)i * 7919u % count);
		int length = snprintf(address, sizeof address, "user%07u@example%u.org", user, user % 100);

		switch (i % 4) {
		case 1:
			length = snprintf(address, sizeof address, "USER%07u+x@Example%u.org", user, user % 100);
			break;
		case 2:
			length = snprintf(address, sizeof address, "nobody%u@example%u.org", user, user % 10);
			break;
		case 3:
			length = snprintf(address, sizeof address, "user%07u@elsewhere%u.org", user, user % 100);
			break;
		default:
			break;
		}
		map_lookup(fixture->map, &fixture->rules, span_make(address, (size_t)length), &fixture->result);
		assert_int_equal(fixture->result.verdict, verdicts[i % 4]);
	}
	return (cpu_seconds() - start) * 1e9 / LOOKUPS;
}

static double
compile_seconds(struct map_fixture *fixture, unsigned count)
{
	write_users(fixture, count);
	double start = cpu_seconds();
	assert_true(map_fixture_compile(fixture, true));
	double seconds = cpu_seconds() - start;
	assert_int_equal(fixture->totals.addresses, count);
	map_fixture_load(fixture);
	return seconds;
}

static void
test_scale(void **state)
{
	struct map_fixture *fixture = map_fixture_open();

	(void)state;
	(void)compile_seconds(fixture, FEW);
	double few_ns = lookup_ns(fixture, FEW);
	double seconds = compile_seconds(fixture, MANY);
	double many_ns = lookup_ns(fixture, MANY);
	print_message("%d addresses: compiled in %.2f s; a lookup takes %.0f ns, among %d addresses %.0f ns\n", MANY,
	    seconds, many_ns, FEW, few_ns);
	if (IS_TIMED) {
		assert_true(seconds < 2.0);
		/* Caches are colder in a hundred megabytes; it must not grow with the count, which is 100,000 times
		 * more. */
		assert_true(many_ns < few_ns * 8 + 2000);
	}
	map_fixture_close(fixture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_scale) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
