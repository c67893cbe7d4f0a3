/* The counts of control/door_counts.h: a table of connections, and a hash table of addresses and networks.
 *
 * On failure: see the header.
 */
#include "control/door_counts.h"

#include <stdlib.h>

/* uthash would end the process without memory; told so, it leaves the new entry out instead. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "lib/bug.h"
#include "lib/network_key.h"
#include "lib/rate_table.h"

/* A client address or a network that somebody is connected from. */
struct origin {
	struct network_key key;
	uint64_t connections;
	UT_hash_handle hh;
};

/* A place in the table. Its number is the place and how often it was taken, so that a number that was counted out
 * names nobody for a long time. */
struct connection {
	struct origin *address;     /* NULL: a proxy's */
	struct origin *network;     /* NULL: a proxy's */
	struct peer_address client; /* family 0: a proxy's */
	uint32_t id;
	uint32_t next_free;
	uint32_t harvested; /* unknown recipients that its clients have tried */
	unsigned smtpd;
	enum door_guest guest; /* that it was let in as */
	bool is_taken;
};

enum {
	PLACE_BITS = 17,
	PLACES_MAX = 1 << PLACE_BITS,
	RATE_PLACES = 1 << 16, /* 2 MiB a table */
	MINUTE_US = 60 * 1000 * 1000
};

static const uint64_t HOUR_US = 3600ull * 1000 * 1000;

struct door_counts {
	struct connection *places;
	uint32_t places_count;
	uint32_t first_free; /* places_count: none */
	struct origin *origins;
	struct network_hash hash;
	struct rate_table *rates;    /* connections a minute */
	struct rate_table *harvests; /* unknown recipients an hour */
	struct door_caps caps;
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
	counts->rates = rate_table_new(RATE_PLACES, MINUTE_US);
	counts->harvests = rate_table_new(RATE_PLACES, HOUR_US);
	if (!counts->places || !counts->rates || !counts->harvests || !network_hash_begin(&counts->hash)) {
		rate_table_free(counts->rates);
		rate_table_free(counts->harvests);
		free(counts->places);
		free(counts);
		return NULL;
	}
	for (uint32_t place = 0; place < counts->places_count; place++)
		counts->places[place] = (struct connection){ .id = place, .next_free = place + 1 };
	return counts;
}

void
door_counts_set_caps(struct door_counts *counts, const struct door_caps *caps)
{
	counts->caps = *caps;
}

static struct origin *
find_origin(const struct door_counts *counts, const struct network_key *key)
{
	unsigned hash = network_hash_of(&counts->hash, key);
	struct origin *found;

	HASH_FIND_BYHASHVALUE(hh, counts->origins, key, sizeof *key, hash, found);
	return found;
}

static uint64_t
connections_of(const struct door_counts *counts, const struct network_key *key)
{
	const struct origin *origin = find_origin(counts, key);

	return origin ? origin->connections : 0;
}

/* Counts one for this origin, which is made when it is new; NULL without memory. */
static struct origin *
take_origin(struct door_counts *counts, const struct network_key *key)
{
	struct origin *origin = find_origin(counts, key);

	if (!origin) {
		unsigned hash = network_hash_of(&counts->hash, key);

		origin = calloc(1, sizeof *origin);
		if (!origin)
			return NULL;
		origin->key = *key;
		HASH_ADD_BYHASHVALUE(hh, counts->origins, key, sizeof origin->key, hash, origin);
		if (find_origin(counts, key) != origin) {
			free(origin);
			return NULL;
		}
	}
	origin->connections++;
	return origin;
}

static void
leave_origin(struct door_counts *counts, struct origin *origin)
{
	if (!origin)
		return;
	origin->connections--;
	if (origin->connections > 0)
		return;
	if (!counts->origins)
		BUG("a client of an address that was not counted");
	HASH_DEL(counts->origins, origin);
	free(origin);
}

/* What a client's address is counted under. */
struct origin_keys {
	struct network_key address;
	struct network_key network;
};

static struct origin_keys
keys_of(const struct peer_address *client)
{
	return (struct origin_keys){ network_key_of_address(client), network_key_of_network(client) };
}

static bool
is_proxy(enum door_guest guest)
{
	return guest == DOOR_PROXY || guest == DOOR_PROXY_OF_USERS;
}

static bool
is_harvest(const struct door_counts *counts, const struct origin_keys *keys, uint64_t now_us)
{
	const struct door_caps *caps = &counts->caps;

	return !rate_table_has_room(counts->harvests, &keys->address, caps->harvest_per_address, now_us) ||
	       !rate_table_has_room(counts->harvests, &keys->network, caps->harvest_per_network, now_us);
}

static enum door_verdict
judge(const struct door_counts *counts, const struct origin_keys *keys, enum door_guest guest, uint64_t now_us)
{
	const struct door_caps *caps = &counts->caps;

	if (is_proxy(guest))
		return DOOR_ADMITTED;
	if (caps->per_address && connections_of(counts, &keys->address) >= caps->per_address)
		return DOOR_ADDRESS_FULL;
	if (guest == DOOR_FRIEND)
		return DOOR_ADMITTED;
	if (caps->per_network && connections_of(counts, &keys->network) >= caps->per_network)
		return DOOR_NETWORK_FULL;
	if (!rate_table_has_room(counts->rates, &keys->address, caps->rate_per_address, now_us))
		return DOOR_ADDRESS_RATE;
	if (!rate_table_has_room(counts->rates, &keys->network, caps->rate_per_network, now_us))
		return DOOR_NETWORK_RATE;
	return guest != DOOR_USER && is_harvest(counts, keys, now_us) ? DOOR_HARVEST : DOOR_ADMITTED;
}

