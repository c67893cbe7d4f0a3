/* Could this mailbox take a message of so many bytes now? The answer to RCPT.
 *
 * The mailbox is there, ours and writable, or could be made; and the file system has the bytes and the inodes, with a
 * margin left. What was found is good for a second. Main thread only.
 *
 * Trust: see deliver/roots.h. The announced size is the client's.
 * On failure: a verdict; the commit finds out for itself whatever has changed since.
 */
#ifndef TIDEGATE_DELIVER_PROBE_H
#define TIDEGATE_DELIVER_PROBE_H

#include <stddef.h>
#include <stdint.h>

#include "deliver/folders.h"
#include "deliver/roots.h"
#include "lib/ipc_messages.h"

struct probe;

struct probe_margins {
	uint64_t bytes;
	uint64_t inodes;
};

/* roots and folders must outlive it. NULL without memory. */
struct probe *probe_new(const struct roots *roots, struct folder_cache *folders);
void probe_free(struct probe *probe);
void probe_set_margins(struct probe *probe, struct probe_margins margins);
/* *why: a sentence for the log, "" when the mailbox takes it; good until the next call. */
enum probe_verdict probe_mailbox(
    struct probe *probe, unsigned root, const char *path, uint64_t bytes, const char **why);

#endif
