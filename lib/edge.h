/* A channel to a neighbour process inside an event loop: receives, hands each message to its room, queues what the
 * kernel has no room for, and is replaced when the neighbour was restarted.
 *
 * Trust: none in the peer. A message that ipc_receive calls IPC_BAD is logged and closes the edge.
 * On failure: edge_send says so at once; the room then answers its client with a 4xx, never waits.
 */
#ifndef TIDEGATE_LIB_EDGE_H
#define TIDEGATE_LIB_EDGE_H

#include <event2/event.h>

#include "lib/ipc.h"

struct edge;

struct edge_events {
	/* A message came. Its descriptor, if any, belongs to the callee; one that should be there is -1 when this
	 * process has none left (ipc_descriptors tells). False: it was out of phase (why is logged by the callee); the
	 * edge is closed as if the peer had died. */
	bool (*on_message)(void *context, struct edge *edge, const struct ipc_message *message);
	/* The peer is gone or broke the protocol. The edge stays, closed, until edge_attach(). */
	void (*on_gone)(void *context, struct edge *edge);
};

/* Called for every edge of this process whose peer broke the protocol, before on_gone. NULL: nobody is told. */
typedef void edge_breach_reporter(void *context, enum role peer, unsigned peer_instance, const char *what);
void edge_report_breaches(edge_breach_reporter *reporter, void *context);

/* An edge without a descriptor yet. queue_limit_bytes caps what waits for room. Owned by the caller; NULL without
 * memory. */
struct edge *edge_new(struct event_base *base, enum role self, enum role peer, unsigned peer_instance,
    size_t queue_limit_bytes, const struct edge_events *events, void *context);
/* Attaches (or replaces) the descriptor, which the edge then owns. What was queued for the old one is dropped, and so
 * is what was not read of it: on_gone is called first when it was still open. */
bool edge_attach(struct edge *edge, int fd);
bool edge_is_open(const struct edge *edge);
enum role edge_peer(const struct edge *edge);
unsigned edge_peer_instance(const struct edge *edge);
int edge_descriptor(const struct edge *edge);
/* True when the message was sent, gathered or queued. The message's descriptor stays the caller's (a queued one is
 * duplicated). False: closed, or the queue is full. */
bool edge_send(struct edge *edge, const struct ipc_message *message);
/* From now on messages without a descriptor are gathered and leave together, at the end of the event loop's round at
 * the latest: fewer calls and wake-ups when many sessions speak at once. False without memory. */
bool edge_gather(struct edge *edge);
/* Sends what is gathered now. False: there was no room, and it stays gathered. */
bool edge_flush(struct edge *edge);
/* A message that must not be lost could not be sent: the peer does not read. It is treated as one that broke the
 * protocol, so that the master starts another. */
void edge_give_up(struct edge *edge, const char *why);
/* Takes what has come already, without waiting for the loop: before a decision that hangs on it. */
void edge_catch_up(struct edge *edge);
/* In on_message: overwrites a field of the message, which lies in memory of the edges' own. For what must not stay
 * there, such as a password. */
void edge_wipe(struct span field);
/* Closes the descriptor without calling on_gone. */
void edge_close(struct edge *edge);
void edge_free(struct edge *edge);

#endif
