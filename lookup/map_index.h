/* Finds the entries of a source by their addresses: a hash table of entry numbers.
 *
 * Trust: the administrator's file; a table with unlucky addresses is slow, not wrong.
 * On failure: map_index_build is false without memory.
 */
#ifndef TIDEGATE_LOOKUP_MAP_INDEX_H
#define TIDEGATE_LOOKUP_MAP_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/span.h"
#include "lookup/map_resolve.h"
#include "lookup/map_entries.h"

struct map_index {
	const struct map_entries *source;
	uint32_t *slots; /* owned; entry number + 1, or 0 */
	size_t mask;     /* slots - 1 */
};

/* Indexes all entries of the source, of equal addresses the first; a later one is a problem that names both places.
 * Adds an entry "@domain" to the source for each domain that has none. */
bool map_index_build(struct map_index *index, struct map_entries *source);

/* For map_resolve: looks in the index, and remembers the entry that was hit. */
struct map_index_hit {
	const struct map_index *index;
	const struct map_entry *entry;
};
struct map_finder map_index_finder(struct map_index_hit *hit);

void map_index_free(struct map_index *index);

#endif
