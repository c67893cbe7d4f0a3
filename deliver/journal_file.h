/* The file of the unread-250 journal: read once at the start, appended to before each commit, rewritten when long.
 *
 * Appending is plain write(): what was written outlives the process, and that is what it is for. After a power cut a
 * line may be missing; then a retry makes a copy, and nothing is lost.
 *
 * Trust: see deliver/journal.h.
 * On failure: false with errno set. A line that was cut off is spoilt and closed by the next append, so that it neither
 * counts nor spoils another. Without a file (the disk was full at the start) each append tries to make one.
 */
#ifndef TIDEGATE_DELIVER_JOURNAL_FILE_H
#define TIDEGATE_DELIVER_JOURNAL_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "deliver/journal.h"
#include "lib/span.h"

struct journal_file {
	int folder; /* not owned */
	int fd;     /* -1: none could be made yet */
	uint64_t length_bytes;
	uint64_t long_bytes; /* from here on it is worth rewriting */
	bool is_torn;        /* the last append was cut off */
};

/* Hands every well-formed line of the folder's journal to take, in order. True also when there is none yet. */
bool journal_file_read(int folder, void (*take)(void *context, struct journal_record *record), void *context);
/* Replaces the journal by these lines, and writes into the new one from now on. */
bool journal_file_rewrite(struct journal_file *file, struct span lines);
bool journal_file_append(struct journal_file *file, struct span lines);
void journal_file_close(struct journal_file *file);

#endif
