/* The state of the one tidegate-door process, shared by the files of the door; nobody else includes this.
 *
 * Trust: see control/door.h.
 * On failure: see control/door.h.
 */
#ifndef TIDEGATE_CONTROL_DOOR_STATE_H
#define TIDEGATE_CONTROL_DOOR_STATE_H

#include "lib/child.h"
#include "conf/config.h"
#include "control/door_counts.h"
#include "control/door_listener.h"
#include "control/listeners.h"

/* Why a client is turned away at the door. */
enum door_reason {
	REASON_FULL,
	REASON_ADDRESS_FULL,
	REASON_NETWORK_FULL,
	REASON_ADDRESS_RATE,
	REASON_NETWORK_RATE,
	REASON_HARVEST,
	REASON_DESCRIPTORS, /* none is left */
	REASON_NO_PROXY,    /* proxy-from does not list it */
	REASON_BUSY,        /* an smtpd could not take it, there is none, or no memory */
	DOOR_REASONS
};

/* Lines about clients that were turned away: so many a second, and the number of the others in the next line. */
struct door_log {
	uint64_t second;
	uint64_t lines; /* in this second */
	uint64_t unlogged;
};

struct door {
	struct child *child;
	struct config *config;
	struct door_counts *counts;
	struct door_listener listeners[LISTENERS_MAX]; /* by the master's number */
	struct edge *smtpds[PLAN_CORES_MAX];           /* NULL beyond the plan's */
	struct event *rest;                            /* pending: the door is resting */
	int spare_fd; /* given up for a moment to say 421 when descriptors are used up; -1: none */
	uint64_t accepted;
	uint64_t turned_away[DOOR_REASONS];
	struct door_log log;
};

/* door_admit.c */

/* Takes one client in or turns it away. The descriptor stays the caller's. */
void door_admit(const struct door_listener *listener, struct edge *smtpd, int client, const struct peer_address *from);
/* An smtpd asks whether a client that a proxy has announced may come in; answers it. False: out of phase. */
bool door_hear_announced(struct door *door, struct edge *smtpd, const struct ipc_announced_ask *ask);
/* An smtpd says that a client has tried a recipient that does not exist; tells it when those are too many. False: out
 * of phase. */
bool door_hear_harvest(struct door *door, struct edge *smtpd, const struct ipc_harvest *harvest);
/* One reply, if the socket takes it; nobody waits for a client that is turned away. A stranger where only proxies may
 * connect hears nothing. */
void door_turn_away(struct door *door, int client, const struct peer_address *from, enum door_reason reason);
/* Its lines for `tidegate status`. */
void door_append_turned_away(const struct door *door, struct buf *lines);

#endif
