/* What tells one version of a file from another, and one state of its rights.
 *
 * On failure: nothing here can fail.
 */
#ifndef TIDEGATE_CONTROL_FILE_IDENTITY_H
#define TIDEGATE_CONTROL_FILE_IDENTITY_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

/* All zero: no file. */
struct file_identity {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
};

struct file_identity file_identity_of(const struct stat *facts);
/* Of what a path leads to, links followed; zero, with errno, where that is nothing. */
struct file_identity file_identity_at(const char *path);
bool file_identity_equal(const struct file_identity *a, const struct file_identity *b);

#endif
