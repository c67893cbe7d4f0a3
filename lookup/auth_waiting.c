/* The table of lookup/auth_waiting.h.
 *
 * On failure: see the header.
 */
#include "lookup/auth_waiting.h"

struct auth_place *
auth_waiting_add(struct auth_waiting *waiting, const struct auth_try *attempt, uint64_t deadline_ms)
{
	struct auth_place *place = waiting->places;
	const struct auth_place *end = waiting->places + AUTH_LINK_TRIES;

	while (place < end && place->is_taken)
		place++;
	if (place == end)
		return NULL;
	*place = (struct auth_place){
		.is_taken = true, .id = ++waiting->last_id, .deadline_ms = deadline_ms, .attempt = *attempt
	};
	return place;
}

struct auth_place *
auth_waiting_next(struct auth_waiting *waiting, struct auth_place *place)
{
	struct auth_place *next = place ? place + 1 : waiting->places;
	const struct auth_place *end = waiting->places + AUTH_LINK_TRIES;

	while (next < end && !next->is_taken)
		next++;
	return next < end ? next : NULL;
}

struct auth_place *
auth_waiting_find(struct auth_waiting *waiting, uint32_t id)
{
	struct auth_place *place = auth_waiting_next(waiting, NULL);

	while (place && (place->id != id || !place->is_sent))
		place = auth_waiting_next(waiting, place);
	return place;
}

size_t
auth_waiting_length(const struct auth_waiting *waiting)
{
	size_t count = 0;

	for (size_t i = 0; i < AUTH_LINK_TRIES; i++)
		count += waiting->places[i].is_taken;
	return count;
}

void
auth_place_free(struct auth_place *place)
{
	place->is_taken = false;
	auth_try_wipe(&place->attempt);
}
