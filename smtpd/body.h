/* Message bodies while they come in: plain memory up to 32 KiB, then a memory file that is sealed before anyone judges
 * it, and above 256 KiB, or when the budget of memory has none for bodies, an unlinked file in the spool folder.
 *
 * All bodies of a process share one store: the process's budget of memory, and one of its own for the spool. A running
 * SHA-256 goes along, so that deliver can tell that it got what was judged.
 *
 * Trust: the bytes are anybody's; they are only kept and hashed.
 * On failure: a body remembers it in `state`, gives back what it held, and swallows what still comes; the session
 * answers 452 or 451 at the end.
 */
#ifndef TIDEGATE_SMTPD_BODY_H
#define TIDEGATE_SMTPD_BODY_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/budget.h"
#include "lib/buf.h"
#include "lib/ipc_messages.h"
#include "lib/span.h"
#include "smtpd/facts.h"

enum {
	BODY_INLINE_BYTES = IPC_INLINE_BODY_BYTES, /* greatest body in plain memory */
	BODY_MEMORY_FILE_BYTES = 262144            /* greatest body in a memory file */
};

struct body_store {
	int folder;        /* the spool folder, or AT_FDCWD */
	unsigned instance; /* of this process, in file names */
	uint64_t names_used;
	struct budget *memory; /* not owned */
	uint64_t spool_bytes;  /* in use */
	uint64_t spool_limit_bytes;
	EVP_MD *sha256; /* owned */
};

enum body_home { BODY_IN_MEMORY, BODY_IN_MEMORY_FILE, BODY_IN_SPOOL };

struct body {
	struct body_store *store;
	enum body_home home;
	enum body_state state;
	struct buf memory; /* BODY_IN_MEMORY */
	int writer;        /* otherwise; -1 when closed */
	int reader;        /* the descriptor to pass on; -1 until body_finish() */
	uint64_t length;
	EVP_MD_CTX *hash; /* owned; NULL once finished */
	unsigned char digest[IPC_DIGEST_BYTES];
};

/* Prepares a store whose memory is paid from a budget, without room in the spool; loads SHA-256, so it is called
 * before the walls. False: no SHA-256. */
bool body_store_begin(struct body_store *store, struct budget *memory, int folder, unsigned instance);
void body_store_limit(struct body_store *store, uint64_t spool_limit_bytes);
void body_store_end(struct body_store *store);

void body_begin(struct body *body, struct body_store *store);
void body_append(struct body *body, struct span bytes);
/* After the last byte: seals or reopens read-only, and fills in `digest`. False: see `state`. */
bool body_finish(struct body *body);
/* Gives everything back and leaves an empty body that swallows what still comes, with this state. */
void body_drop(struct body *body, enum body_state state);

#endif