/* Counts the connection under its address and network; false without memory. */
static bool
count_origins(struct door_counts *counts, struct connection *connection, const struct origin_keys *keys)
{
	struct origin *address = take_origin(counts, &keys->address);
	struct origin *network = take_origin(counts, &keys->network);

	if (!address || !network) {
		leave_origin(counts, address);
		leave_origin(counts, network);
		return false;
	}
	leave_origin(counts, connection->address);
	leave_origin(counts, connection->network);
	connection->address = address;
	connection->network = network;
	return true;
}

/* Judges a client and counts the connection as its own. */
static enum door_verdict
settle(struct door_counts *counts, struct connection *connection, const struct peer_address *client,
    enum door_guest guest, uint64_t now_us)
{
	struct origin_keys keys = keys_of(client);
	enum door_verdict verdict = judge(counts, &keys, guest, now_us);

	if (verdict != DOOR_ADMITTED || is_proxy(guest))
		return verdict;
	if (!count_origins(counts, connection, &keys))
		return DOOR_NO_MEMORY;
	connection->client = *client;
	if (guest == DOOR_FRIEND)
		return DOOR_ADMITTED;
	rate_table_count(counts->rates, &keys.address, counts->caps.rate_per_address, now_us);
	rate_table_count(counts->rates, &keys.network, counts->caps.rate_per_network, now_us);
	return DOOR_ADMITTED;
}

enum door_verdict
door_counts_admit(struct door_counts *counts, const struct peer_address *client, enum door_guest guest, unsigned smtpd,
    uint64_t now_us, uint32_t *id)
{
	if (smtpd >= PLAN_CORES_MAX)
		BUG("a client for an smtpd that is not in the plan");
	if (counts->first_free == counts->places_count)
		return DOOR_FULL;
	struct connection *connection = &counts->places[counts->first_free];
	enum door_verdict verdict = settle(counts, connection, client, guest, now_us);
	if (verdict != DOOR_ADMITTED)
		return verdict;
	counts->first_free = connection->next_free;
	connection->id += PLACES_MAX; /* wraps, and keeps the place */
	connection->smtpd = smtpd;
	connection->is_taken = true;
	connection->guest = guest;
	counts->in_all++;
	counts->by_smtpd[smtpd]++;
	*id = connection->id;
	return DOOR_ADMITTED;
}

/* The connection of this number, if this smtpd holds it. */
static struct connection *
find_connection(const struct door_counts *counts, uint32_t id, unsigned smtpd)
{
	uint32_t place = id % PLACES_MAX;

	if (place >= counts->places_count)
		return NULL;
	struct connection *connection = &counts->places[place];
	return connection->is_taken && connection->id == id && connection->smtpd == smtpd ? connection : NULL;
}

enum door_verdict
door_counts_announce(struct door_counts *counts, uint32_t id, unsigned smtpd, const struct peer_address *client,
    enum door_guest guest, uint64_t now_us, bool *is_known)
{
	struct connection *connection = find_connection(counts, id, smtpd);

	*is_known = connection && is_proxy(connection->guest);
	if (*is_known && connection->guest == DOOR_PROXY_OF_USERS && guest == DOOR_STRANGER)
		guest = DOOR_USER;
	return *is_known ? settle(counts, connection, client, guest, now_us) : DOOR_ADMITTED;
}

const struct peer_address *
door_counts_client(const struct door_counts *counts, uint32_t id, unsigned smtpd)
{
	const struct connection *connection = find_connection(counts, id, smtpd);

	return connection ? &connection->client : NULL;
}

bool
door_counts_harvest(
    struct door_counts *counts, uint32_t id, const struct peer_address *client, uint64_t most, uint64_t now_us)
{
	struct connection *connection = &counts->places[id % PLACES_MAX];
	struct origin_keys keys = keys_of(client);

	if (connection->harvested < most) {
		connection->harvested++;
		rate_table_count(counts->harvests, &keys.address, counts->caps.harvest_per_address, now_us);
		rate_table_count(counts->harvests, &keys.network, counts->caps.harvest_per_network, now_us);
	}
	return is_harvest(counts, &keys, now_us);
}

/* A quarter: those of before then are in the count a moment too long, and still leave room below the cap. */
static bool
is_near(const struct origin *origin, uint64_t cap)
{
	return origin && cap && origin->connections * 4 >= cap;
}

bool
door_counts_is_near_cap(const struct door_counts *counts, uint32_t id)
{
	const struct connection *connection = &counts->places[id % PLACES_MAX];

	return is_near(connection->address, counts->caps.per_address) ||
	       is_near(connection->network, counts->caps.per_network) || counts->in_all * 4 >= counts->places_count;
}

static void
remove_connection(struct door_counts *counts, struct connection *connection)
{
	leave_origin(counts, connection->address);
	leave_origin(counts, connection->network);
	connection->address = NULL;
	connection->network = NULL;
	connection->client = (struct peer_address){ 0 };
	connection->harvested = 0;
	connection->is_taken = false;
	connection->next_free = counts->first_free;
	counts->first_free = connection->id % PLACES_MAX;
	counts->in_all--;
	counts->by_smtpd[connection->smtpd]--;
}

bool
door_counts_leave(struct door_counts *counts, uint32_t id, unsigned smtpd)
{
	struct connection *connection = find_connection(counts, id, smtpd);

	if (connection)
		remove_connection(counts, connection);
	return connection != NULL;
}

void
door_counts_drop(struct door_counts *counts, unsigned smtpd)
{
	for (uint32_t place = 0; place < counts->places_count && door_counts_of(counts, smtpd) > 0; place++)
		if (counts->places[place].is_taken && counts->places[place].smtpd == smtpd)
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
	rate_table_free(counts->rates);
	rate_table_free(counts->harvests);
	free(counts->places);
	free(counts);
}
