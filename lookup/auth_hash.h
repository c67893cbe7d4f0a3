/* The one place that computes crypt(3) hashes: yescrypt (about 28 ms and 16 MiB), bcrypt, SHA-512 and whatever else
 * libcrypt knows.
 *
 * Trust: the password is anybody's, the hash root's.
 * On failure: a hash that cannot be computed matches nothing.
 */
#ifndef TIDEGATE_LOOKUP_AUTH_HASH_H
#define TIDEGATE_LOOKUP_AUTH_HASH_H

#include <stdbool.h>

#include "lib/span.h"

enum { AUTH_PASSWORD_BYTES = 511 /* crypt(3) takes no longer ones */ };

/* Before the walls: computes one, so that all that libcrypt wants of the system is there. False when it cannot. */
bool auth_hash_load(void);
/* Is it the password that the hash was made of? Blocks for as long as the hash takes; nothing of either stays in
 * memory. A hash that cannot be computed takes the work of auth_hash_waste() instead. */
bool auth_hash_matches(struct span password, struct span hash, struct span stand_in);
/* The same work for a user who is not there. stand_in: a hash of the kind that the others have; empty, or one that
 * cannot be computed: yescrypt. */
void auth_hash_waste(struct span password, struct span stand_in);

#endif
