/* What deliver's tests stand in: a temporary folder with a mailbox root and a journal folder, removed afterwards.
 *
 * On failure: the cmocka assertion names the line.
 */
#ifndef TIDEGATE_TESTS_UNIT_DELIVER_HOUSE_H
#define TIDEGATE_TESTS_UNIT_DELIVER_HOUSE_H

#include "tests/unit/own_folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "deliver/roots.h"
#include "lib/span.h"

struct house {
	struct own_folder folder;
	struct roots roots; /* one: path/root */
	int journal;        /* path/journal */
};

static inline void
house_furnish(struct house *house)
{
	char path[300];

	house->roots = (struct roots){ 0 };
	(void)snprintf(path, sizeof path, "%s/root", house->folder.path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(roots_add(&house->roots, path));
	(void)snprintf(path, sizeof path, "%s/journal", house->folder.path);
	assert_int_equal(mkdir(path, 0700), 0);
	house->journal = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(house->journal >= 0);
}

static inline void
house_build(struct house *house)
{
	own_folder_open(&house->folder);
	house_furnish(house);
}

/* As own_folder_open_fast(). */
static inline void
house_build_fast(struct house *house)
{
	own_folder_open_fast(&house->folder);
	house_furnish(house);
}

static inline void
house_tear_down(struct house *house)
{
	roots_close(&house->roots);
	(void)close(house->journal);
	own_folder_clear(&house->folder);
}

/* How many names but "." and ".." a folder below the mailbox root has; -1 when there is no such folder. The last one
 * seen goes to name, if that is given (256 bytes). */
static inline int
house_count(const struct house *house, const char *folder, char *name)
{
	char path[1024];
	int count = 0;

	(void)snprintf(path, sizeof path, "%s/root/%s", house->folder.path, folder);
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

	(void)snprintf(path, sizeof path, "%s/root/%s/%s", house->folder.path, folder, name);
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

	(void)snprintf(path, sizeof path, "%s/%s", house->folder.path, place);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
}

/* A path below the temporary folder. */
static inline const char *
house_path(const struct house *house, const char *place, char path[static 1024])
{
	(void)snprintf(path, 1024, "%s/%s", house->folder.path, place);
	return path;
}

#endif
