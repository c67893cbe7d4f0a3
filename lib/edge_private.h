/* What the two halves of an edge share: life and hearing in edge.c, speaking in edge_send.c. Nobody else includes this.
 *
 * Trust: see lib/edge.h.
 * On failure: see lib/edge.h.
 */
#ifndef TIDEGATE_LIB_EDGE_PRIVATE_H
#define TIDEGATE_LIB_EDGE_PRIVATE_H

#include <sys/queue.h>

#include "lib/edge.h"

/* A datagram that the kernel had no room for. */
struct waiting {
	STAILQ_ENTRY(waiting) next;
	int descriptor; /* owned, or -1 */
	size_t length;
	char bytes[];
};

struct edge {
	struct event_base *base;
	struct ipc_channel channel;
	unsigned peer_instance;
	const struct edge_events *events;
	void *context;
	struct event *readable;
	struct event *writable;
	STAILQ_HEAD(, waiting) queue;
	size_t queued_bytes;
	size_t queue_limit_bytes;
	char *gathered; /* IPC_MESSAGE_BYTES of room for messages that leave together; NULL: each leaves alone */
	size_t gathered_bytes;
	struct event *round_end; /* sends them */
	bool is_open;
	unsigned generation; /* counts descriptors, so that a callback may close or replace its own edge */
	uint64_t woken_us;
	bool is_busy; /* the last wake-up found more than one message: look for more at once */
};

/* Closes the edge and tells its room. */
void edge_gone(struct edge *edge);
/* Gives up a datagram that waited; its descriptor is the caller's to close. */
void edge_free_waiting(struct waiting *waiting);
/* There is room for what waits. */
void edge_on_writable(evutil_socket_t fd, short what, void *argument);

#endif
