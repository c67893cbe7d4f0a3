/* One copy of a message on its way into one mailbox: written into tmp/, moved into new/, or taken back.
 *
 * Trust: the body is judged before (deliver/commit.h); a spool file is hashed again at each reading.
 * On failure: COPY_FAILED with errno. Nothing stays in tmp/ but what could not be removed; the sweep gets that.
 */
#ifndef TIDEGATE_DELIVER_COPY_H
#define TIDEGATE_DELIVER_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "deliver/body.h"
#include "deliver/folders.h"
#include "deliver/handles.h"
#include "deliver/maildir.h"
#include "deliver/sha256.h"
#include "deliver/unread.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/span.h"

/* Where delivery happens; shared by all threads. Nothing in it is owned. */
struct delivery {
	const struct roots *roots;
	struct folder_cache *folders;
	struct maildir_namer *namer;
	struct unread *unread;
};

/* What one thread works with, kept from message to message. */
struct scratch {
	struct sha256 *whole;   /* of the body as it is */
	struct sha256 *message; /* of what deliver/digest.h keeps */
	struct buf fields;
	char in[BODY_PIECE_BYTES];
	char out[BODY_PIECE_BYTES + 1];
};

/* NULL without memory. */
struct scratch *scratch_new(void);
void scratch_free(struct scratch *scratch);

/* The message that all copies are of. */
struct message {
	struct body body;
	struct span mailfrom;
	struct span trace; /* header fields, ended by LF */
};

enum copy_place {
	COPY_NOT_WRITTEN,
	COPY_BEFORE, /* an earlier attempt has delivered it */
	COPY_IN_TMP, /* durable there */
	COPY_IN_NEW
};

struct copy {
	struct destination to;
	enum copy_place place;
	bool is_remembered; /* `unread` names its entry in the unread-250 set */
	struct unread_copy unread;
	const char *name;  /* in tmp/ */
	const char *final; /* in new/ */
	uint64_t failures; /* folders_failures before it was moved */
};

enum copy_result { COPY_OK, COPY_FAILED, COPY_BODY_CHANGED };

/* Writes it into tmp/ and fsyncs it. Names are allocated from the arena. */
enum copy_result copy_write(const struct delivery *delivery, struct scratch *scratch, const struct message *message,
    struct arena *arena, struct copy *copy);
/* Moves it from tmp/ into new/. Not durable before copy_sync. */
enum copy_result copy_move(const struct delivery *delivery, struct copy *copy);
/* fsyncs new/. Fails also when somebody else's fsync has failed, of which this one would not be told. */
enum copy_result copy_sync(const struct delivery *delivery, struct copy *copy);
/* Moves it back from new/ into tmp/ and fsyncs. It stays COPY_IN_NEW when a reader has taken it, or it cannot be
 * moved. */
void copy_take_back(const struct delivery *delivery, struct copy *copy);
/* Removes it from tmp/. */
void copy_remove(const struct delivery *delivery, struct copy *copy);

#endif
