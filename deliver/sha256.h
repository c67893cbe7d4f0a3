/* SHA-256 by libcrypto: one reusable context, made once a thread.
 *
 * Trust: hashes anybody's bytes.
 * On failure: sha256_new returns NULL; later failures stick, and sha256_end says so.
 */
#ifndef TIDEGATE_DELIVER_SHA256_H
#define TIDEGATE_DELIVER_SHA256_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/span.h"

enum { SHA256_BYTES = 32 };

struct sha256;

struct sha256 *sha256_new(void);
void sha256_free(struct sha256 *hash);
/* Starts afresh, whatever was in it. */
void sha256_begin(struct sha256 *hash);
void sha256_add(struct sha256 *hash, struct span bytes);
/* False when libcrypto failed since sha256_begin. */
bool sha256_end(struct sha256 *hash, uint8_t result[static SHA256_BYTES]);

#endif
