/* The detached mount of lib/folder_wall.h.
 *
 * On failure: see the header.
 */
#include "lib/folder_wall.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

/* In <fcntl.h> only from glibc 2.36 on. */
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

int
folder_wall_copy(int folder)
{
	return (int)syscall(SYS_open_tree, folder, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
}

bool
folder_wall_put_up(int folder)
{
	int copy =
	    (int)syscall(SYS_open_tree, folder, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);

	if (copy < 0)
		return false;
	/* The copy itself is a mere place (O_PATH), which cannot be read or synced. */
	int within = openat(copy, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = within >= 0 && dup3(within, folder, O_CLOEXEC) == folder;
	int error = errno;
	if (within >= 0)
		(void)close(within);
	if (!ok)
		(void)close(copy);
	errno = error;
	return ok;
}
