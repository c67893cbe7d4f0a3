/* Tests of lib/durable_file.c: what each step does, what it refuses, and the hooks that let a step fail or kill.
 *
 * On failure: cmocka names the line.
 */

/* With the hooks, in place of the archive's. */
#ifndef TIDEGATE_TEST_HOOKS
#define TIDEGATE_TEST_HOOKS
#endif
#include "lib/durable_file.c" /* NOLINT(bugprone-suspicious-include) */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>
#include <sys/wait.h>

#include "tests/unit/own_folder.h"

static int
set_up(void **state)
{
	static struct own_folder place;

	own_folder_open(&place);
	durable_hook_arm(0, 0, 0);
	*state = &place;
	return 0;
}

static int
tear_down(void **state)
{
	own_folder_clear(*state);
	return 0;
}

static void
check_content(const struct own_folder *place, const char *name, const char *expected)
{
	char text[4096] = { 0 };
	int fd = openat(place->fd, name, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof text - 1), (ssize_t)strlen(expected));
	assert_string_equal(text, expected);
	(void)close(fd);
}

static void
a_file_is_new_and_narrow(void **state)
{
	struct own_folder *place = *state;
	struct stat about;
	int fd = durable_create(place->fd, "a");

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &about), 0);
	assert_int_equal(about.st_mode, S_IFREG | 0600);
	assert_true(durable_write(fd, SPAN("hello")));
	assert_true(durable_sync(fd));
	assert_true(durable_close(fd));
	check_content(place, "a", "hello");
	assert_int_equal(durable_create(place->fd, "a"), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(symlinkat("nowhere", place->fd, "link"), 0);
	assert_int_equal(durable_create(place->fd, "link"), -1);
	assert_int_equal(durable_create(place->fd, "missing/a"), -1);
	assert_int_equal(errno, ENOENT);
}

static void
many_parts_are_written_in_order(void **state)
{
	struct own_folder *place = *state;
	struct span parts[50];
	char expected[51] = { 0 };
	int fd = durable_create(place->fd, "a");

	for (size_t i = 0; i < 50; i++) {
		expected[i] = (char)('A' + i % 26);
		parts[i] = span_make(&expected[i], 1);
	}
	assert_true(durable_writev(fd, parts, 50));
	assert_true(durable_writev(fd, parts, 0));
	parts[0] = span_make(NULL, 0);
	assert_true(durable_writev(fd, parts, 1));
	assert_true(durable_close(fd));
	check_content(place, "a", expected);
}

static void
renaming_replaces_only_when_it_shall(void **state)
{
	struct own_folder *place = *state;
	int fd = durable_create(place->fd, "a");

	assert_true(durable_write(fd, SPAN("a")));
	assert_true(durable_close(fd));
	fd = durable_create(place->fd, "b");
	assert_true(durable_close(fd));
	assert_false(durable_rename_new(place->fd, "a", place->fd, "b"));
	assert_int_equal(errno, EEXIST);
	assert_true(durable_rename_over(place->fd, "a", "b"));
	check_content(place, "b", "a");
	assert_true(durable_rename_new(place->fd, "b", place->fd, "a"));
	check_content(place, "a", "a");
	assert_false(durable_rename_new(place->fd, "b", place->fd, "c"));
	assert_int_equal(errno, ENOENT);
	assert_true(durable_sync_folder(place->fd));
	/* The way for file systems that cannot refuse by themselves. */
	fd = durable_create(place->fd, "b");
	assert_true(durable_close(fd));
	assert_false(rename_after_look(place->fd, "a", place->fd, "b"));
	assert_int_equal(errno, EEXIST);
	assert_true(durable_remove(place->fd, "b"));
	assert_true(rename_after_look(place->fd, "a", place->fd, "b"));
	check_content(place, "b", "a");
}

static void
what_is_gone_is_removed(void **state)
{
	struct own_folder *place = *state;
	struct stat about;

	assert_true(durable_remove(place->fd, "a"));
	assert_true(durable_make_folder(place->fd, "inner", 0700));
	assert_int_equal(fstatat(place->fd, "inner", &about, 0), 0);
	assert_int_equal(about.st_mode, S_IFDIR | 0700);
	assert_false(durable_make_folder(place->fd, "inner", 0700));
	assert_int_equal(errno, EEXIST);
	assert_false(durable_remove(place->fd, "inner"));
	assert_false(durable_sync(-1));
	assert_false(durable_close(-1));
	assert_false(durable_write(-1, SPAN("x")));
}

static void
a_step_can_be_made_to_fail(void **state)
{
	struct own_folder *place = *state;

	durable_hook_arm(1, ENOSPC, 0);
	assert_int_equal(durable_create(place->fd, "a"), -1);
	assert_int_equal(errno, ENOSPC);
	int fd = durable_create(place->fd, "a");
	assert_true(fd >= 0);
	assert_int_equal(durable_hook_steps(), 2);
	/* A write leaves half of its first part. */
	durable_hook_arm(1, EIO, 0);
	assert_false(durable_write(fd, SPAN("abcd")));
	assert_int_equal(errno, EIO);
	durable_hook_arm(2, EIO, 0);
	assert_true(durable_write(fd, SPAN("-")));
	const struct span parts[] = { SPAN("12"), SPAN("34") };
	assert_false(durable_writev(fd, parts, 2));
	/* A close closes all the same. */
	durable_hook_arm(1, EIO, 0);
	assert_false(durable_close(fd));
	assert_int_equal(errno, EIO);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	check_content(place, "a", "ab-1");
}

static void
a_step_can_be_made_to_kill(void **state)
{
	struct own_folder *place = *state;
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		durable_hook_arm(0, 0, 2);
		int fd = durable_create(place->fd, "a");
		(void)durable_write(fd, SPAN("abcd"));
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	check_content(place, "a", "ab");
}

/* In a child: what the environment says is read once, at the first step. */
static void
the_environment_arms_the_hooks(void **state)
{
	(void)state;
	assert_int_equal(setenv("TIDEGATE_DURABLE_FAIL", "3:28", 1), 0);
	assert_int_equal(setenv("TIDEGATE_DURABLE_KILL", "9", 1), 0);
	hook_read_environment();
	assert_int_equal(hook_fail_at, 3);
	assert_int_equal(hook_error, 28);
	assert_int_equal(hook_kill_at, 9);
	assert_int_equal(setenv("TIDEGATE_DURABLE_FAIL", "4", 1), 0);
	hook_read_environment();
	assert_int_equal(hook_fail_at, 4);
	assert_int_equal(hook_error, EIO);
	(void)unsetenv("TIDEGATE_DURABLE_FAIL");
	(void)unsetenv("TIDEGATE_DURABLE_KILL");
	durable_hook_arm(0, 0, 0);
}

int
main(void)
{
#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		IN_PLACE(a_file_is_new_and_narrow),
		IN_PLACE(many_parts_are_written_in_order),
		IN_PLACE(renaming_replaces_only_when_it_shall),
		IN_PLACE(what_is_gone_is_removed),
		IN_PLACE(a_step_can_be_made_to_fail),
		IN_PLACE(a_step_can_be_made_to_kill),
		IN_PLACE(the_environment_arms_the_hooks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
