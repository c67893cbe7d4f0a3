/* A folder descriptor that does not lead up: below a chroot, a descriptor of a folder outside of it reaches the whole
 * file system by "..", unless Landlock forbids it. A folder in a detached copy of its mount has nothing above it.
 *
 * Trust: the descriptor is the caller's own.
 * On failure: false with errno (EPERM without CAP_SYS_ADMIN, EINVAL in another mount namespace than the one where the
 * folder was opened, ENOSYS before Linux 5.2); the descriptor stays what it was, and only Landlock holds it.
 */
#ifndef TIDEGATE_LIB_FOLDER_WALL_H
#define TIDEGATE_LIB_FOLDER_WALL_H

#include <stdbool.h>

/* Replaces what is behind the descriptor, under the same number. Keeps one descriptor more open for as long as the
 * process lives: it holds the mounts below the folder. */
bool folder_wall_put_up(int folder);

/* The same as a descriptor of its own, which is a mere place (O_PATH): names can be looked up below it, nothing can be
 * read. Closing it is the caller's. -1 with errno. */
int folder_wall_copy(int folder);

#endif
