/* The set of smtpd/sessions.h: a growing table with a queue of free places, the longest free first.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "smtpd/sessions.h"

#include <stdbool.h>
#include <stdlib.h>

enum {
	PLACE_BITS = 18, /* more than max-connections can be */
	PLACES_MAX = 1 << PLACE_BITS,
	GENERATIONS = 1 << (32 - PLACE_BITS),
	FIRST_PLACES = 64,
	NO_PLACE = PLACES_MAX
};

struct place {
	struct conn *conn; /* NULL: free */
	uint32_t next_free;
	uint32_t generation; /* 1 … GENERATIONS - 1 */
};

struct sessions {
	size_t conn_bytes;
	struct place *places;
	uint32_t allocated;
	size_t count;
	uint32_t first_free;
	uint32_t last_free;
};

struct sessions *
sessions_new(size_t conn_bytes)
{
	struct sessions *sessions = calloc(1, sizeof *sessions);

	if (!sessions)
		return NULL;
	sessions->conn_bytes = conn_bytes;
	sessions->first_free = NO_PLACE;
	sessions->last_free = NO_PLACE;
	return sessions;
}

static void
put_free(struct sessions *sessions, uint32_t number)
{
	sessions->places[number].next_free = NO_PLACE;
	if (sessions->first_free == NO_PLACE)
		sessions->first_free = number;
	else
		sessions->places[sessions->last_free].next_free = number;
	sessions->last_free = number;
}

static bool
grow(struct sessions *sessions)
{
	uint32_t wanted = sessions->allocated ? sessions->allocated * 2 : FIRST_PLACES;

	if (wanted > PLACES_MAX)
		return false;
	struct place *places = realloc(sessions->places, wanted * sizeof *places);
	if (!places)
		return false;
	sessions->places = places;
	while (sessions->allocated < wanted) {
		uint32_t number = sessions->allocated++;

		places[number] = (struct place){ .generation = 1 };
		put_free(sessions, number);
	}
	return true;
}

struct conn *
sessions_add(struct sessions *sessions, size_t limit, uint32_t *id)
{
	if (sessions->count >= limit || (sessions->first_free == NO_PLACE && !grow(sessions)))
		return NULL;
	struct conn *conn = calloc(1, sessions->conn_bytes);
	if (!conn)
		return NULL;
	uint32_t number = sessions->first_free;
	struct place *place = &sessions->places[number];
	sessions->first_free = place->next_free;
	if (sessions->first_free == NO_PLACE)
		sessions->last_free = NO_PLACE;
	place->conn = conn;
	sessions->count++;
	*id = place->generation << PLACE_BITS | number;
	return conn;
}

struct conn *
sessions_find(const struct sessions *sessions, uint32_t id)
{
	uint32_t number = id & (PLACES_MAX - 1);

	if (number >= sessions->allocated || sessions->places[number].generation != id >> PLACE_BITS)
		return NULL;
	return sessions->places[number].conn;
}

void
sessions_remove(struct sessions *sessions, uint32_t id)
{
	struct conn *conn = sessions_find(sessions, id);
	uint32_t number = id & (PLACES_MAX - 1);

	if (!conn)
		return;
	struct place *place = &sessions->places[number];
	place->conn = NULL;
	place->generation = place->generation + 1 < GENERATIONS ? place->generation + 1 : 1;
	put_free(sessions, number);
	sessions->count--;
	free(conn);
}

size_t
sessions_count(const struct sessions *sessions)
{
	return sessions->count;
}

void
sessions_each(struct sessions *sessions, void (*visit)(struct conn *conn, void *argument), void *argument)
{
	for (uint32_t i = 0; i < sessions->allocated; i++)
		if (sessions->places[i].conn)
			visit(sessions->places[i].conn, argument);
}

void
sessions_free(struct sessions *sessions)
{
	if (!sessions)
		return;
	for (uint32_t i = 0; i < sessions->allocated; i++)
		free(sessions->places[i].conn);
	free(sessions->places);
	free(sessions);
}
