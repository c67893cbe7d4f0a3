/* Flattens aliases: each entry gets the list of mailboxes that it reaches in the end, each mailbox once.
 *
 * Trust: the administrator's file.
 * On failure: a problem for each alias that ends nowhere, loops, leaves for a domain that is not ours, reaches an
 * address that refuses or defers, or reaches over MAP_MAILBOXES_MAX mailboxes.
 */
#ifndef TIDEGATE_LOOKUP_MAP_FLATTEN_H
#define TIDEGATE_LOOKUP_MAP_FLATTEN_H

#include <stdbool.h>
#include <stddef.h>

#include "lookup/map_index.h"
#include "lookup/map_entries.h"

struct map_reach {
	size_t count; /* 0: none, or a problem was found */
	struct map_mailbox *mailboxes;
};

struct map_flat {
	struct map_reach *of; /* by entry number; only aliases have any. Owned, but for what the source's arena owns */
};

/* Flattens all aliases of the source. False without memory. */
bool map_flatten(
    struct map_entries *source, const struct map_index *index, const struct map_rules *rules, struct map_flat *flat);
/* The mailbox of a maildir entry; path is written to `path`, which must outlive the result. Address: the entry's. */
struct map_mailbox map_mailbox_of(const struct map_entry *entry, struct buf *path);
void map_flat_free(struct map_flat *flat);

#endif
