/* The durable steps of lib/durable_file.h, one system call each where the kernel allows it.
 *
 * Trust: every name is a single component, opened below its folder without following links.
 * On failure: false with errno set. A short write is carried on; an interrupted call is made again; a failed fsync is
 * not, because the kernel may have dropped the pages that it could not write and the second call would say "done".
 */
#include "lib/durable_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef TIDEGATE_TEST_HOOKS
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#endif

enum { VECTOR_PARTS = 16 };

enum step { STEP_GO, STEP_FAIL, STEP_KILL };

#ifdef TIDEGATE_TEST_HOOKS

static pthread_once_t hook_once = PTHREAD_ONCE_INIT;
static atomic_ulong hook_steps;
static atomic_ulong hook_fail_at;
static atomic_ulong hook_kill_at;
static atomic_int hook_error;

static void
hook_read_environment(void)
{
	const char *fail = getenv("TIDEGATE_DURABLE_FAIL");
	const char *killing = getenv("TIDEGATE_DURABLE_KILL");
	char *colon = NULL;

	if (fail) {
		atomic_store(&hook_fail_at, strtoul(fail, &colon, 10));
		atomic_store(&hook_error, *colon == ':' ? (int)strtol(colon + 1, NULL, 10) : EIO);
	}
	if (killing)
		atomic_store(&hook_kill_at, strtoul(killing, NULL, 10));
}

void
durable_hook_arm(unsigned long fail_at, int error, unsigned long kill_at)
{
	(void)pthread_once(&hook_once, hook_read_environment);
	atomic_store(&hook_steps, 0);
	atomic_store(&hook_fail_at, fail_at);
	atomic_store(&hook_error, error);
	atomic_store(&hook_kill_at, kill_at);
}

unsigned long
durable_hook_steps(void)
{
	return atomic_load(&hook_steps);
}

/* Counts one durable step and says what becomes of it. */
static enum step
hook_step(void)
{
	(void)pthread_once(&hook_once, hook_read_environment);
	unsigned long step = atomic_fetch_add(&hook_steps, 1) + 1;
	if (step == atomic_load(&hook_kill_at))
		return STEP_KILL;
	if (step != atomic_load(&hook_fail_at))
		return STEP_GO;
	errno = atomic_load(&hook_error);
	return STEP_FAIL;
}

static void
hook_kill(void)
{
	(void)kill(getpid(), SIGKILL);
	__builtin_trap(); /* where a wall forbids kill() */
}

#else

static inline enum step
hook_step(void)
{
	return STEP_GO;
}

static inline void
hook_kill(void)
{
}

#endif

/* May the step go on? errno is set when not. */
static bool
step_begin(void)
{
	enum step step = hook_step();

	if (step == STEP_KILL)
		hook_kill();
	return step == STEP_GO;
}

static bool
write_all(int fd, struct span bytes)
{
	while (bytes.length) {
		ssize_t written = write(fd, bytes.data, bytes.length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written == 0)
			errno = EIO;
		if (written <= 0)
			return false;
		bytes = span_skip(bytes, (size_t)written);
	}
	return true;
}

/* The beginning of a write. One that is to break leaves half of its first part behind, as a torn one does. */
static bool
step_begin_write(int fd, struct span first)
{
	enum step step = hook_step();

	if (step == STEP_GO)
		return true;
	int error = errno;
	(void)write_all(fd, span_take(first, first.length / 2));
	if (step == STEP_KILL)
		hook_kill();
	errno = error;
	return false;
}

int
durable_create(int folder, const char *name)
{
	int fd;

	if (!step_begin())
		return -1;
	do {
		fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	} while (fd < 0 && errno == EINTR);
	return fd;
}

bool
durable_write(int fd, struct span bytes)
{
	return step_begin_write(fd, bytes) && write_all(fd, bytes);
}

/* Writes what is left of up to VECTOR_PARTS parts after their first `done` bytes; how many bytes, or -1. */
static ssize_t
write_parts(int fd, const struct span *parts, size_t count, size_t done)
{
	struct iovec vectors[VECTOR_PARTS];
	int used = 0;

	for (size_t i = 0; i < count; i++) {
		struct span rest = span_skip(parts[i], done);

		done -= parts[i].length - rest.length;
		if (rest.length)
			vectors[used++] = (struct iovec){ (char *)(uintptr_t)rest.data, rest.length };
	}
	if (used == 0)
		return 0;
	return writev(fd, vectors, used);
}

static bool
write_group(int fd, const struct span *parts, size_t count)
{
	size_t total = 0;
	size_t done = 0;

	for (size_t i = 0; i < count; i++)
		total += parts[i].length;
	while (done < total) {
		ssize_t written = write_parts(fd, parts, count, done);

		if (written < 0 && errno == EINTR)
			continue;
		if (written == 0)
			errno = EIO;
		if (written <= 0)
			return false;
		done += (size_t)written;
	}
	return true;
}

bool
durable_writev(int fd, const struct span *parts, size_t count)
{
	if (!step_begin_write(fd, count ? parts[0] : SPAN("")))
		return false;
	while (count) {
		size_t group = count < VECTOR_PARTS ? count : VECTOR_PARTS;

		if (!write_group(fd, parts, group))
			return false;
		parts += group;
		count -= group;
	}
	return true;
}

bool
durable_sync(int fd)
{
	return step_begin() && fsync(fd) == 0;
}

bool
durable_close(int fd)
{
	bool may_go_on = step_begin();
	int error = errno;

	/* Linux has let go of the descriptor even when close() was interrupted. */
	bool closed = close(fd) == 0 || errno == EINTR;
	if (!may_go_on)
		errno = error;
	return may_go_on && closed;
}

/* For file systems without RENAME_NOREPLACE, such as NFS: look first. The names are unique, so nobody can take one
 * between the look and the rename but by intent, and whoever may write there may do anything. */
static bool
rename_after_look(int from_folder, const char *from, int to_folder, const char *to)
{
	int fd = openat(to_folder, to, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0) {
		(void)close(fd);
		errno = EEXIST;
		return false;
	}
	return errno == ENOENT && renameat2(from_folder, from, to_folder, to, 0) == 0;
}

bool
durable_rename_new(int from_folder, const char *from, int to_folder, const char *to)
{
	if (!step_begin())
		return false;
	if (renameat2(from_folder, from, to_folder, to, RENAME_NOREPLACE) == 0)
		return true;
	return errno == EINVAL && rename_after_look(from_folder, from, to_folder, to);
}

bool
durable_rename_over(int folder, const char *from, const char *to)
{
	return step_begin() && renameat2(folder, from, folder, to, 0) == 0;
}

bool
durable_remove(int folder, const char *name)
{
	return step_begin() && (unlinkat(folder, name, 0) == 0 || errno == ENOENT);
}

bool
durable_make_folder(int folder, const char *name, mode_t mode)
{
	return step_begin() && mkdirat(folder, name, mode) == 0;
}

bool
durable_sync_folder(int folder)
{
	return step_begin() && fsync(folder) == 0;
}
