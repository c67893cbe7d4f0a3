/* The unread-250 set after a start: read from the journal, and each copy looked for in its mailbox.
 *
 * Trust: see deliver/journal.h.
 * On failure: false with errno; a line that makes no sense is skipped.
 */
#ifndef TIDEGATE_DELIVER_UNREAD_LOAD_H
#define TIDEGATE_DELIVER_UNREAD_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "deliver/journal.h"
#include "deliver/unread_table.h"

/* What a look into the mailbox says of a copy that the journal remembers. does_gone_count: one that is in none of the
 * mailbox's folders was delivered and moved on by its reader. */
typedef bool unread_look(const void *context, const struct journal_copy *copy, bool does_gone_count);
/* Removes from tmp/ what is left there of a copy that was not delivered. */
typedef void unread_clean(const void *context, const struct journal_copy *copy);

struct unread_options {
	int folder;                       /* of the journal; not owned */
	uint8_t boot[JOURNAL_BOOT_BYTES]; /* all zero: unknown, never the same as another */
	uint64_t life_seconds;
	uint64_t now_seconds; /* wall clock */
	unread_look *look;    /* was it delivered? */
	unread_clean *clean;
	const void *context;
};

/* Fills an empty table with the copies that were delivered, all KEPT, and with those that are to be forgotten, all
 * RESERVED. *last_serial: the greatest seen. */
bool unread_load(const struct unread_options *options, struct unread_table *table, uint64_t *last_serial);
/* Drops the latter. is_written: the journal does not name them any more, so what is left of them in tmp/ may go; gone
 * before, it would count as delivered after another start. */
void unread_load_end(const struct unread_options *options, struct unread_table *table, bool is_written);

#endif
