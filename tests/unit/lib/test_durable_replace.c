/* lib/durable_replace: the new file or the old one, and nothing beside them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/durable_replace.h"
#include "tests/unit/own_folder.h"

static struct own_folder own;
static int folder = -1;

static int
begin(void **state)
{
	(void)state;
	own_folder_open(&own);
	folder = own.fd;
	return 0;
}

/* The folder must be empty but for the file. */
static int
end(void **state)
{
	(void)state;
	(void)unlinkat(folder, "file", 0);
	own_folder_close(&own);
	return 0;
}

static void
expect(const char *text, mode_t mode)
{
	char there[64] = { 0 };
	struct stat facts;
	int fd = openat(folder, "file", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	assert_true(fd >= 0);
	assert_true(read(fd, there, sizeof there - 1) >= 0);
	assert_int_equal(fstat(fd, &facts), 0);
	assert_int_equal(close(fd), 0);
	assert_string_equal(there, text);
	assert_int_equal(facts.st_mode & 07777, mode);
}

static bool
fill_half(void *context, int fd)
{
	(void)context;
	assert_int_equal(write(fd, "half", 4), 4);
	errno = ENOSPC;
	return false;
}

static void
one_comes_after_the_other(void **state)
{
	mode_t before = umask(077);

	(void)state;
	assert_int_equal(durable_replace_with(folder, "file", 0644, SPAN("one")), DURABLE_REPLACED);
	(void)umask(before);
	expect("one", 0644);
	assert_int_equal(durable_replace_with(folder, "file", 0600, SPAN("two")), DURABLE_REPLACED);
	expect("two", 0600);
}

static void
what_fails_leaves_the_old_one(void **state)
{
	char name[NAME_MAX];

	(void)state;
	assert_int_equal(durable_replace(folder, "file", 0644, fill_half, NULL), DURABLE_UNCHANGED);
	assert_int_equal(errno, ENOSPC);
	expect("two", 0600);
	assert_int_equal(faccessat(folder, "file.new", F_OK, 0), -1);
	memset(name, 'n', sizeof name);
	name[sizeof name - 1] = '\0';
	assert_int_equal(durable_replace_with(folder, name, 0600, SPAN("x")), DURABLE_UNCHANGED);
	assert_int_equal(errno, ENAMETOOLONG);
}

static void
what_lies_in_the_way_is_not_followed(void **state)
{
	(void)state;
	assert_int_equal(symlinkat("elsewhere", folder, "file.new"), 0);
	assert_int_equal(durable_replace_with(folder, "file", 0600, SPAN("three")), DURABLE_REPLACED);
	expect("three", 0600);
	assert_int_equal(faccessat(folder, "elsewhere", F_OK, 0), -1);
	assert_int_equal(unlinkat(folder, "file", 0), 0);
	assert_int_equal(symlinkat("elsewhere", folder, "file"), 0);
	assert_int_equal(durable_replace_with(folder, "file", 0600, SPAN("four")), DURABLE_REPLACED);
	expect("four", 0600);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_comes_after_the_other),
		cmocka_unit_test(what_fails_leaves_the_old_one),
		cmocka_unit_test(what_lies_in_the_way_is_not_followed),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
