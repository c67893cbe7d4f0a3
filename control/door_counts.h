/* Who is connected: counts in all, by client address and by smtpd, for the door's caps and its choice of an smtpd.
 *
 * Trust: addresses are anybody's; the numbers that an smtpd says are closed are checked against what it was given.
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
	DOOR_NO_MEMORY
};

/* in_all: places for so many connections, 131,072 at most. NULL without memory. */
struct door_counts *door_counts_new(uint64_t in_all);
void door_counts_free(struct door_counts *counts);
/* 0: no cap. Those who are over a new, lower cap stay. */
void door_counts_set_cap(struct door_counts *counts, uint64_t per_address);
/* Counts a client in for this smtpd; *id names the connection. */
enum door_verdict door_counts_admit(
    struct door_counts *counts, const struct peer_address *client, unsigned smtpd, uint32_t *id);
/* Has this connection's address, or the server, so many that a moment's old count could turn somebody away? */
bool door_counts_is_near_cap(const struct door_counts *counts, uint32_t id);
/* Counts one out. False when this smtpd does not hold it. */
bool door_counts_leave(struct door_counts *counts, uint32_t id, unsigned smtpd);
/* Counts out all that an smtpd held: it died. */
void door_counts_drop(struct door_counts *counts, unsigned smtpd);
uint64_t door_counts_all(const struct door_counts *counts);
uint64_t door_counts_of(const struct door_counts *counts, unsigned smtpd);

#endif
