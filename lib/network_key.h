/* Addresses and networks as keys of tables that strangers fill: comparable bytes, and a hash that nobody outside can
 * aim at.
 *
 * Trust: addresses are anybody's, and whoever has a /32 of IPv6 may choose among 2^96 of them. The hash has a
 * random key of this process, so nobody knows which addresses collide.
 * On failure: network_hash_begin() says that the kernel has no random bytes; the rest cannot fail.
 */
#ifndef TIDEGATE_LIB_NETWORK_KEY_H
#define TIDEGATE_LIB_NETWORK_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/peer.h"
#include "lib/siphash.h"

/* The prefix that counts as one network: what one customer of a provider has at least. */
enum { NETWORK_BITS_IPV4 = 24, NETWORK_BITS_IPV6 = 64 };

/* Family, prefix and address, without padding: equal networks are equal bytes. */
struct network_key {
	uint8_t bytes[18];
};

struct network_hash {
	struct siphash_key key;
};

/* The key of one address; its port does not matter. */
struct network_key network_key_of_address(const struct peer_address *peer);
/* The key of the /24 or /64 that an address lies in. */
struct network_key network_key_of_network(const struct peer_address *peer);
bool network_key_equal(const struct network_key *a, const struct network_key *b);

/* Takes a key from the kernel's random bytes; false without any. */
bool network_hash_begin(struct network_hash *hash);
uint32_t network_hash_of(const struct network_hash *hash, const struct network_key *key);

#endif
