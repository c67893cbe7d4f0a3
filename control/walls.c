/* The sentence about missing walls; see control/walls.h.
 *
 * On failure: the buffer's sticky error.
 */
#include "control/walls.h"

bool
walls_any_missing(const struct children *children)
{
	for (unsigned i = 0; i < children->count; i++)
		if (children->table[i].missing_walls.length)
			return true;
	return false;
}

static bool
same_missing(const struct process *a, const struct process *b)
{
	return span_equal(buf_span(&a->missing_walls), buf_span(&b->missing_walls));
}

/* Has a process before this one said the same? */
static bool
is_described(const struct children *children, unsigned place)
{
	for (unsigned i = 0; i < place; i++)
		if (same_missing(&children->table[i], &children->table[place]))
			return true;
	return false;
}

void
walls_describe(const struct children *children, struct buf *text)
{
	for (unsigned i = 0; i < children->count; i++) {
		const struct process *process = &children->table[i];

		if (process->missing_walls.length == 0 || is_described(children, i))
			continue;
		if (text->length)
			buf_append_text(text, "; ");
		buf_append(text, buf_span(&process->missing_walls));
		buf_append_text(text, " in ");
		buf_append_text(text, process->name);
		for (unsigned other = i + 1; other < children->count; other++)
			if (same_missing(process, &children->table[other]))
				buf_printf(text, ", %s", children->table[other].name);
	}
}
