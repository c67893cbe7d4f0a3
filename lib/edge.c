/* The edge of lib/edge.h.
 *
 * Trust: none in the peer.
 * On failure: an edge whose peer is gone or broke the protocol is closed; its room hears it by on_gone, once.
 */
#include "lib/edge_private.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/bug.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/plan.h"

/* So many messages are taken at one wake-up at most, so that no neighbour starves the others. */
enum { MESSAGES_A_WAKE_UP = 16 };

static edge_breach_reporter *breach_reporter;
static void *breach_context;

static void on_readable(evutil_socket_t fd, short what, void *argument);

void
edge_report_breaches(edge_breach_reporter *reporter, void *context)
{
	breach_reporter = reporter;
	breach_context = context;
}

struct edge *
edge_new(struct event_base *base, enum role self, enum role peer, unsigned peer_instance, size_t queue_limit_bytes,
    const struct edge_events *events, void *context)
{
	struct edge *edge = calloc(1, sizeof *edge);

	if (!edge)
		return NULL;
	edge->base = base;
	edge->channel = (struct ipc_channel){ .fd = -1, .self = self, .peer = peer };
	edge->peer_instance = peer_instance;
	edge->queue_limit_bytes = queue_limit_bytes;
	edge->events = events;
	edge->context = context;
	STAILQ_INIT(&edge->queue);
	return edge;
}

static void
drop_queue(struct edge *edge)
{
	while (!STAILQ_EMPTY(&edge->queue)) {
		struct waiting *first = STAILQ_FIRST(&edge->queue);

		STAILQ_REMOVE_HEAD(&edge->queue, next);
		if (first->descriptor >= 0)
			(void)close(first->descriptor);
		edge_free_waiting(first);
	}
	edge->queued_bytes = 0;
}

/* In a child the channels of the plan have fixed numbers, which the system-call rules rely on. */
static bool
is_fixed(const struct edge *edge)
{
	return edge->channel.self != ROLE_MASTER && edge->channel.fd < FD_EDGES_END;
}

void
edge_close(struct edge *edge)
{
	if (edge->readable)
		event_free(edge->readable);
	if (edge->writable)
		event_free(edge->writable);
	edge->readable = NULL;
	edge->writable = NULL;
	drop_queue(edge);
	edge->gathered_bytes = 0;
	edge->channel.unread = span_make(NULL, 0);
	edge->generation++;
	edge->is_open = false;
	if (edge->channel.fd < 0)
		return;
	if (is_fixed(edge)) {
		/* The number stays taken, so that no client's socket can get it before the next attach. */
		(void)shutdown(edge->channel.fd, SHUT_RDWR);
	} else {
		(void)close(edge->channel.fd);
		edge->channel.fd = -1;
	}
}

/* Moves fd to the edge's number, if it has one. */
static bool
take_number(struct edge *edge, int fd)
{
	if (edge->channel.fd < 0 || edge->channel.fd == fd) {
		edge->channel.fd = fd;
		return true;
	}
	bool moved = dup3(fd, edge->channel.fd, O_CLOEXEC) >= 0;
	(void)close(fd);
	return moved;
}

void
edge_gone(struct edge *edge)
{
	edge_close(edge);
	if (edge->events->on_gone)
		edge->events->on_gone(edge->context, edge);
}

bool
edge_attach(struct edge *edge, int fd)
{
	/* The new channel may come before the end of the old one was heard: who replaces a peer has lost it first. */
	if (edge->is_open)
		edge_gone(edge);
	if (!take_number(edge, fd))
		return false;
	edge->is_open = true;
	edge->is_busy = false;
	edge->readable = event_new(edge->base, edge->channel.fd, EV_READ | EV_PERSIST, on_readable, edge);
	edge->writable = event_new(edge->base, edge->channel.fd, EV_WRITE | EV_PERSIST, edge_on_writable, edge);
	if (!edge->readable || !edge->writable || event_add(edge->readable, NULL) != 0) {
		edge_close(edge);
		return false;
	}
	return true;
}

bool
edge_is_open(const struct edge *edge)
{
	return edge->is_open;
}

enum role
edge_peer(const struct edge *edge)
{
	return edge->channel.peer;
}

unsigned
edge_peer_instance(const struct edge *edge)
{
	return edge->peer_instance;
}

int
edge_descriptor(const struct edge *edge)
{
	return edge->channel.fd;
}

void
edge_free(struct edge *edge)
{
	if (!edge)
		return;
	edge_close(edge);
	if (edge->round_end)
		event_free(edge->round_end);
	free(edge->gathered);
	free(edge);
}

static const char *
peer_name(const struct edge *edge)
{
	return edge->channel.peer == ROLE_MASTER ? "master" : plan_row(edge->channel.peer)->short_name;
}

static void
end_broken(struct edge *edge, const char *what)
{
	log_error("%s.%u broke the protocol: %s; its channel is closed", peer_name(edge), edge->peer_instance, what);
	if (breach_reporter && edge->channel.peer != ROLE_MASTER)
		breach_reporter(breach_context, edge->channel.peer, edge->peer_instance, what);
	edge_gone(edge);
}

void
edge_give_up(struct edge *edge, const char *why)
{
	if (edge->is_open)
		end_broken(edge, why);
}

/* Receives and hands on one message. False: nothing more to take from this descriptor now. */
static bool
take_message(struct edge *edge)
{
	static _Thread_local char storage[IPC_MESSAGE_BYTES];
	unsigned generation = edge->generation;
	struct ipc_message message;
	const char *why = NULL;

	switch (ipc_receive(&edge->channel, storage, sizeof storage, &message, &why)) {
	case IPC_OK:
		break;
	case IPC_AGAIN:
		return false;
	case IPC_GONE:
		edge_gone(edge);
		return false;
	case IPC_BAD:
		end_broken(edge, why);
		return false;
	}
	bool in_phase = edge->events->on_message(edge->context, edge, &message);
	if (edge->generation != generation)
		return false;
	if (!in_phase) {
		char what[64];

		(void)snprintf(what, sizeof what, "%s out of phase", ipc_name(message.type));
		end_broken(edge, what);
		return false;
	}
	return true;
}

void
edge_wipe(struct span field)
{
	/* Into storage of take_message(), which is not constant. */
	if (field.length)
		explicit_bzero((char *)(uintptr_t)field.data, field.length);
}

void
edge_catch_up(struct edge *edge)
{
	for (unsigned taken = 0; edge->is_open && (taken < MESSAGES_A_WAKE_UP || edge->channel.unread.length); taken++)
		if (!take_message(edge))
			return;
}

/* Was the wake-up before this one so short ago that more messages are likely to wait? */
static bool
came_at_once(struct edge *edge)
{
	uint64_t now_us = clock_monotonic_us();
	bool at_once = now_us - edge->woken_us < 100;

	edge->woken_us = now_us;
	return at_once;
}

static void
on_readable(evutil_socket_t fd, short what, void *argument)
{
	struct edge *edge = argument;
	unsigned taken = 0;

	(void)fd;
	(void)what;
	/* One datagram a wake-up while it is calm (no call that only says EAGAIN), many when they come in flocks. What
	 * was received is handed on to its end: the room for it is shared by all edges. */
	do {
		if (!take_message(edge))
			break;
		taken++;
	} while (edge->channel.unread.length || (edge->is_busy && taken < MESSAGES_A_WAKE_UP));
	edge->is_busy = edge->is_busy ? taken > 1 : came_at_once(edge);
}
