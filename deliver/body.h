/* The body of a COMMIT: bytes that came inside the message, or a descriptor that must be beyond change.
 *
 * A descriptor is taken only when it is a memory file with all seals, or a regular file without a name that was opened
 * for reading. It is read by pread, never mapped: a file that shrinks is a short read, not a SIGBUS. smtpd could still
 * write into the spool file behind our back; so every reading of it is hashed again and compared.
 *
 * Trust: none in the sender.
 * On failure: false and *why, one sentence for the log; the commit is then refused.
 */
#ifndef TIDEGATE_DELIVER_BODY_H
#define TIDEGATE_DELIVER_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deliver/sha256.h"
#include "lib/span.h"

enum { BODY_PIECE_BYTES = 65536 };

struct body {
	struct span bytes; /* inline; empty when fd is given */
	int fd;            /* -1: inline. Not owned */
	uint64_t length_bytes;
	uint8_t digest[SHA256_BYTES]; /* of the whole, as COMMIT claims it */
};

/* One reading of a body, piece by piece. */
struct body_reading {
	const struct body *body;
	uint64_t at;
	char *storage; /* BODY_PIECE_BYTES; unused for an inline body */
	int error;     /* errno of a failed read, else 0 */
};

/* Is it what it must be: kind, length, seals? */
bool body_check(const struct body *body, const char **why);
struct body_reading body_read(const struct body *body, char *storage);
/* The next piece; empty at the end, and when it could not be read or is shorter than it was said to be. */
struct span body_next(struct body_reading *reading);
bool body_is_whole(const struct body_reading *reading);

#endif
