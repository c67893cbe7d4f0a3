/* One listening socket as the door has it: lent by the master, with what its connections are for.
 *
 * Trust: the master's word.
 * On failure: false, with a line in the log; nobody is accepted there.
 */
#ifndef TIDEGATE_CONTROL_DOOR_LISTENER_H
#define TIDEGATE_CONTROL_DOOR_LISTENER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/ipc.h"

struct door;

struct door_listener {
	struct door *door;
	int fd; /* -1: none */
	char name[IPC_DOMAIN_BYTES + 1];
	uint8_t role;       /* enum listener_role */
	uint8_t tls;        /* enum listener_tls */
	bool is_proxied;    /* every connection begins with a PROXY header… */
	struct buf proxies; /* …and comes from one of these networks */
	struct event *acceptable;
	bool is_busy; /* clients come in flocks: look for more than one at a wake-up */
	uint64_t woken_us;
};

/* Takes the socket and the facts of a LISTENER message; on_acceptable is called with the listener. */
bool door_listener_open(struct door_listener *listener, struct event_base *base, const struct ipc_message *message,
    event_callback_fn on_acceptable);
void door_listener_close(struct door_listener *listener);
/* May this peer connect at all? */
bool door_listener_suits(const struct door_listener *listener, const struct peer_address *peer);
/* Fills in what CONNECTION says of the listener. */
void door_listener_describe(const struct door_listener *listener, struct ipc_connection *connection);
/* Called at each wake-up: is it so close to the last that clients come in flocks? */
bool door_listener_came_at_once(struct door_listener *listener);

#endif
