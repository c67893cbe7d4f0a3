/* Cuts a fuzzer's input into pieces as a network would: the first two bytes begin the dice, the rest is the stream.
 * On failure: nothing here can fail.
 */
#ifndef TIDEGATE_TESTS_FUZZ_CHUNKS_H
#define TIDEGATE_TESTS_FUZZ_CHUNKS_H

#include <stdint.h>

#include "lib/span.h"

struct chunks {
	struct span rest;
	uint32_t dice;
};

static inline struct chunks
chunks_begin(const uint8_t *data, size_t size)
{
	struct span bytes = span_make((const char *)data, size);
	struct chunks chunks = { .rest = span_skip(bytes, 2), .dice = 1 };

	for (size_t i = 0; i < 2 && i < size; i++)
		chunks.dice = chunks.dice << 8 | data[i];
	return chunks;
}

/* The next piece: mostly a few bytes, sometimes many, sometimes none. Empty for good when nothing is left. */
static inline struct span
chunks_next(struct chunks *chunks)
{
	chunks->dice = chunks->dice * 1664525u + 1013904223u;
	uint32_t thrown = chunks->dice >> 16;
	struct span piece = span_take(chunks->rest, thrown % 16 == 0 ? thrown % 4096 : thrown % 9);

	chunks->rest = span_skip(chunks->rest, piece.length);
	return piece;
}

#endif
