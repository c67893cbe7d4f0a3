/* The looks of deliver/recovery.h.
 *
 * On failure: see deliver/recovery.h.
 */
#include "deliver/recovery.h"

#include "deliver/maildir.h"
#include "deliver/roots.h"

bool
recovery_look(const void *context, const struct journal_copy *copy, bool is_same_boot)
{
	const struct roots *roots = context;

	switch (maildir_find(roots, copy->root, copy->path, copy->file)) {
	case MAILDIR_IN_BOX:
		return true;
	case MAILDIR_NOWHERE:
		/* A reader has moved it on; after another boot it may as well have been lost with the page cache. */
		return is_same_boot;
	case MAILDIR_IN_TMP:
	case MAILDIR_UNKNOWN:
		break;
	}
	return false;
}

void
recovery_clean(const void *context, const struct journal_copy *copy)
{
	const struct roots *roots = context;

	(void)maildir_remove_tmp(roots, copy->root, copy->path, copy->file);
}
