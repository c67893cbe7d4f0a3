/* The looks of deliver/recovery.h.
 *
 * On failure: see deliver/recovery.h.
 */
#include "deliver/recovery.h"

#include "deliver/maildir.h"
#include "deliver/roots.h"

bool
recovery_look(const void *context, const struct journal_copy *copy, bool does_gone_count)
{
	const struct roots *roots = context;

	switch (maildir_find(roots, copy->root, copy->path, copy->file)) {
	case MAILDIR_IN_BOX:
		return true;
	case MAILDIR_NOWHERE:
		return does_gone_count;
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
