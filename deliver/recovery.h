/* After a restart: what became of a copy that the unread-250 journal remembers (see deliver/unread.h).
 *
 * Trust: the journal is deliver's own; mailboxes are their owners'.
 * On failure: a copy that cannot be looked for counts as not delivered: a double rather than a loss.
 */
#ifndef TIDEGATE_DELIVER_RECOVERY_H
#define TIDEGATE_DELIVER_RECOVERY_H

#include <stdbool.h>

#include "deliver/journal.h"

/* An unread_look over the struct roots in context. Was the copy delivered? One still in tmp/ was not. */
bool recovery_look(const void *context, const struct journal_copy *copy, bool does_gone_count);
/* An unread_clean over the same. */
void recovery_clean(const void *context, const struct journal_copy *copy);

#endif
