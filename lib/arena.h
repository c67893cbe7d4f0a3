/* Memory that is given back all at once: one arena a session, one a transaction.
 *
 * Trust: sizes are ours, contents may be anybody's; an arena never grows over its limit or its budget.
 * On failure: arena_alloc and arena_copy return NULL (a span with NULL data); the client hears a 4xx.
 */
#ifndef TIDEGATE_LIB_ARENA_H
#define TIDEGATE_LIB_ARENA_H

#include <stddef.h>

#include "lib/budget.h"
#include "lib/span.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks; /* owned, newest first; none until the first allocation */
	size_t used_bytes;          /* of all chunks, with their headers */
	size_t limit_bytes;
	struct budget *budget; /* who pays for the chunks, as for things under way; NULL: nobody */
};

#define ARENA_LIMIT(n) ((struct arena){ .limit_bytes = (n) })
#define ARENA_PAID_BY(payer, n) ((struct arena){ .limit_bytes = (n), .budget = (payer) })

/* Zeroed memory for any object, owned by the arena; NULL when over the limit or out of memory. */
void *arena_alloc(struct arena *arena, size_t size);
/* A copy with a NUL behind it (not counted), owned by the arena; data is NULL on failure. */
struct span arena_copy(struct arena *arena, struct span bytes);
/* Gives all of it back. The arena can be used again. */
void arena_reset(struct arena *arena);

#endif
