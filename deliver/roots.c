/* The roots of deliver/roots.h.
 *
 * On failure: see deliver/roots.h.
 */
#include "deliver/roots.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NAME_BYTES = 255, ATTEMPTS = 8 };

static bool
is_same_folder(int a, int b)
{
	struct stat of_a;
	struct stat of_b;

	return fstat(a, &of_a) == 0 && fstat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

bool
roots_add(struct roots *roots, const char *path)
{
	if (roots->count == ROOTS_MAX) {
		errno = ENOSPC;
		return false;
	}
	int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return false;
	for (unsigned i = 0; i < roots->count; i++) {
		if (!is_same_folder(folder, roots->folders[i]))
			continue;
		(void)close(folder);
		errno = EEXIST;
		return false;
	}
	roots->folders[roots->count++] = folder;
	return true;
}

void
roots_close(struct roots *roots)
{
	while (roots->count)
		(void)close(roots->folders[--roots->count]);
}

bool
roots_next_component(const char **path, char name[static 256])
{
	size_t length = strcspn(*path, "/");

	if (length == 0 || length > NAME_BYTES || (length <= 2 && strncmp(*path, "..", length) == 0)) {
		errno = EINVAL;
		return false;
	}
	memcpy(name, *path, length);
	name[length] = '\0';
	*path += length;
	if (**path == '/')
		(*path)++;
	return true;
}

/* For kernels and containers without openat2. */
static int
walk(int folder, const char *path, int flags)
{
	char name[NAME_BYTES + 1];
	int at = folder;
	int next;

	while (true) {
		if (!roots_next_component(&path, name)) {
			next = -1;
			break;
		}
		bool is_last = *path == '\0';
		int how = is_last ? flags : O_PATH | O_DIRECTORY;

		next = openat(at, name, how | O_NOFOLLOW | O_CLOEXEC);
		if (is_last || next < 0)
			break;
		if (at != folder)
			(void)close(at);
		at = next;
	}
	int error = errno;
	if (at != folder)
		(void)close(at);
	errno = error;
	return next;
}

int
roots_open_below(int folder, const char *path, int flags)
{
	static atomic_bool lacks_openat2;
	struct open_how how = { .flags = (unsigned)(flags | O_NOFOLLOW | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };

	if (atomic_load_explicit(&lacks_openat2, memory_order_relaxed))
		return walk(folder, path, flags);
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		int fd = (int)syscall(SYS_openat2, folder, path, &how, sizeof how);

		if (fd >= 0)
			return fd;
		/* EPERM: the answer of old containers to calls that they do not know. */
		if (errno == ENOSYS || errno == EPERM) {
			atomic_store(&lacks_openat2, true);
			return walk(folder, path, flags);
		}
		/* EAGAIN: something was renamed during the walk. */
		if (errno != EAGAIN && errno != EINTR)
			return -1;
	}
	return -1;
}

int
roots_open(const struct roots *roots, unsigned root, const char *path, int flags)
{
	if (root >= roots->count) {
		errno = EINVAL;
		return -1;
	}
	return roots_open_below(roots->folders[root], path, flags);
}

int
roots_open_deepest(const struct roots *roots, unsigned root, const char *path)
{
	char name[NAME_BYTES + 1];

	if (root >= roots->count) {
		errno = EINVAL;
		return -1;
	}
	int at = openat(roots->folders[root], ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	while (at >= 0 && *path) {
		if (!roots_next_component(&path, name)) {
			(void)close(at);
			return -1;
		}
		int next = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		int error = errno;

		if (next < 0 && error == ENOENT)
			return at;
		(void)close(at);
		errno = error;
		at = next;
	}
	return at;
}

bool
roots_is_writable(int folder)
{
	return faccessat(folder, ".", W_OK | X_OK, 0) == 0;
}
