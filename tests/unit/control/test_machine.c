/* What the machine gives: the warning about open files goes by what the processes will ask for.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/machine.h"

enum { CONNECTIONS = 100, LOG_BYTES = 4096 };

static const struct config config = { .max_connections = CONNECTIONS };

/* Checks under that hard limit, without the right to go above it; what it leaves is the exit code. */
static _Noreturn void
check_limited(rlim_t files, int log)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct none[2] = { 0 };
	const struct rlimit limit = { files, files };

	if (dup2(log, STDERR_FILENO) < 0 || setrlimit(RLIMIT_NOFILE, &limit) != 0 ||
	    syscall(SYS_capset, &head, none) != 0)
		_exit(1);
	machine_check_open_files(&config);
	_exit(0);
}

/* The log of a check under that hard limit. */
static const char *
log_under(rlim_t files)
{
	static char text[LOG_BYTES];
	int ends[2];
	int status = -1;

	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		check_limited(files, ends[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(close(ends[1]), 0);
	ssize_t length = read(ends[0], text, sizeof text - 1);
	assert_true(length >= 0);
	text[length] = '\0';
	assert_int_equal(close(ends[0]), 0);
	return text;
}

static void
enough_for_what_is_asked_is_no_warning(void **state)
{
	(void)state;
	assert_string_equal(log_under(machine_open_files(&config)), "");
}

static void
less_than_what_is_asked_is_one(void **state)
{
	(void)state;
	assert_true(machine_open_files(&config) > CONNECTIONS + 1);
	assert_non_null(strstr(log_under(machine_open_files(&config) - 1), "max-connections = 100 "));
	assert_non_null(strstr(log_under(CONNECTIONS), "no more than 100 "));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(enough_for_what_is_asked_is_no_warning),
		cmocka_unit_test(less_than_what_is_asked_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
