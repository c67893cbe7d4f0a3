/* The rounds of lib/siphash.h.
 *
 * On failure: nothing here can fail.
 */
#include "lib/siphash.h"

enum { WORD_BYTES = 8, ROUNDS_A_WORD = 2, ROUNDS_AT_THE_END = 4, END_MARK = 0xff };

struct state {
	uint64_t v[4];
};

static uint64_t
rotate(uint64_t value, unsigned bits)
{
	return value << bits | value >> (64 - bits);
}

static void
mix(struct state *state, unsigned rounds)
{
	uint64_t *v = state->v;

	while (rounds-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

static void
absorb(struct state *state, uint64_t word)
{
	state->v[3] ^= word;
	mix(state, ROUNDS_A_WORD);
	state->v[0] ^= word;
}

/* Up to eight bytes, little-endian. */
static uint64_t
word_of(struct span bytes)
{
	uint64_t word = 0;

	for (size_t i = 0; i < bytes.length && i < WORD_BYTES; i++)
		word |= (uint64_t)(unsigned char)bytes.data[i] << (8 * i);
	return word;
}

uint64_t
siphash(const struct siphash_key *key, struct span bytes)
{
	struct state state = { { key->words[0] ^ 0x736f6d6570736575u, key->words[1] ^ 0x646f72616e646f6du,
	    key->words[0] ^ 0x6c7967656e657261u, key->words[1] ^ 0x7465646279746573u } };
	uint64_t length = bytes.length;

	for (; bytes.length >= WORD_BYTES; bytes = span_skip(bytes, WORD_BYTES))
		absorb(&state, word_of(bytes));
	absorb(&state, word_of(bytes) | length << 56);
	state.v[2] ^= END_MARK;
	mix(&state, ROUNDS_AT_THE_END);
	return state.v[0] ^ state.v[1] ^ state.v[2] ^ state.v[3];
}
