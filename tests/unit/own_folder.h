/* A temporary folder of the test's own, below $TMPDIR or $TIDEGATE_TEST_MEMORY, where tests/run.py removes also what a
 * failed test leaves.
 *
 * On failure: the running test, or its set-up, fails.
 */
#ifndef TIDEGATE_TESTS_UNIT_OWN_FOLDER_H
#define TIDEGATE_TESTS_UNIT_OWN_FOLDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct own_folder {
	char path[256];
	int fd;
};

static inline void
own_folder_open_in(struct own_folder *folder, const char *base)
{
	(void)snprintf(folder->path, sizeof folder->path, "%s/tidegate-XXXXXX", base);
	assert_non_null(mkdtemp(folder->path));
	folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(folder->fd >= 0);
}

static inline void
own_folder_open(struct own_folder *folder)
{
	const char *base = getenv("TMPDIR");

	own_folder_open_in(folder, base ? base : "/tmp");
}

/* Where fsync costs nothing, for tests of many steps; it makes no difference to what they look at. */
static inline void
own_folder_open_fast(struct own_folder *folder)
{
	const char *base = getenv("TIDEGATE_TEST_MEMORY");

	if (base)
		own_folder_open_in(folder, base);
	else
		own_folder_open(folder);
}

/* Removes the folder, which must be empty: what is left in it by mistake fails the test. */
static inline void
own_folder_close(struct own_folder *folder)
{
	assert_int_equal(close(folder->fd), 0);
	assert_int_equal(rmdir(folder->path), 0);
}

static inline int
own_folder_open_rights(const char *path, const struct stat *about, int kind, struct FTW *walk)
{
	(void)walk;
	if (kind == FTW_D || kind == FTW_DNR)
		(void)chmod(path, about->st_mode | S_IRWXU);
	return 0;
}

static inline int
own_folder_remove_one(const char *path, const struct stat *about, int kind, struct FTW *walk)
{
	(void)about;
	(void)kind;
	(void)walk;
	return remove(path);
}

/* Removes a folder and everything below it, also what nobody had rights to. */
static inline void
own_folder_remove(const char *path)
{
	(void)nftw(path, own_folder_open_rights, 16, FTW_PHYS);
	assert_int_equal(nftw(path, own_folder_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* The same with everything in it. */
static inline void
own_folder_clear(struct own_folder *folder)
{
	assert_int_equal(close(folder->fd), 0);
	own_folder_remove(folder->path);
}

#endif
