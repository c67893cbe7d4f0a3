/* Mailboxes in Maildir format: file names, making a missing mailbox, sweeping tmp/.
 *
 * A name is time.MusecPpidQcount.host, as the Maildir convention wants it; in new/ it ends in ",S=size". tmp/ is the
 * last folder made in a mailbox, after everything above it is durable: a mailbox that has one is whole.
 *
 * Trust: what is in a mailbox is its owner's; only names that this host's deliver can have made are ever removed.
 * On failure: false or -1 with errno set. A mailbox half made is completed by the next attempt.
 */
#ifndef TIDEGATE_DELIVER_MAILDIR_H
#define TIDEGATE_DELIVER_MAILDIR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "deliver/roots.h"
#include "lib/span.h"

enum {
	MAILDIR_NAME_SIZE = 256, /* with its NUL */
	MAILDIR_HOST_BYTES = 160,
	MAILDIR_SWEEP_SECONDS = 36 * 3600
};

/* Makes names that nobody else makes. */
struct maildir_namer {
	char host[MAILDIR_HOST_BYTES + 1];
	unsigned long pid;
	atomic_ulong count;
};

/* host: '/' and ':' become \057 and \072; one that is too long is cut. */
void maildir_namer_init(struct maildir_namer *namer, struct span host, unsigned long pid);
/* A fresh name for tmp/, NUL-terminated. Any thread. */
void maildir_name(struct maildir_namer *namer, uint64_t wall_us, char name[static MAILDIR_NAME_SIZE]);
/* The name in new/ of a message of so many bytes. */
void maildir_final_name(const char *name, uint64_t size_bytes, char final[static MAILDIR_NAME_SIZE]);
/* The name in tmp/ that a name in new/ was made from. Pure. */
void maildir_tmp_name(const char *final, char name[static MAILDIR_NAME_SIZE]);
/* Did a deliver of this host make the name? If so, *seconds is when. Pure. */
bool maildir_is_ours(const char *name, const char *host, uint64_t *seconds);

/* Makes what is missing of a mailbox, every folder on the way fsynced. */
bool maildir_create(const struct roots *roots, unsigned root, const char *path);
/* Removes from tmp/ what a deliver of this host left there over 36 hours before now_seconds; how many. */
unsigned maildir_sweep(int tmp, const char *host, uint64_t now_seconds);

/* What became of a message whose delivery was cut off. */
enum maildir_trace {
	MAILDIR_IN_TMP,  /* not delivered */
	MAILDIR_IN_BOX,  /* in new/ or cur/, perhaps with flags behind its name */
	MAILDIR_NOWHERE, /* the mailbox is there, the message in none of the three */
	MAILDIR_UNKNOWN  /* could not look, or there is no such mailbox */
};

/* Looks for a message by its name in new/. */
enum maildir_trace maildir_find(const struct roots *roots, unsigned root, const char *path, const char *final);
enum maildir_sync {
	MAILDIR_SYNCED,
	MAILDIR_UNSURE, /* an fsync has failed, or the folders are gone: what was there may be lost. errno tells why */
	MAILDIR_UNTRIED /* they could not be opened: nothing is lost by that. errno tells why */
};

/* fsyncs new/ and, where there is one, cur/: for a message that was moved in by a process that may not have come to
 * that. */
enum maildir_sync maildir_sync(const struct roots *roots, unsigned root, const char *path);
/* Removes a message's name from tmp/. */
bool maildir_remove_tmp(const struct roots *roots, unsigned root, const char *path, const char *final);

#endif
