/* Finding and opening the programs of the plan.
 *
 * /proc may be missing (a bare chroot): the first place to look is where the kernel says this program was started
 * from.
 *
 * On failure: a sentence that names the program and where it was looked for.
 */
#include "control/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/auxv.h>
#include <unistd.h>

static const char *const beside[] = { "", "../libexec/tidegate/" };

/* Opens folder/PLACE/NAME; -1 when it is not there or cannot be run. */
static int
open_program(struct span folder, const char *place, const char *name)
{
	char path[PATH_MAX];
	int length = snprintf(path, sizeof path, "%.*s/%s%s", SPAN_ARG(folder), place, name);

	if (length < 0 || (size_t)length >= sizeof path || access(path, X_OK) != 0)
		return -1;
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int
open_near(struct span folder, const char *name)
{
	for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
		int fd = open_program(folder, beside[i], name);

		if (fd >= 0)
			return fd;
	}
	return -1;
}

/* The folder part of a path; "." when there is none. */
static struct span
folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return SPAN(".");
	return slash == path ? SPAN("/") : span_make(path, (size_t)(slash - path));
}

static int
open_along_path(const char *name)
{
	const char *path = getenv("PATH");
	struct span rest = path ? span_of(path) : span_make("", 0);

	while (rest.length) {
		size_t colon = span_find(rest, ':');
		int fd = colon ? open_near(span_take(rest, colon), name) : -1;

		if (fd >= 0)
			return fd;
		rest = span_skip(rest, colon + 1);
	}
	return -1;
}

static int
find_program(const char *name)
{
	const char *started_as = (const char *)(uintptr_t)getauxval(AT_EXECFN);
	char itself[PATH_MAX];
	int fd = -1;

	if (started_as && strchr(started_as, '/'))
		fd = open_near(folder_of(started_as), name);
	if (fd >= 0)
		return fd;
	/* Started through a link from elsewhere. */
	ssize_t length = readlink("/proc/self/exe", itself, sizeof itself - 1);
	if (length > 0) {
		itself[length] = '\0';
		fd = open_near(folder_of(itself), name);
	}
	return fd >= 0 ? fd : open_along_path(name);
}

void
programs_init(struct programs *programs)
{
	for (enum role role = ROLE_MASTER; role < ROLE_COUNT; role++)
		programs->fds[role] = -1;
	programs->null_in = -1;
	programs->null_out = -1;
}

bool
programs_open(struct programs *programs, struct buf *why)
{
	programs_init(programs);
	/* Two of them: where a child has no other descriptor at a fixed number it has one that cannot be written to. */
	programs->null_in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	programs->null_out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (programs->null_in < 0 || programs->null_out < 0) {
		buf_printf(why, "/dev/null: %s; make it (mknod -m 666 /dev/null c 1 3)", strerror(errno));
		programs_close(programs);
		return false;
	}
	for (enum role role = ROLE_DOOR; role < ROLE_COUNT; role++) {
		const char *name = plan_row(role)->name;

		programs->fds[role] = find_program(name);
		if (programs->fds[role] >= 0)
			continue;
		buf_printf(why,
		    "the program %s is neither beside tidegate nor in ../libexec/tidegate from there; install it",
		    name);
		programs_close(programs);
		return false;
	}
	return true;
}

static void
close_one(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void
programs_close(struct programs *programs)
{
	for (enum role role = ROLE_MASTER; role < ROLE_COUNT; role++)
		close_one(&programs->fds[role]);
	close_one(&programs->null_in);
	close_one(&programs->null_out);
}
