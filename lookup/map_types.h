/* What the map's compiler, its records and its reader have in common: limits, a mailbox, the rules of lookup.
 *
 * Trust: values; what may be in them is the business of whoever fills them.
 * On failure: nothing here can fail.
 */
#ifndef TIDEGATE_LOOKUP_MAP_TYPES_H
#define TIDEGATE_LOOKUP_MAP_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/span.h"

enum {
	MAP_MAILBOXES_MAX = 1000, /* mailboxes one address may reach */
	MAP_ADDRESS_BYTES = 1024,
	MAP_PATH_BYTES = 1024
};

/* One mailbox that an address reaches. */
struct map_mailbox {
	struct span address; /* canonical address of the mailbox (Delivered-To); of a catch-all: the address as asked */
	unsigned root;       /* index of its root: 0 is `mailboxes`, 1… are `mailbox-roots` */
	struct span path;    /* below the root: "example.org/alice"; no "..", no leading or double slash */
	uint64_t quota_bytes; /* 0: none (kept, enforced later) */
	unsigned line;        /* of its entry in the recipients file */
};

/* What the configuration says about finding an address. */
struct map_rules {
	const char *sub_address; /* characters that begin a sub-address; "" for none */
	bool keeps_local_case;
	struct span postmaster; /* as configured, or empty */
	struct span hostname;
};

#endif
