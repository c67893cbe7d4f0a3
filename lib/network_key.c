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
	return getrandom(hash->random, sizeof hash->random, 0) == (ssize_t)sizeof hash->random;
}

static uint32_t
word_at(const struct network_key *key, unsigned at)
{
	const uint8_t *bytes = key->bytes + at;

	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Neighbouring sums come out far from each other: addresses that follow upon each other would otherwise all fall into
 * one place when the random number they are multiplied with happens to be near a multiple of its width. */
static uint64_t
stir(uint64_t sum, uint64_t factor)
{
	sum ^= sum >> 32;
	sum *= factor | 1;
	sum ^= sum >> 29;
	sum *= factor | 1;
	return sum ^ sum >> 32;
}

/* Multilinear: each word times a random number of its own. */
uint32_t
network_hash_of(const struct network_hash *hash, const struct network_key *key)
{
	uint64_t sum = hash->random[0] + hash->random[1] * ((unsigned)key->bytes[0] << 8 | key->bytes[1]);

	for (unsigned word = 0; word < IP_BYTES / 4; word++)
		sum += hash->random[2 + word] * word_at(key, IP_AT + word * 4);
	return (uint32_t)(stir(sum, hash->random[NETWORK_HASH_WORDS - 1]) >> 32);
}
