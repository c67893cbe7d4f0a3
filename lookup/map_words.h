/* The words of a line of a recipients file.
 *
 * Trust: the administrator's file. Pure.
 * On failure: an empty word, or false.
 */
#ifndef TIDEGATE_LOOKUP_MAP_WORDS_H
#define TIDEGATE_LOOKUP_MAP_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/span.h"

/* Takes the next word off a line, with its quotes: blanks within double quotes belong to it. Empty at the end, and at a
 * comment. */
struct span map_words_next(struct span *line);
size_t map_words_count(struct span line);
/* Is the whole word one quoted string? */
bool map_words_is_quoted(struct span word);
/* Writes a quoted word without quotes and backslashes to out; false when it has more than size bytes. */
bool map_words_unquote(struct span word, char *out, size_t size, size_t *length);
/* "2G": a number above 0, with K, M, G or T behind it. */
bool map_words_size(struct span word, uint64_t *size);

#endif
