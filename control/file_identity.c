/* The facts of control/file_identity.h.
 *
 * On failure: see the header.
 */
#include "control/file_identity.h"

struct file_identity
file_identity_of(const struct stat *facts)
{
	/* st_ctim and not st_mtim: not only what is in a file counts, but who may read it, too. */
	return (struct file_identity){ facts->st_dev, facts->st_ino, facts->st_size, facts->st_ctim };
}

struct file_identity
file_identity_at(const char *path)
{
	struct stat facts;

	return stat(path, &facts) == 0 ? file_identity_of(&facts) : (struct file_identity){ 0 };
}

bool
file_identity_equal(const struct file_identity *a, const struct file_identity *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}
