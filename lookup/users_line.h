/* One line of the users file, "ADDRESS:HASH", and what a hash says of itself.
 *
 *     # a comment
 *     alice@example.org:$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7
 *
 * The last ":" is the one that counts: no hash has one, but a quoted local part may. A hash that begins with "!" or "*"
 * lets nobody in.
 *
 * Trust: the administrator's file. Pure.
 * On failure: USERS_LINE_WRONG, with a sentence.
 */
#ifndef TIDEGATE_LOOKUP_USERS_LINE_H
#define TIDEGATE_LOOKUP_USERS_LINE_H

#include <stdbool.h>

#include "lib/span.h"
#include "lookup/mail_address.h"

enum {
	USERS_HASH_BYTES = 383, /* of a hash, as libcrypt makes them */
	USERS_LINE_BYTES = 2048
};

enum users_line_kind {
	USERS_LINE_EMPTY,  /* or a comment */
	USERS_LINE_USER,   /* address and hash */
	USERS_LINE_CLOSED, /* address, and a hash that lets nobody in */
	USERS_LINE_WRONG   /* problem */
};

struct users_line {
	struct mail_address address; /* canonical */
	struct span hash;            /* points into the text */
	const char *problem;         /* what is wrong and what would be right */
};

/* Reads one line, without its line end. */
enum users_line_kind users_line_parse(struct span text, bool keeps_local_case, struct users_line *line);

/* What two hashes that take the same work have alike: method and cost, as "$y$j9T" of "$y$j9T$SALT$REST"; empty for the
 * methods of old that have no "$". Points into hash. */
struct span users_hash_class(struct span hash);

#endif
