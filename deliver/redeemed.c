/* The mailboxes and parties of deliver/redeemed.h: doubles are found by sorting, parties by joining what they join.
 *
 * On failure: see deliver/redeemed.h.
 */
#include "deliver/redeemed.h"

#include <stdlib.h>
#include <string.h>

static int
compare_places(const void *left, const void *right)
{
	const struct candidate *a = left;
	const struct candidate *b = right;

	if (a->to.root != b->to.root)
		return a->to.root < b->to.root ? -1 : 1;
	int order = strcmp(a->to.path, b->to.path);
	if (order != 0)
		return order;
	return a->order < b->order ? -1 : 1;
}

static int
compare_orders(const void *left, const void *right)
{
	const struct candidate *a = left;
	const struct candidate *b = right;

	return a->order < b->order ? -1 : 1;
}

static bool
is_same_place(const struct destination *a, const struct destination *b)
{
	return a->root == b->root && strcmp(a->path, b->path) == 0;
}

/* The first handle of a party. While parties form, each handle names one before it that it stands with, or itself. */
static unsigned
first_of(unsigned *parties, unsigned handle)
{
	while (parties[handle] != handle) {
		parties[handle] = parties[parties[handle]];
		handle = parties[handle];
	}
	return handle;
}

static void
join(unsigned *parties, unsigned left, unsigned right)
{
	unsigned a = first_of(parties, left);
	unsigned b = first_of(parties, right);

	if (a < b)
		parties[b] = a;
	else
		parties[a] = b;
}

/* Keeps the first of those that lead to the same place, in their old order, and joins those that do; how many are left.
 */
static size_t
drop_doubles(struct candidate *candidates, size_t count, unsigned *parties)
{
	size_t kept = 0;

	qsort(candidates, count, sizeof *candidates, compare_places);
	for (size_t i = 0; i < count; i++) {
		const struct candidate *last = kept ? &candidates[kept - 1] : NULL;

		if (last && is_same_place(&last->to, &candidates[i].to))
			join(parties, last->handle, candidates[i].handle);
		else
			candidates[kept++] = candidates[i];
	}
	qsort(candidates, kept, sizeof *candidates, compare_orders);
	return kept;
}

/* Numbers the parties in the order of their first handles, which stand before all others of theirs; how many. */
static unsigned
number_parties(unsigned *parties, size_t handle_count)
{
	unsigned count = 0;

	for (unsigned i = 0; i < handle_count; i++)
		parties[i] = first_of(parties, i);
	for (unsigned i = 0; i < handle_count; i++)
		parties[i] = parties[i] == i ? count++ : parties[parties[i]];
	return count;
}

bool
redeemed_form(
    struct arena *arena, struct candidate *candidates, size_t count, size_t handle_count, struct redeemed *out)
{
	unsigned *parties = arena_alloc(arena, handle_count * sizeof *parties);

	if (!parties)
		return false;
	for (unsigned i = 0; i < handle_count; i++)
		parties[i] = i;
	count = drop_doubles(candidates, count, parties);
	struct destination *destinations = arena_alloc(arena, count * sizeof *destinations);
	if (!destinations)
		return false;
	out->parties = parties;
	out->handle_count = handle_count;
	out->party_count = number_parties(parties, handle_count);
	for (size_t i = 0; i < count; i++) {
		destinations[i] = candidates[i].to;
		destinations[i].party = parties[candidates[i].handle];
	}
	out->destinations = destinations;
	out->count = count;
	return true;
}
