/* A list of mistakes found in the administrator's files: collected as they are met, told in the order of the files.
 *
 * Trust: messages may quote a file's bytes; they are escaped by whoever adds them (problems_quote).
 * On failure: what does not fit (PROBLEMS_MAX, or no memory) is counted and told as "and N more".
 */
#ifndef TIDEGATE_CONF_PROBLEMS_H
#define TIDEGATE_CONF_PROBLEMS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/span.h"

enum { PROBLEMS_MAX = 1000, PROBLEMS_QUOTE_SIZE = 96 };

struct problem {
	uint32_t file_order;
	uint32_t line;
	size_t offset; /* of its text */
	size_t length;
};

struct problems {
	size_t count; /* all that were added, kept or not */
	size_t kept;
	struct buf text;       /* owned */
	struct problem *items; /* owned; PROBLEMS_MAX of them once there is one */
};

/* Adds "FILE:LINE: message"; line 0 leaves the line out. Files are told in the order of file_order. */
void problems_add(struct problems *problems, struct span file, unsigned file_order, unsigned line, const char *format,
    ...) __attribute__((format(printf, 5, 6)));
/* All of them, one line each, by file and line. */
void problems_write(struct problems *problems, struct buf *out);
void problems_free(struct problems *problems);
/* Bytes of a file as a message may show them: escaped, cut with "..." when long. Returns text. */
const char *problems_quote(struct span bytes, char text[static PROBLEMS_QUOTE_SIZE]);

#endif
