/* Handles: what deliver gives smtpd at RCPT in place of a path. A handle is good on the edge, for the session and in
 * the transaction that it was given to, once; and it means the mailboxes that deliver itself found in the map.
 *
 * A session has one transaction at a time: a probe for a new one forgets the old one's handles. COMMIT ends a
 * transaction, whatever becomes of it; so a handle cannot be used twice. All handles of an edge die with it.
 *
 * Trust: none in the asker; what it may make us remember is capped.
 * On failure: no handle (0), or a sentence that says what was wrong with the COMMIT.
 */
#ifndef TIDEGATE_DELIVER_HANDLES_H
#define TIDEGATE_DELIVER_HANDLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/span.h"
#include "lookup/map_read.h"
#include "deliver/redeemed.h"

enum {
	HANDLES_MAX = 65536,               /* of one edge */
	HANDLES_MAILBOXES_MAX = 5000,      /* of one transaction, all its recipients together */
	HANDLES_ALL_MAILBOXES_MAX = 262144 /* of one edge */
};

struct handles;

/* The handles of one edge. NULL without memory. */
struct handles *handles_new(void);
void handles_free(struct handles *handles);
/* All handles are gone. */
void handles_clear(struct handles *handles);
size_t handles_count(const struct handles *handles);

/* A handle for one recipient's mailboxes (copied); 0 when a cap is reached or memory is short. */
uint32_t handles_give(struct handles *handles, uint32_t session, uint32_t transaction_number,
    const struct map_mailbox *mailboxes, size_t count);
/* Ends the transaction and tells what the handles (u32 each, big-endian) stand for. False: *why, one sentence; *out is
 * then empty. */
bool handles_redeem(struct handles *handles, uint32_t session, uint32_t transaction_number, struct span list,
    struct redeemed *out, const char **why);
/* Forgets a transaction's handles, if there are any. */
void handles_abandon(struct handles *handles, uint32_t session, uint32_t transaction_number);

#endif
