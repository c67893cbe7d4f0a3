/* The users file, read whole and cut into users.
 *
 * Trust: the administrator's file; one that others may read or write, or that belongs to somebody else, is refused.
 * On failure: a sentence or a problem with file and line.
 */
#ifndef TIDEGATE_LOOKUP_USERS_SOURCE_H
#define TIDEGATE_LOOKUP_USERS_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/problems.h"
#include "lib/arena.h"
#include "lib/buf.h"

enum { USERS_FILE_BYTES = 64 << 20, USERS_ADDRESSES_BYTES = 256 << 20 };

/* A user; address is the source's, hash points into the text. */
struct users_entry {
	struct span address; /* canonical */
	struct span hash;    /* empty: lets nobody in */
	unsigned line;
};

struct users_source {
	struct arena arena;
	struct users_entry *entries; /* sorted by address once they are all there */
	size_t count;
	size_t capacity;
	struct problems problems;
};

enum users_read_result {
	USERS_READ_OK,
	USERS_READ_MISSING,
	USERS_READ_REFUSED, /* until somebody changes the file or its rights */
	USERS_READ_TROUBLE  /* the system could not; the same file may be read in a moment */
};

/* Room for the text of the file, and for some users more; it holds hashes. */
#define USERS_TEXT BUF_OF_SECRETS(USERS_FILE_BYTES + (1 << 17))

/* Reads the file into text, which is USERS_TEXT. Otherwise than OK why is a sentence. */
enum users_read_result users_source_read(const char *path, struct buf *text, struct buf *why);

/* Adds the users of a text; path is for the problems. Pure but for memory. False without memory. */
bool users_source_parse(struct users_source *source, const char *path, struct span text, bool keeps_local_case);
void users_source_free(struct users_source *source);

#endif
