/* The line cutter of smtpd/line.h.
 *
 * Trust: none in the bytes.
 * On failure: see enum line_result.
 */
#include "smtpd/line.h"

#include <stdbool.h>

/* True when the bytes of a line before its LF, or before the end of what is at hand, cannot belong to a line: a NUL,
 * or a CR with anything but the end right behind it. */
static bool
is_broken(struct span text)
{
	size_t cr = span_find(text, '\r');

	return cr + 1 < text.length || span_find(text, '\0') < text.length;
}

enum line_result
line_take(struct span bytes, size_t limit_bytes, size_t *scanned, struct span *line, size_t *taken)
{
	struct span window = span_take(bytes, limit_bytes);
	struct span fresh = span_skip(window, *scanned);
	size_t newline = span_find(fresh, '\n');
	struct span text = span_take(fresh, newline);

	*line = span_make(bytes.data, 0);
	*taken = 0;
	if (is_broken(text))
		return LINE_BROKEN;
	bool ends_in_cr = text.length && text.data[text.length - 1] == '\r';
	if (newline < fresh.length) {
		if (!ends_in_cr)
			return LINE_BROKEN;
		*taken = *scanned + newline + 1;
		*line = span_take(bytes, *taken - 2);
		*scanned = 0;
		return LINE_WHOLE;
	}
	/* A CR at the end is looked at again with what follows it, also when the line before it is thrown away. */
	size_t judged = window.length - (ends_in_cr ? 1 : 0);
	if (window.length < limit_bytes) {
		*scanned = judged;
		return LINE_PARTIAL;
	}
	*taken = judged;
	*scanned = 0;
	return LINE_LONG;
}
