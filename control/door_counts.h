/* Who is connected, who comes how often, and who tries recipients that do not exist: counts in all, by client address,
 * by /24 or /64 and by smtpd, for the door's caps and its choice of an smtpd.
 *
 * Memory is bounded: one place a connection, at most two counters for each of those, and two tables of rates that never
 * grow (lib/rate_table.h). Every step takes the same time whatever the number of clients, and the tables' hashes
 * cannot be aimed at.
 *
 * Trust: addresses are anybody's; an smtpd is heard about connections that it was given, and names a client for those
 * of proxies only.
 * On failure: DOOR_NO_MEMORY is treated as a full house.
 */
#ifndef TIDEGATE_CONTROL_DOOR_COUNTS_H
#define TIDEGATE_CONTROL_DOOR_COUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/peer.h"
#include "lib/plan.h"

struct door_counts;

enum door_verdict {
	DOOR_ADMITTED,
	DOOR_FULL,         /* max-connections */
	DOOR_ADDRESS_FULL, /* max-connections-per-address */
	DOOR_NETWORK_FULL, /* max-connections-per-network */
	DOOR_ADDRESS_RATE, /* connection-rate-per-address */
	DOOR_NETWORK_RATE, /* connection-rate-per-network */
	DOOR_HARVEST,      /* harvest-rate-per-address, harvest-rate-per-network */
	DOOR_NO_MEMORY
};

/* Which caps hold for a client. */
enum door_guest {
	DOOR_STRANGER,      /* all */
	DOOR_USER,          /* nobody tries a recipient there without a login: all but harvests */
	DOOR_FRIEND,        /* loopback, or of `trusted`: connections in all and of its address */
	DOOR_PROXY,         /* connections in all: whom it speaks for is told by door_counts_announce() */
	DOOR_PROXY_OF_USERS /* the same, and strangers that it announces are users */
};

/* 0: no cap. Connections at once, new ones a minute, and unknown recipients an hour. */
struct door_caps {
	uint64_t per_address;
	uint64_t per_network;
	uint64_t rate_per_address;
	uint64_t rate_per_network;
	uint64_t harvest_per_address;
	uint64_t harvest_per_network;
};

/* in_all: places for so many connections, 131,072 at most. NULL without memory. */
struct door_counts *door_counts_new(uint64_t in_all);
void door_counts_free(struct door_counts *counts);
/* Those who are over a new, lower cap stay. */
void door_counts_set_caps(struct door_counts *counts, const struct door_caps *caps);
/* Counts a client in for this smtpd; *id names the connection. now_us: monotonic. */
enum door_verdict door_counts_admit(struct door_counts *counts, const struct peer_address *client,
    enum door_guest guest, unsigned smtpd, uint64_t now_us, uint32_t *id);
/* A connection that was let in turns out to be another client's (the PROXY protocol): counts it for that address from
 * now on. Any verdict but DOOR_ADMITTED: that address has too many, the connection stays counted as it was until it
 * leaves, and should be told to. *is_known is false when this smtpd holds no such connection of a proxy. */
enum door_verdict door_counts_announce(struct door_counts *counts, uint32_t id, unsigned smtpd,
    const struct peer_address *client, enum door_guest guest, uint64_t now_us, bool *is_known);
/* Whose a connection is; family 0 while it is a proxy's. NULL when this smtpd does not hold it. */
const struct peer_address *door_counts_client(const struct door_counts *counts, uint32_t id, unsigned smtpd);
/* This client of a connection that door_counts_client() knows has tried a recipient that does not exist: counts it, but
 * no more than `most` of one connection. Has its address or network tried too many in this hour? */
bool door_counts_harvest(
    struct door_counts *counts, uint32_t id, const struct peer_address *client, uint64_t most, uint64_t now_us);
/* Has this connection's address or network, or the server, so many that a moment's old count could turn somebody
 * away? */
bool door_counts_is_near_cap(const struct door_counts *counts, uint32_t id);
/* Counts one out. False when this smtpd does not hold it. */
bool door_counts_leave(struct door_counts *counts, uint32_t id, unsigned smtpd);
/* Counts out all that an smtpd held: it died. */
void door_counts_drop(struct door_counts *counts, unsigned smtpd);
uint64_t door_counts_all(const struct door_counts *counts);
uint64_t door_counts_of(const struct door_counts *counts, unsigned smtpd);

#endif
