/* control/running: a process that lacks a wall is found out from its /proc/PID/status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "control/running.h"

enum { TEXT_LIMIT_BYTES = 4096 };

static const char good[] =
    "Name:\ttidegate-smtpd\nUid:\t70002\t70002\t70002\t70002\nGid:\t70002\t70002\t70002\t70002\n"
    "Groups:\t \nCapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
    "NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n";
static const struct account account = { 70002, 70002 };

static void
test_all_walls(void **state)
{
	struct buf problems = BUF_LIMIT(TEXT_LIMIT_BYTES);

	(void)state;
	running_compare(SPAN(good), &account, &problems);
	assert_int_equal(problems.length, 0);
	buf_free(&problems);
}

static void
test_each_missing_wall(void **state)
{
	static const struct {
		const char *right;
		const char *wrong;
		const char *problem;
	} cases[] = { { "Seccomp:\t2", "Seccomp:\t0", "Seccomp is" },
		{ "NoNewPrivs:\t1", "NoNewPrivs:\t0", "NoNewPrivs" },
		{ "Uid:\t70002\t70002", "Uid:\t70002\t00000", "Uid is" },
		{ "CapEff:\t0000", "CapEff:\t0001", "CapEff is" }, { "Seccomp:", "Sxccomp:", "Seccomp is \"\"" } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf problems = BUF_LIMIT(TEXT_LIMIT_BYTES);
		char text[sizeof good];

		memcpy(text, good, sizeof good);
		char *at = strstr(text, cases[i].right);
		assert_non_null(at);
		memcpy(at, cases[i].wrong, strlen(cases[i].wrong));
		running_compare(span_of(text), &account, &problems);
		assert_non_null(strstr(buf_text(&problems), cases[i].problem));
		buf_free(&problems);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_walls),
		cmocka_unit_test(test_each_missing_wall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
