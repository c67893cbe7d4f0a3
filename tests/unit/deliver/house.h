/* What deliver's tests stand in: a temporary folder with a mailbox root and a journal folder, removed afterwards.
 *
 * On failure: the cmocka assertion names the line.
 */
#ifndef TIDEGATE_TESTS_UNIT_DELIVER_HOUSE_H
#define TIDEGATE_TESTS_UNIT_DELIVER_HOUSE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deliver/roots.h"
#include "lib/span.h"

struct house {
	char path[64];
	struct roots roots; /* one: path/root */
	int journal;        /* path/journal */
};

static inline int
house_remove_one(const char *path, const struct stat *about, int kind, struct FTW *walk)
{
	(void)about;
	(void)kind;
	(void)walk;
	return remove(path);
}

static inline int
house_open_rights(const char *path, const struct stat *about, int kind, struct FTW *walk)
{
	(void)walk;
	if (kind == FTW_D || kind == FTW_DNR)
		(void)chmod(path, about->st_mode | S_IRWXU);
	return 0;
}

static inline void
house_build_in(struct house *house, const char *base)
{
	char path[128];

	memset(house, 0, sizeof *house);
	(void)snprintf(house->path, sizeof house->path, "%s/tidegate-deliver-XXXXXX", base);
	assert_non_null(mkdtemp(house->path));
	(void)snprintf(path, sizeof path, "%s/root", house->path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(roots_add(&house->roots, path));
	(void)snprintf(path, sizeof path, "%s/journal", house->path);
	assert_int_equal(mkdir(path, 0700), 0);
	house->journal = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(house->journal >= 0);
}

static inline void
house_build(struct house *house)
{
	house_build_in(house, "/tmp");
}

/* Where fsync costs nothing, for tests of many steps; it makes no difference to what they look at. */
static inline void
house_build_fast(struct house *house)
{
	house_build_in(house, access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp");
}

static inline void
house_tear_down(struct house *house)
{
	roots_close(&house->roots);
	(void)close(house->journal);
	(void)nftw(house->path, house_open_rights, 16, FTW_PHYS);
	assert_int_equal(nftw(house->path, house_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* How many names but "." and ".." a folder below the mailbox root has; -1 when there is no such folder. The last one
 * seen goes to name, if that is given (256 bytes). */
static inline int
house_count(const struct house *house, const char *folder, char *name)
{
	char path[1024];
	int count = 0;

	(void)snprintf(path, sizeof path, "%s/root/%s", house->path, folder);
	DIR *names = opendir(path);
	if (!names)
		return -1;
	for (struct dirent *entry = readdir(names); entry; entry = readdir(names)) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (name)
			(void)snprintf(name, 256, "%s", entry->d_name);
		count++;
	}
	(void)closedir(names);
	return count;
}

/* A file's content with a NUL behind it, to be freed; path is below the mailbox root. */
static inline char *
house_read(const struct house *house, const char *folder, const char *name)
{
	char path[1024];
	struct stat about;

	(void)snprintf(path, sizeof path, "%s/root/%s/%s", house->path, folder, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &about), 0);
	char *text = malloc((size_t)about.st_size + 1);
	assert_non_null(text);
	assert_int_equal(read(fd, text, (size_t)about.st_size), about.st_size);
	text[about.st_size] = '\0';
	(void)close(fd);
	return text;
}

static inline void
house_write(const struct house *house, const char *place, const char *text)
{
	char path[1024];

	(void)snprintf(path, sizeof path, "%s/%s", house->path, place);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
}

/* A path below the temporary folder. */
static inline const char *
house_path(const struct house *house, const char *place, char path[static 1024])
{
	(void)snprintf(path, 1024, "%s/%s", house->path, place);
	return path;
}

#endif
