/* Changes to the users file, made by `tidegate user`: one line is added, changed or taken out, all others stay as they
 * are, in their order, comments too.
 *
 * Trust: the administrator's file.
 * On failure: a sentence; the old file is untouched (or else the sentence says so) and nothing is left beside it.
 */
#ifndef TIDEGATE_CONTROL_USERS_FILE_H
#define TIDEGATE_CONTROL_USERS_FILE_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/span.h"

enum users_change { USERS_ADD, USERS_CHANGE, USERS_REMOVE };

enum users_edit_result {
	USERS_EDITED,
	USERS_IS_THERE, /* USERS_ADD, of one that the file has */
	USERS_NOT_THERE /* the others, of one that it has not */
};

/* Pure. address is canonical; hash is not looked at for USERS_REMOVE. Appends the new text to out. */
enum users_edit_result users_file_edit(struct span text, bool keeps_local_case, enum users_change change,
    struct span address, struct span hash, struct buf *out);
/* Writes the file at path: aside in its folder, mode 0600, fsync, rename, fsync of the folder. A link is followed. */
bool users_file_save(const char *path, struct span text, struct buf *why);

#endif
