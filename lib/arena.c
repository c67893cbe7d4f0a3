/* The arena of lib/arena.h: a list of chunks that double in size, starting small, since an idle session must cost
 * next to nothing.
 *
 * On failure: NULL; what was given out before stays valid.
 */
#include "lib/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CHUNK_BYTES = 128, LARGEST_STEP_BYTES = 16384 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	size_t used;
	alignas(max_align_t) char bytes[];
};

static struct arena_chunk *
paid_chunk(const struct arena *arena, size_t whole)
{
	if (arena->budget && !budget_take(arena->budget, BUDGET_UNDER_WAY, whole))
		return NULL;
	struct arena_chunk *chunk = malloc(whole);
	if (!chunk && arena->budget)
		budget_give(arena->budget, whole);
	return chunk;
}

static struct arena_chunk *
add_chunk(struct arena *arena, size_t needed)
{
	size_t size = arena->chunks ? arena->chunks->size * 2 : FIRST_CHUNK_BYTES;

	if (size > LARGEST_STEP_BYTES)
		size = LARGEST_STEP_BYTES;
	if (size < needed)
		size = needed;
	/* The last chunk is as large as the limit leaves room for. */
	size_t left = arena->limit_bytes - arena->used_bytes;
	if (left < sizeof(struct arena_chunk) || left - sizeof(struct arena_chunk) < needed)
		return NULL;
	if (size > left - sizeof(struct arena_chunk))
		size = left - sizeof(struct arena_chunk);
	size_t whole = size + sizeof(struct arena_chunk);
	struct arena_chunk *chunk = paid_chunk(arena, whole);
	if (!chunk)
		return NULL;
	chunk->next = arena->chunks;
	chunk->size = size;
	chunk->used = 0;
	arena->chunks = chunk;
	arena->used_bytes += whole;
	return chunk;
}

void *
arena_alloc(struct arena *arena, size_t size)
{
	const size_t align = alignof(max_align_t);

	if (size > SIZE_MAX - align)
		return NULL;
	size_t rounded = (size + align - 1) / align * align;
	struct arena_chunk *chunk = arena->chunks;
	if (!chunk || chunk->size - chunk->used < rounded)
		chunk = add_chunk(arena, rounded);
	if (!chunk)
		return NULL;
	void *memory = chunk->bytes + chunk->used;
	chunk->used += rounded;
	memset(memory, 0, rounded);
	return memory;
}

struct span
arena_copy(struct arena *arena, struct span bytes)
{
	char *copy = bytes.length < SIZE_MAX ? arena_alloc(arena, bytes.length + 1) : NULL;

	if (!copy)
		return span_make(NULL, 0);
	if (bytes.length)
		memcpy(copy, bytes.data, bytes.length);
	return span_make(copy, bytes.length);
}

void
arena_reset(struct arena *arena)
{
	while (arena->chunks) {
		struct arena_chunk *chunk = arena->chunks;

		arena->chunks = chunk->next;
		free(chunk);
	}
	if (arena->budget)
		budget_give(arena->budget, arena->used_bytes);
	arena->used_bytes = 0;
}
