/* The list of lookup/map_entries.h.
 *
 * Trust: the administrator's files.
 * On failure: false without memory.
 */
#include "lookup/map_entries.h"

#include <stdlib.h>

enum { FIRST_ENTRIES = 256 };

#define ARENA_BYTES ((size_t)4 << 30)

bool
map_entries_add(struct map_entries *source, const struct map_entry *entry)
{
	if (source->count == source->capacity) {
		size_t capacity = source->capacity ? source->capacity * 2 : FIRST_ENTRIES;

		/* Entries are found again by 32-bit numbers. */
		if (capacity > UINT32_MAX)
			return false;
		struct map_entry *grown = reallocarray(source->entries, capacity, sizeof *grown);
		if (!grown)
			return false;
		source->entries = grown;
		source->capacity = capacity;
	}
	source->entries[source->count++] = *entry;
	return true;
}

bool
map_entries_add_file(struct map_entries *source, struct span name)
{
	if (source->arena.limit_bytes == 0)
		source->arena = ARENA_LIMIT(ARENA_BYTES);
	if (source->file_count == MAP_FILES_MAX)
		return false;
	struct span *grown = reallocarray(source->files, source->file_count + 1, sizeof *grown);
	if (!grown)
		return false;
	source->files = grown;
	source->files[source->file_count] = arena_copy(&source->arena, name);
	return source->files[source->file_count++].data != NULL;
}

void
map_entries_free(struct map_entries *source)
{
	arena_reset(&source->arena);
	free(source->entries);
	free(source->files);
	problems_free(&source->problems);
	*source = (struct map_entries){ 0 };
}

static bool
is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80 ||
	       (c != '\0' && strchr("-_+=.~", c));
}

void
map_default_path(struct span address, struct buf *out)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t at = address.length;

	while (at > 0 && address.data[at - 1] != '@')
		at--;
	buf_append(out, span_skip(address, at));
	buf_append_char(out, '/');
	for (size_t i = 0; i + 1 < at; i++) {
		char c = address.data[i];
		const char escape[3] = { '%', hex[(unsigned char)c >> 4], hex[c & 15] };

		if (is_plain(c) && (c != '.' || i > 0))
			buf_append_char(out, c);
		else
			buf_append(out, span_make(escape, sizeof escape));
	}
}
