/* The counts of control/door_counts.h: a table of connections, and a hash table of addresses.
 *
 * On failure: see the header.
 */
#include "control/door_counts.h"

#include <stdlib.h>

/* uthash would end the process without memory; told so, it leaves the new entry out instead. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "lib/bug.h"

/* What tells one client from another: no padding, no port. */
struct address_key {
	uint8_t bytes[17];
};

struct address_count {
	struct address_key key;
	uint64_t connections;
	UT_hash_handle hh;
};

/* A place in the table. Its number is the place and how often it was taken, so that a number that was counted out
 * names nobody for a long time. */
struct connection {
	struct address_count *address; /* NULL: the place is free */
	uint32_t id;
	uint32_t next_free;
	unsigned smtpd;
};

enum { PLACE_BITS = 17, PLACES_MAX = 1 << PLACE_BITS };

struct door_counts {
	struct connection *places;
	uint32_t places_count;
	uint32_t first_free; /* places_count: none */
	struct address_count *addresses;
	uint64_t per_address_cap;
	uint64_t in_all;
	uint64_t by_smtpd[PLAN_CORES_MAX];
};

struct door_counts *
door_counts_new(uint64_t in_all_cap)
{
	struct door_counts *counts = calloc(1, sizeof *counts);

	if (!counts)
		return NULL;
	counts->places_count = in_all_cap > PLACES_MAX ? PLACES_MAX : (uint32_t)in_all_cap;
	counts->places = calloc(counts->places_count, sizeof *counts->places);
	if (!counts->places) {
		free(counts);
		return NULL;
	}
	for (uint32_t place = 0; place < counts->places_count; place++)
		counts->places[place] = (struct connection){ .id = place, .next_free = place + 1 };
	return counts;
}

void
door_counts_set_cap(struct door_counts *counts, uint64_t per_address)
{
	counts->per_address_cap = per_address;
}

static struct address_key
make_key(const struct peer_address *client)
{
	struct address_key key;

	key.bytes[0] = client->family;
	memcpy(key.bytes + 1, client->ip, sizeof client->ip);
	return key;
}

static struct address_count *
find_address(struct door_counts *counts, const struct address_key *key)
{
	struct address_count *found;

	HASH_FIND(hh, counts->addresses, key, sizeof *key, found);
	return found;
}

/* The entry of an address, made when it is new; NULL without memory. */
static struct address_count *
take_address(struct door_counts *counts, const struct peer_address *client)
{
	struct address_key key = make_key(client);
	struct address_count *address = find_address(counts, &key);

	if (address)
		return address;
	address = calloc(1, sizeof *address);
	if (!address)
		return NULL;
	address->key = key;
	HASH_ADD(hh, counts->addresses, key, sizeof address->key, address);
	if (find_address(counts, &key) == address)
		return address;
	free(address);
	return NULL;
}

static uint32_t
add_connection(struct door_counts *counts, struct address_count *address, unsigned smtpd)
{
	struct connection *connection = &counts->places[counts->first_free];

	counts->first_free = connection->next_free;
	connection->id += PLACES_MAX; /* wraps, and keeps the place */
	connection->smtpd = smtpd;
	connection->address = address;
	address->connections++;
	counts->in_all++;
	counts->by_smtpd[smtpd]++;
	return connection->id;
}

enum door_verdict
door_counts_admit(struct door_counts *counts, const struct peer_address *client, unsigned smtpd, uint32_t *id)
{
	if (smtpd >= PLAN_CORES_MAX)
		BUG("a client for an smtpd that is not in the plan");
	if (counts->first_free == counts->places_count)
		return DOOR_FULL;
	struct address_count *address = take_address(counts, client);
	if (!address)
		return DOOR_NO_MEMORY;
	if (counts->per_address_cap && address->connections >= counts->per_address_cap)
		return DOOR_ADDRESS_FULL;
	*id = add_connection(counts, address, smtpd);
	return DOOR_ADMITTED;
}

bool
door_counts_is_near_cap(const struct door_counts *counts, uint32_t id)
{
	const struct address_count *address = counts->places[id % PLACES_MAX].address;

	/* A quarter: those of before then are in the count a moment too long, and still leave room below the cap. */
	return (counts->per_address_cap && address->connections * 4 >= counts->per_address_cap) ||
	       counts->in_all * 4 >= counts->places_count;
}

static void
remove_connection(struct door_counts *counts, struct connection *connection)
{
	struct address_count *address = connection->address;

	connection->address = NULL;
	connection->next_free = counts->first_free;
	counts->first_free = connection->id % PLACES_MAX;
	counts->in_all--;
	counts->by_smtpd[connection->smtpd]--;
	address->connections--;
	if (address->connections > 0)
		return;
	if (!counts->addresses)
		BUG("a client of an address that was not counted");
	HASH_DEL(counts->addresses, address);
	free(address);
}

bool
door_counts_leave(struct door_counts *counts, uint32_t id, unsigned smtpd)
{
	uint32_t place = id % PLACES_MAX;

	if (place >= counts->places_count)
		return false;
	struct connection *connection = &counts->places[place];
	if (!connection->address || connection->id != id || connection->smtpd != smtpd)
		return false;
	remove_connection(counts, connection);
	return true;
}

void
door_counts_drop(struct door_counts *counts, unsigned smtpd)
{
	for (uint32_t place = 0; place < counts->places_count && door_counts_of(counts, smtpd) > 0; place++)
		if (counts->places[place].address && counts->places[place].smtpd == smtpd)
			remove_connection(counts, &counts->places[place]);
}

uint64_t
door_counts_all(const struct door_counts *counts)
{
	return counts->in_all;
}

uint64_t
door_counts_of(const struct door_counts *counts, unsigned smtpd)
{
	return smtpd < PLAN_CORES_MAX ? counts->by_smtpd[smtpd] : 0;
}

void
door_counts_free(struct door_counts *counts)
{
	for (unsigned smtpd = 0; smtpd < PLAN_CORES_MAX; smtpd++)
		door_counts_drop(counts, smtpd);
	free(counts->places);
	free(counts);
}
