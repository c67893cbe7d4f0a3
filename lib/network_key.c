/* The keys and the hash of lib/network_key.h.
 *
 * On failure: see the header.
 */
#include "lib/network_key.h"

#include <string.h>
#include <sys/random.h>

enum { IP_AT = 2, IP_BYTES = 16 };

static struct network_key
make_key(const struct peer_address *peer, unsigned bits)
{
	struct network_key key = { .bytes = { peer->family, (uint8_t)bits } };

	memcpy(key.bytes + IP_AT, peer->ip, IP_BYTES);
	for (unsigned byte = 0; byte < IP_BYTES; byte++) {
		unsigned begin = byte * 8;

		if (bits <= begin)
			key.bytes[IP_AT + byte] = 0;
		else if (bits < begin + 8)
			key.bytes[IP_AT + byte] &= (uint8_t)(0xff00u >> (bits - begin));
	}
	return key;
}

struct network_key
network_key_of_address(const struct peer_address *peer)
{
	return make_key(peer, peer->family == 4 ? 32 : 128);
}

struct network_key
network_key_of_network(const struct peer_address *peer)
{
	return make_key(peer, peer->family == 4 ? NETWORK_BITS_IPV4 : NETWORK_BITS_IPV6);
}

bool
network_key_equal(const struct network_key *a, const struct network_key *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool
network_hash_begin(struct network_hash *hash)
{
	return getrandom(&hash->key, sizeof hash->key, 0) == (ssize_t)sizeof hash->key;
}

uint32_t
network_hash_of(const struct network_hash *hash, const struct network_key *key)
{
	return (uint32_t)siphash(&hash->key, span_make((const char *)key->bytes, sizeof key->bytes));
}
