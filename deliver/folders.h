/* Open mailboxes: the descriptors of tmp/ and new/, kept between messages, shared by all threads.
 *
 * At most once a second the path is walked again, so that a mailbox that was removed, replaced, or turned into a link
 * is noticed; the descriptors of the old one are then let go. The number kept is bounded; the least lately used go
 * first.
 *
 * Trust: see deliver/roots.h.
 * On failure: NULL with errno set; folders_problem turns it into words.
 */
#ifndef TIDEGATE_DELIVER_FOLDERS_H
#define TIDEGATE_DELIVER_FOLDERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deliver/roots.h"

struct folder_cache;

/* One mailbox in use. The descriptors are good until folders_release. */
struct folders {
	int tmp;
	int fresh;             /* new/ */
	atomic_bool is_broken; /* an fsync of new/ has failed: the kernel tells only one of those who share it */
	uint64_t failures;     /* folders_failures when it was opened: of those the kernel does not tell here either */
};

enum folders_make { FOLDERS_AS_THEY_ARE, FOLDERS_MAKE_MISSING };

/* Keeps up to `limit` mailboxes open, two descriptors each. roots must outlive it. NULL without memory. */
struct folder_cache *folder_cache_new(const struct roots *roots, size_t limit);
/* Closes all. Nothing may be in use. */
void folder_cache_free(struct folder_cache *cache);

/* Any thread. The mailbox at path, opened, checked (ours, writable) and counted as in use. */
struct folders *folders_acquire(struct folder_cache *cache, unsigned root, const char *path, enum folders_make make);
void folders_release(struct folder_cache *cache, struct folders *folders);
/* Something went wrong there: the next folders_acquire opens it afresh. */
void folders_forget(struct folder_cache *cache, struct folders *folders);
/* An fsync of new/ has failed. */
void folders_break(struct folder_cache *cache, struct folders *folders);
/* How many have, in all mailboxes. */
uint64_t folders_failures(const struct folder_cache *cache);
/* True once for each time the mailbox was opened, and at most ten times a second in all: sweep its tmp/ now. */
bool folders_wants_sweep(struct folder_cache *cache, struct folders *folders);

/* What an errno of folders_acquire or of work in the folders means, for a log line. */
const char *folders_problem(int error);

#endif
