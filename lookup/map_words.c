/* The words of lookup/map_words.h.
 *
 * Trust: the administrator's file. Pure.
 * On failure: see lookup/map_words.h.
 */
#include "lookup/map_words.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct span
map_words_next(struct span *line)
{
	size_t length = 0;
	bool is_inside = false;

	while (line->length && is_blank(line->data[0]))
		*line = span_skip(*line, 1);
	struct span rest = *line;
	if (rest.length && rest.data[0] == '#')
		rest.length = 0;
	for (; length < rest.length && (is_inside || !is_blank(rest.data[length])); length++) {
		if (rest.data[length] == '\\' && is_inside && length + 1 < rest.length)
			length++;
		else if (rest.data[length] == '"')
			is_inside = !is_inside;
	}
	*line = span_skip(rest, length);
	return span_take(rest, length);
}

size_t
map_words_count(struct span line)
{
	size_t count = 0;

	while (map_words_next(&line).length)
		count++;
	return count;
}

bool
map_words_is_quoted(struct span word)
{
	size_t at = 1;

	if (word.length < 2 || word.data[0] != '"')
		return false;
	while (at < word.length && word.data[at] != '"')
		at += word.data[at] == '\\' ? 2 : 1;
	return at + 1 == word.length;
}

bool
map_words_unquote(struct span word, char *out, size_t size, size_t *length)
{
	*length = 0;
	for (size_t i = 1; i + 1 < word.length; i++) {
		if (word.data[i] == '\\')
			i++;
		if (*length == size)
			return false;
		out[(*length)++] = word.data[i];
	}
	return true;
}

bool
map_words_size(struct span word, uint64_t *size)
{
	static const char units[] = "kmgt";
	unsigned shift = 0;
	uint64_t value = 0;

	for (unsigned i = 0; word.length && units[i]; i++)
		if (span_lower(word.data[word.length - 1]) == units[i])
			shift = 10 * (i + 1);
	if (shift)
		word.length--;
	for (size_t i = 0; i < word.length; i++) {
		if (word.data[i] < '0' || word.data[i] > '9' || value > (UINT64_MAX - 9) / 10)
			return false;
		value = value * 10 + (uint64_t)(word.data[i] - '0');
	}
	if (word.length == 0 || value == 0 || value > UINT64_MAX >> shift)
		return false;
	*size = value << shift;
	return true;
}
