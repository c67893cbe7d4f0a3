/* The order in which an address is looked for, the same for the compiler (targets of aliases) and the reader (RCPT):
 *
 *   the domain must be ours · exact · without the sub-address, longest base first · (postmaster: the configured one) ·
 *   the domain's wildcard
 *
 * Trust: none in the address. Pure, but for the caller's find().
 * On failure: MAP_FINDS_BROKEN when find() says so.
 */
#ifndef TIDEGATE_LOOKUP_MAP_RESOLVE_H
#define TIDEGATE_LOOKUP_MAP_RESOLVE_H

#include "lib/span.h"
#include "lookup/map_types.h"

enum map_find { MAP_FIND_NOTHING, MAP_FIND_HIT, MAP_FIND_BROKEN };

struct map_finder {
	/* Is there an entry of exactly this key? The finder remembers the last hit. */
	enum map_find (*find)(void *context, struct span key);
	/* Is there a record "@domain"? key begins with its "@". */
	enum map_find (*has_domain)(void *context, struct span key);
	void *context;
};

enum map_resolution {
	MAP_FINDS_ENTRY,   /* the finder's last hit */
	MAP_FINDS_NOTHING, /* the domain is ours, the address is not there */
	MAP_FINDS_FOREIGN, /* the domain is not ours */
	MAP_FINDS_BROKEN
};

/* Looks for an address as it was written. *is_role: it is postmaster@ or abuse@, or bare postmaster. */
enum map_resolution map_resolve(
    const struct map_rules *rules, struct span written, const struct map_finder *finder, bool *is_role);

#endif
