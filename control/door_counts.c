/* The counts of control/door_counts.h: two hash tables, connections by number and addresses by address.
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

struct connection {
	uint32_t id;
	unsigned smtpd;
	struct address_count *address;
	UT_hash_handle hh;
};

struct door_counts {
	struct connection *connections;
	struct address_count *addresses;
	uint64_t in_all_cap;
	uint64_t per_address_cap;
	uint64_t in_all;
	uint64_t by_smtpd[PLAN_CORES_MAX];
	uint32_t last_id;
};

struct door_counts *
door_counts_new(void)
{
	return calloc(1, sizeof(struct door_counts));
}

void
door_counts_set_caps(struct door_counts *counts, uint64_t in_all, uint64_t per_address)
{
	counts->in_all_cap = in_all;
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

static void
release_address(struct door_counts *counts, struct address_count *address)
{
	if (address->connections > 0)
		return;
	HASH_DEL(counts->addresses, address);
	free(address);
}

static struct connection *
find_connection(const struct door_counts *counts, uint32_t id)
{
	struct connection *found;

	HASH_FIND(hh, counts->connections, &id, sizeof id, found);
	return found;
}

/* Numbers are used again only after four thousand million others, and never while in use. */
static uint32_t
next_id(struct door_counts *counts)
{
	do {
		counts->last_id++;
	} while (counts->last_id == 0 || find_connection(counts, counts->last_id));
	return counts->last_id;
}

static bool
add_connection(struct door_counts *counts, struct address_count *address, unsigned smtpd, uint32_t *id)
{
	struct connection *connection = calloc(1, sizeof *connection);

	if (!connection)
		return false;
	connection->id = next_id(counts);
	connection->smtpd = smtpd;
	connection->address = address;
	HASH_ADD(hh, counts->connections, id, sizeof connection->id, connection);
	if (find_connection(counts, connection->id) != connection) {
		free(connection);
		return false;
	}
	*id = connection->id;
	address->connections++;
	counts->in_all++;
	counts->by_smtpd[smtpd]++;
	return true;
}

enum door_verdict
door_counts_admit(struct door_counts *counts, const struct peer_address *client, unsigned smtpd, uint32_t *id)
{
	if (smtpd >= PLAN_CORES_MAX)
		BUG("a client for an smtpd that is not in the plan");
	if (counts->in_all >= counts->in_all_cap)
		return DOOR_FULL;
	struct address_count *address = take_address(counts, client);
	if (!address)
		return DOOR_NO_MEMORY;
	enum door_verdict verdict = DOOR_ADMITTED;
	if (counts->per_address_cap && address->connections >= counts->per_address_cap)
		verdict = DOOR_ADDRESS_FULL;
	else if (!add_connection(counts, address, smtpd, id))
		verdict = DOOR_NO_MEMORY;
	release_address(counts, address);
	return verdict;
}

static void
remove_connection(struct door_counts *counts, struct connection *connection)
{
	counts->in_all--;
	counts->by_smtpd[connection->smtpd]--;
	connection->address->connections--;
	release_address(counts, connection->address);
	HASH_DEL(counts->connections, connection);
	free(connection);
}

bool
door_counts_leave(struct door_counts *counts, uint32_t id, unsigned smtpd)
{
	struct connection *connection = find_connection(counts, id);

	if (!connection || connection->smtpd != smtpd)
		return false;
	remove_connection(counts, connection);
	return true;
}

void
door_counts_drop(struct door_counts *counts, unsigned smtpd)
{
	struct connection *connection;
	struct connection *next;

	HASH_ITER(hh, counts->connections, connection, next)
	{
		if (connection->smtpd == smtpd)
			remove_connection(counts, connection);
	}
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
	free(counts);
}
