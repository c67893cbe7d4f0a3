/* The unread-250 set after a start: read from the journal, and each copy looked for in its mailbox.
 *
 * Trust: see deliver/journal.h.
 * On failure: false with errno; a line that makes no sense is skipped.
 */
#ifndef TIDEGATE_DELIVER_UNREAD_LOAD_H
#define TIDEGATE_DELIVER_UNREAD_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "deliver/unread.h"
#include "deliver/unread_table.h"

/* Fills an empty table with the copies that were delivered, all KEPT. *last_serial: the greatest seen. */
bool unread_load(const struct unread_options *options, struct unread_table *table, uint64_t *last_serial);

#endif
