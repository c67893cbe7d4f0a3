/* lib/folder_wall: "..", which leads up from a folder, leads nowhere from one behind the wall. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/folder_wall.h"
#include "tests/unit/own_folder.h"

enum { FINE, LEADS_UP, IS_NOT_USABLE, CANNOT_BE_HAD };

static struct own_folder top;

/* Does "../../…" from this descriptor reach a folder above its own? */
static bool
leads_up(int folder)
{
	struct stat here;
	struct stat above;

	return fstat(folder, &here) == 0 && fstatat(folder, "../../..", &above, 0) == 0 &&
	       (here.st_ino != above.st_ino || here.st_dev != above.st_dev);
}

/* Files can be made, moved and synced, as deliver does. */
static bool
is_usable(int folder)
{
	int file = openat(folder, "from", O_CREAT | O_WRONLY | O_EXCL, 0600);

	return file >= 0 && close(file) == 0 && mkdirat(folder, "new", 0700) == 0 &&
	       renameat2(folder, "from", folder, "new/to", RENAME_NOREPLACE) == 0 && fsync(folder) == 0 &&
	       unlinkat(folder, "new/to", 0) == 0 && unlinkat(folder, "new", AT_REMOVEDIR) == 0;
}

static int
try_wall(void)
{
	/* An ordinary user may copy mounts in namespaces of his own, and only what he opened in them. */
	if (geteuid() != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
		return CANNOT_BE_HAD;
	int folder = open(top.path, O_RDONLY | O_DIRECTORY);
	if (!leads_up(folder))
		return IS_NOT_USABLE;
	if (!folder_wall_put_up(folder))
		return CANNOT_BE_HAD;
	if (leads_up(folder))
		return LEADS_UP;
	return is_usable(folder) ? FINE : IS_NOT_USABLE;
}

static void
test_nothing_above(void **state)
{
	int wait_status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(try_wall());
	assert_int_equal(waitpid(pid, &wait_status, 0), pid);
	assert_true(WIFEXITED(wait_status));
	if (WEXITSTATUS(wait_status) == CANNOT_BE_HAD)
		skip();
	assert_int_equal(WEXITSTATUS(wait_status), FINE);
}

static void
test_no_folder(void **state)
{
	(void)state;
	assert_false(folder_wall_put_up(-1));
}

static int
set_up(void **state)
{
	(void)state;
	own_folder_open(&top);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	own_folder_close(&top);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_above),
		cmocka_unit_test(test_no_folder),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
