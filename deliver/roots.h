/* The mailbox roots: folders opened before the walls, and the only way into mailboxes below them.
 *
 * A path from the map is walked by the kernel with openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
 * RESOLVE_NO_MAGICLINKS), or one component at a time with O_NOFOLLOW where openat2 is missing: whatever a mailbox's
 * reader has put there, no link is followed and nothing outside of the root is reached.
 *
 * Trust: paths are root's, from the map, and are checked all the same; what lies below a root is the mailbox owner's.
 * On failure: -1 or false with errno set; ELOOP or ENOTDIR where a link stands in the way.
 */
#ifndef TIDEGATE_DELIVER_ROOTS_H
#define TIDEGATE_DELIVER_ROOTS_H

#include <stdbool.h>

enum { ROOTS_MAX = 16 };

struct roots {
	unsigned count;
	int folders[ROOTS_MAX]; /* owned */
};

/* Before the walls: opens one more root. Its index is its place in the order of the calls. False with errno EEXIST when
 * it is the same folder as an earlier one by another name: a mailbox would have two. */
bool roots_add(struct roots *roots, const char *path);
void roots_close(struct roots *roots);

/* Opens what lies at path below a root, with openat's flags. The descriptor is the caller's. */
int roots_open(const struct roots *roots, unsigned root, const char *path, int flags);
/* Opens the deepest folder on the way to path that exists (the root itself, if need be), as O_PATH. */
int roots_open_deepest(const struct roots *roots, unsigned root, const char *path);
/* Opens what lies at path below a folder, by the same rules. */
int roots_open_below(int folder, const char *path, int flags);
/* Could a name be made in this folder (O_PATH will do)? False with errno: EROFS, EACCES, … */
bool roots_is_writable(int folder);

/* Takes the next component off *path into name (255 bytes and a NUL). False with errno EINVAL when there is none, or it
 * is "", "." or "..", or it is too long. */
bool roots_next_component(const char **path, char name[static 256]);

#endif
