/* The records of the compiled users, as bytes and as values.
 *
 * Keys: a canonical address; "\0meta". Values: version, kind, fields, and a checksum over key and value, so that a
 * damaged record is never taken for another one. Integers are big-endian.
 *
 * Trust: none in the bytes: a decoder takes exactly what an encoder wrote. Pure.
 * On failure: false; encoders have the buffer's sticky error.
 */
#ifndef TIDEGATE_LOOKUP_USERS_RECORD_H
#define TIDEGATE_LOOKUP_USERS_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/span.h"

enum { USERS_VERSION = 1, USERS_META_BYTES_MAX = 1024 };

#define USERS_META_KEY SPAN("\0meta")

/* What "\0meta" holds. */
struct users_totals {
	uint64_t built_at_seconds; /* wall clock */
	uint64_t users;
	uint64_t file_bytes;  /* of the whole map */
	struct span stand_in; /* a hash of the file's most common method and cost; empty when there is no user */
};

void users_record_encode(struct span key, struct span hash, struct buf *out);
/* hash points into value. */
bool users_record_decode(struct span key, struct span value, struct span *hash);
void users_meta_encode(const struct users_totals *totals, struct buf *out);
/* stand_in points into value. */
bool users_meta_decode(struct span value, struct users_totals *totals);

#endif
