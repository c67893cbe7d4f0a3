/* The digest by which a message is known again when its sender, not having read our 250, sends it once more.
 *
 * SHA-256 of MAIL FROM and of the message without the fields that change from one attempt to the next: Received,
 * DKIM-Signature, ARC-*, Authentication-Results and X-*, with their folded lines. A message with neither Message-ID nor
 * Date has nothing that makes it one of its kind: it is not remembered.
 *
 * Pure but for the hash's own state. The message may come in pieces of any size.
 *
 * Trust: the message is anybody's.
 * On failure: digest_end returns false; the message is then delivered without being remembered.
 */
#ifndef TIDEGATE_DELIVER_DIGEST_H
#define TIDEGATE_DELIVER_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deliver/sha256.h"
#include "lib/span.h"

enum { DIGEST_NAME_BYTES = 32 }; /* longer than any field name that means something here */

struct digest {
	struct sha256 *hash; /* the caller's */
	enum { DIGEST_LINE_START, DIGEST_NAME, DIGEST_KEEP, DIGEST_SKIP, DIGEST_BODY } state;
	bool skips_field;  /* the field that a folded line would carry on */
	bool has_identity; /* Message-ID or Date was there */
	char name[DIGEST_NAME_BYTES];
	size_t name_length;
};

void digest_begin(struct digest *digest, struct sha256 *hash, struct span mailfrom);
void digest_add(struct digest *digest, struct span bytes);
/* False when the message is not to be remembered. */
bool digest_end(struct digest *digest, uint8_t result[static SHA256_BYTES]);

#endif
