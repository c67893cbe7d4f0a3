/* lib/clock.c: time for deadlines and time for people, the latter always in UTC.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <seccomp.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"

enum { SECOND = 1000000 };

static void
assert_formats(uint64_t wall_us, const char *iso, const char *mail)
{
	char text[CLOCK_MAIL_SIZE];
	char iso_text[CLOCK_ISO_SIZE];

	clock_format_iso(wall_us, iso_text);
	assert_string_equal(iso_text, iso);
	clock_format_mail(wall_us, text);
	assert_string_equal(text, mail);
}

/* A process behind its walls dies of an attempt to open a file; gmtime_r() once opened /etc/localtime. This must be
 * the first use of the clock in this program, since libc looks for the file only once. */
static void
no_file_is_opened(void **state)
{
	int status;
	pid_t child = fork();

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		char iso[CLOCK_ISO_SIZE];
		char mail[CLOCK_MAIL_SIZE];
		scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

		if (!filter || seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(openat), 0) != 0 ||
		    seccomp_load(filter) != 0)
			_exit(1);
		clock_format_iso(clock_wall_us(), iso);
		clock_format_mail(clock_wall_us(), mail);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void
formats_for_logs_and_mail(void **state)
{
	(void)state;
	assert_formats(0, "1970-01-01T00:00:00.000Z", "Thu, 1 Jan 1970 00:00:00 +0000");
	assert_formats(
	    UINT64_C(1795326718) * SECOND + 123999, "2026-11-22T05:51:58.123Z", "Sun, 22 Nov 2026 05:51:58 +0000");
	assert_formats(UINT64_C(951868799) * SECOND, "2000-02-29T23:59:59.000Z", "Tue, 29 Feb 2000 23:59:59 +0000");
	assert_formats(UINT64_C(951868800) * SECOND, "2000-03-01T00:00:00.000Z", "Wed, 1 Mar 2000 00:00:00 +0000");
	assert_formats(UINT64_C(1735689599) * SECOND, "2024-12-31T23:59:59.000Z", "Tue, 31 Dec 2024 23:59:59 +0000");
	assert_formats(UINT64_C(951827696) * SECOND, "2000-02-29T12:34:56.000Z", "Tue, 29 Feb 2000 12:34:56 +0000");
	assert_formats(
	    UINT64_C(4107542399) * SECOND + 999999, "2100-02-28T23:59:59.999Z", "Sun, 28 Feb 2100 23:59:59 +0000");
}

static void
the_farthest_time_still_fits(void **state)
{
	char iso[CLOCK_ISO_SIZE];
	char mail[CLOCK_MAIL_SIZE];

	(void)state;
	clock_format_iso(UINT64_MAX, iso);
	clock_format_mail(UINT64_MAX, mail);
	assert_int_equal(iso[strlen(iso) - 1], 'Z');
	assert_string_equal(mail + strlen(mail) - 6, " +0000");
}

/* A zone in the environment changes nothing. */
static void
no_time_zone_matters(void **state)
{
	(void)state;
	assert_int_equal(setenv("TZ", "XYZ-5:30", 1), 0);
	tzset();
	assert_formats(0, "1970-01-01T00:00:00.000Z", "Thu, 1 Jan 1970 00:00:00 +0000");
	assert_int_equal(unsetenv("TZ"), 0);
	tzset();
}

static void
the_monotonic_clock_never_goes_back(void **state)
{
	uint64_t us = clock_monotonic_us();
	uint64_t ms = clock_monotonic_ms();

	(void)state;
	assert_true(ms >= us / 1000);
	for (int i = 0; i < 10000; i++) {
		uint64_t now = clock_monotonic_us();

		assert_true(now >= us);
		us = now;
	}
	assert_true(clock_monotonic_ms() <= clock_monotonic_us() / 1000);
}

static void
the_wall_clock_is_that_of_the_system(void **state)
{
	time_t before = time(NULL);
	uint64_t now = clock_wall_us() / SECOND;

	(void)state;
	/* time() may lag a tick behind clock_gettime(), never more than a second. */
	assert_in_range(now, (uint64_t)before, (uint64_t)time(NULL) + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_file_is_opened),
		cmocka_unit_test(formats_for_logs_and_mail),
		cmocka_unit_test(the_farthest_time_still_fits),
		cmocka_unit_test(no_time_zone_matters),
		cmocka_unit_test(the_monotonic_clock_never_goes_back),
		cmocka_unit_test(the_wall_clock_is_that_of_the_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
