/* The lines of the unread-250 journal, as text. Pure.
 *
 *     + DIGEST BOOT SECONDS COUNT {SERIAL ROOT PATH FILE}… .
 *     - SERIAL… .
 *
 * "+": one commit is about to move COUNT copies into new/. DIGEST (64 hex digits) is the message's; BOOT (32 hex
 * digits) the boot of the machine, with these roots (deliver/boot.h), SECONDS the wall clock; SERIAL numbers the copy,
 * ROOT and PATH are its mailbox, FILE its name in new/. "-": these copies are no longer remembered. PATH and FILE have
 * bytes outside of printable ASCII, spaces and "%" as %HH. A line counts only when it is whole: one that a full disk or
 * a kill has cut off lacks the " .", so either all copies of a commit are remembered or none.
 *
 * Trust: the file is deliver's own, but a power cut may have left anything in it.
 * On failure: journal_parse returns false; such a line is skipped.
 */
#ifndef TIDEGATE_DELIVER_JOURNAL_H
#define TIDEGATE_DELIVER_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/span.h"

enum {
	JOURNAL_DIGEST_BYTES = 32,
	JOURNAL_BOOT_BYTES = 16,
	JOURNAL_PATH_SIZE = 1025, /* with a NUL */
	JOURNAL_FILE_SIZE = 256   /* with a NUL */
};

enum journal_kind { JOURNAL_REMEMBER, JOURNAL_FORGET };

struct journal_record {
	enum journal_kind kind;
	uint8_t digest[JOURNAL_DIGEST_BYTES];
	uint8_t boot[JOURNAL_BOOT_BYTES];
	uint64_t seconds;
	uint64_t count;   /* items that are left */
	struct span rest; /* of the line */
};

struct journal_copy {
	uint64_t serial;
	unsigned root;
	char path[JOURNAL_PATH_SIZE];
	char file[JOURNAL_FILE_SIZE];
};

/* A line without its LF. True when all of it is well-formed, every item included. */
bool journal_parse(struct span line, struct journal_record *record);
/* The next copy of a "+" line, or serial of a "-" line that journal_parse took. False after the last. */
bool journal_next_copy(struct journal_record *record, struct journal_copy *copy);
bool journal_next_serial(struct journal_record *record, uint64_t *serial);

/* Builds a "+" line: head, a copy for each of count, end. */
void journal_append_head(struct buf *line, const uint8_t digest[static JOURNAL_DIGEST_BYTES],
    const uint8_t boot[static JOURNAL_BOOT_BYTES], uint64_t seconds, uint64_t count);
void journal_append_copy(struct buf *line, uint64_t serial, unsigned root, const char *path, const char *file);
/* Builds a "-" line: head, a serial for each, end. */
void journal_append_forget(struct buf *line);
void journal_append_serial(struct buf *line, uint64_t serial);
void journal_append_end(struct buf *line);

#endif
