/* The map in force: another file is taken once, a bad one never, and no descriptor is left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "control/compiled_map.h"
#include "tests/unit/open_descriptors.h"
#include "tests/unit/own_folder.h"

static struct own_folder folder;
static unsigned checks;
static struct compiled_map map;

/* A good one begins with "good". */
static bool
check(void *context, int fd, struct buf *why)
{
	char text[4] = { 0 };

	assert_ptr_equal(context, &checks);
	checks++;
	assert_true(pread(fd, text, sizeof text, 0) >= 0);
	buf_append_text(why, "it is not good");
	return memcmp(text, "good", sizeof text) == 0;
}

static void
put(const char *text)
{
	int fd = openat(map.folder, "new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(close(fd), 0);
	assert_int_equal(renameat(map.folder, "new", map.folder, map.name), 0);
}

static void
assert_in_force(const char *text)
{
	char there[16] = { 0 };

	assert_true(pread(map.fd, there, sizeof there, 0) >= 0);
	assert_string_equal(there, text);
}

/* Looks, and returns whether the log has heard that the map is refused. */
static bool
look_and_complain(void)
{
	char text[512] = { 0 };
	FILE *log = tmpfile();
	int before = dup(STDERR_FILENO);

	assert_non_null(log);
	assert_true(before >= 0 && dup2(fileno(log), STDERR_FILENO) >= 0);
	bool is_new = compiled_map_look(&map);
	assert_true(dup2(before, STDERR_FILENO) >= 0);
	(void)close(before);
	assert_false(is_new);
	assert_true(pread(fileno(log), text, sizeof text - 1, 0) >= 0);
	(void)fclose(log);
	return strstr(text, "is refused") != NULL;
}

static int
begin(void **state)
{
	(void)state;
	own_folder_open(&folder);
	map = (struct compiled_map){ .folder = folder.fd,
		.name = "map",
		.title = "map",
		.remedy = "make a good one",
		.check = check,
		.context = &checks,
		.fd = -1 };
	return 0;
}

static int
end(void **state)
{
	(void)state;
	compiled_map_close(&map);
	(void)unlinkat(map.folder, "map", 0);
	own_folder_close(&folder);
	return 0;
}

static void
the_last_good_one_stays(void **state)
{
	unsigned before = open_descriptors();

	(void)state;
	assert_false(compiled_map_look(&map));
	assert_int_equal(map.state, COMPILED_ABSENT);
	put("bad");
	assert_false(compiled_map_look(&map));
	assert_int_equal(map.state, COMPILED_REFUSED);
	assert_int_equal(map.fd, -1);
	assert_int_equal(open_descriptors(), before);

	put("good 1");
	assert_true(compiled_map_look(&map));
	assert_int_equal(map.state, COMPILED_IN_FORCE);
	assert_in_force("good 1");
	assert_false(compiled_map_look(&map));
	assert_int_equal(checks, 2);

	put("good 2");
	assert_true(compiled_map_look(&map));
	assert_in_force("good 2");
	put("bad");
	assert_false(compiled_map_look(&map));
	assert_false(compiled_map_look(&map));
	assert_int_equal(checks, 4);
	assert_int_equal(map.state, COMPILED_REFUSED);
	assert_in_force("good 2");
	assert_int_equal(unlinkat(map.folder, map.name, 0), 0);
	assert_false(compiled_map_look(&map));
	assert_int_equal(map.state, COMPILED_REFUSED);
	assert_in_force("good 2");
	assert_int_equal(open_descriptors(), before + 1);
}

static void
a_doubt_looks_again_and_finds_the_same(void **state)
{
	int fd = map.fd;

	(void)state;
	put("good 3");
	assert_true(compiled_map_look(&map));
	fd = map.fd;
	compiled_map_doubt(&map);
	checks = 0;
	assert_false(compiled_map_look(&map));
	assert_int_equal(checks, 1);
	assert_int_equal(map.fd, fd);
	assert_int_equal(map.state, COMPILED_IN_FORCE);
}

static void
a_link_is_not_followed(void **state)
{
	(void)state;
	assert_int_equal(unlinkat(map.folder, map.name, 0), 0);
	put("good 4");
	assert_int_equal(renameat(map.folder, map.name, map.folder, "aside"), 0);
	assert_int_equal(symlinkat("aside", map.folder, map.name), 0);
	assert_false(compiled_map_look(&map));
	assert_in_force("good 3");
	assert_int_equal(unlinkat(map.folder, "aside", 0), 0);
}

static void
a_loss_is_told_once_in_doubt_as_well(void **state)
{
	(void)state;
	(void)unlinkat(map.folder, map.name, 0);
	put("good 5");
	assert_true(compiled_map_look(&map));
	assert_int_equal(unlinkat(map.folder, map.name, 0), 0);
	compiled_map_doubt(&map);
	assert_true(look_and_complain());
	assert_int_equal(map.state, COMPILED_REFUSED);
	assert_false(look_and_complain());
	compiled_map_doubt(&map);
	assert_false(look_and_complain());
	assert_in_force("good 5");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_good_one_stays),
		cmocka_unit_test(a_doubt_looks_again_and_finds_the_same),
		cmocka_unit_test(a_link_is_not_followed),
		cmocka_unit_test(a_loss_is_told_once_in_doubt_as_well),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
