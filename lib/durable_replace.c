/* The steps of lib/durable_replace.h.
 *
 * On failure: see the header.
 */
#include "lib/durable_replace.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "lib/durable_file.h"

static bool
write_aside(int folder, const char *aside, mode_t mode, durable_fill *fill, void *context)
{
	int fd = durable_create(folder, aside);

	if (fd < 0)
		return false;
	/* fchmod as well: the umask may have taken something away. */
	bool ok = fill(context, fd) && fchmod(fd, mode) == 0 && durable_sync(fd);
	int error = errno;
	bool is_closed = durable_close(fd);
	if (!ok)
		errno = error;
	return ok && is_closed;
}

enum durable_replaced
durable_replace(int folder, const char *name, mode_t mode, durable_fill *fill, void *context)
{
	char aside[NAME_MAX + 1];

	if ((size_t)snprintf(aside, sizeof aside, "%s.new", name) >= sizeof aside) {
		errno = ENAMETOOLONG;
		return DURABLE_UNCHANGED;
	}
	/* One that was left by a run that was cut off goes first. */
	if (durable_remove(folder, aside) && write_aside(folder, aside, mode, fill, context) &&
	    durable_rename_over(folder, aside, name))
		return durable_sync_folder(folder) ? DURABLE_REPLACED : DURABLE_UNSURE;
	int error = errno;
	(void)durable_remove(folder, aside);
	errno = error;
	return DURABLE_UNCHANGED;
}

static bool
fill_with(void *context, int fd)
{
	const struct span *bytes = context;

	return durable_write(fd, *bytes);
}

enum durable_replaced
durable_replace_with(int folder, const char *name, mode_t mode, struct span bytes)
{
	return durable_replace(folder, name, mode, fill_with, &bytes);
}
