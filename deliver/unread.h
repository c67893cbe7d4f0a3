/* The unread-250 set: which message was put into which mailbox without our knowing that the client read the 250.
 *
 * A commit reserves (digest, mailbox) before it writes anything; has all its copies written down in the journal before
 * the first of them moves into new/; and then keeps or voids each. Its receipt stands for them in smtpd's hands: when
 * the client is known to have read the reply, smtpd settles the receipt and the copies are forgotten. When smtpd, or
 * deliver, or the connection dies first they stay, for `unread-time`; the same message for the same mailbox is then
 * not delivered again.
 *
 * After a restart each remembered copy is looked for. Within the same boot of the machine: still in tmp/, it was never
 * delivered; gone from there, it was (a reader may have moved it anywhere since). After another boot, or more than a
 * day later, when somebody may have cleaned tmp/: it was delivered if it is in new/ or cur/, else not. So a kill makes
 * no double, and a power cut or a long stop a double rather than a loss.
 *
 * All functions may be called from any thread.
 *
 * Trust: callers are deliver's own; receipts come from smtpd, and only those given to the same edge settle anything.
 * On failure: an answer or false with errno; the commit then ends with a 4xx and nothing is kept.
 */
#ifndef TIDEGATE_DELIVER_UNREAD_H
#define TIDEGATE_DELIVER_UNREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deliver/journal.h"
#include "deliver/unread_load.h"

enum { UNREAD_ENTRIES_MAX = 100000 }; /* over it, the oldest are forgotten */

struct unread;

/* Reads the journal, looks after what it remembers, and writes it anew. A journal that cannot be written is logged,
 * and tried again before each commit. NULL without memory, or when the journal is there but cannot be read. */
struct unread *unread_open(const struct unread_options *options);
void unread_close(struct unread *unread);
void unread_set_life(struct unread *unread, uint64_t life_seconds);
size_t unread_count(struct unread *unread);

enum unread_answer {
	UNREAD_FRESH,  /* not known; now reserved for the caller */
	UNREAD_BEFORE, /* delivered by an attempt whose 250 was not read */
	UNREAD_BUSY,   /* another thread is delivering it right now */
	UNREAD_NO_ROOM /* out of memory */
};

struct unread_copy {
	uint64_t serial; /* names the copy from now on; with FRESH and BEFORE */
	bool needs_sync; /* BEFORE: by a process that may have died before its fsync */
};

enum unread_answer unread_reserve(struct unread *unread, const uint8_t digest[static JOURNAL_DIGEST_BYTES],
    unsigned root, const char *path, uint64_t now_seconds, struct unread_copy *copy);
/* Gives a reservation back that was not recorded. */
void unread_cancel(struct unread *unread, uint64_t serial);

struct unread_file {
	uint64_t serial;
	const char *file; /* name in new/ */
};

/* Writes all copies of a commit into the journal, all or none. After it each must be kept or voided. */
bool unread_record(struct unread *unread, const uint8_t digest[static JOURNAL_DIGEST_BYTES],
    const struct unread_file *files, size_t count, uint64_t now_seconds);
/* The copy is in new/ (or was, and a reader took it). is_durable: the folder's fsync has succeeded. */
void unread_keep(struct unread *unread, uint64_t serial, bool is_durable);
/* The copies are not delivered after all. False when the journal does not say so yet: their files in tmp/ must then
 * stay, because a file gone from there would count as delivered after a restart. */
bool unread_void(struct unread *unread, const uint64_t *serials, size_t count);

/* From now on receipts can be given to this edge. Edge numbers are never used twice. */
void unread_edge_open(struct unread *unread, uint32_t edge);
/* Its receipts are void; what they stand for stays remembered. */
void unread_edge_gone(struct unread *unread, uint32_t edge);
/* A receipt for these copies; 0 when the edge is gone or there is no room for one. */
uint32_t unread_receipt(struct unread *unread, uint32_t edge, const uint64_t *serials, size_t count);
/* The client has read the reply. False when the edge holds no such receipt. */
bool unread_settle(struct unread *unread, uint32_t edge, uint32_t receipt);
/* Writes into the journal what was settled since the last commit. True when nothing is left to write. */
bool unread_flush(struct unread *unread);

#endif
