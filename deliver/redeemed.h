/* What the handles of a COMMIT stand for: each mailbox once, and which recipients stand or fall together.
 *
 * Recipients that lead to the same mailbox are of one party, directly or through others: the mailbox gets one copy, so
 * when recipients are answered one by one (PRDR) their answers must agree. Most parties are of one recipient.
 *
 * Trust: paths come from deliver's own map. Pure but for the arena.
 * On failure: false, when memory is short.
 */
#ifndef TIDEGATE_DELIVER_REDEEMED_H
#define TIDEGATE_DELIVER_REDEEMED_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/arena.h"
#include "lib/span.h"

/* One mailbox that a message goes to. */
struct destination {
	unsigned root;
	const char *path;
	struct span address; /* of the mailbox, for Delivered-To */
	unsigned party;
};

struct redeemed {
	struct arena arena; /* holds all of it; the caller's, to be reset */
	struct destination *destinations;
	size_t count;
	unsigned *parties; /* of each handle, in the order of COMMIT */
	size_t handle_count;
	unsigned party_count;
};

/* A mailbox of one of the handles. */
struct candidate {
	struct destination to; /* its party is not looked at */
	unsigned handle;       /* counted as COMMIT names them */
	size_t order;          /* among all candidates */
};

/* Fills *out, all but its arena, in this arena: the first candidate of each mailbox, in their order. The candidates
 * change their places. Each handle has one at least. */
bool redeemed_form(
    struct arena *arena, struct candidate *candidates, size_t count, size_t handle_count, struct redeemed *out);

#endif
