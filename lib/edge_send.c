/* The speaking half of lib/edge.h: messages leave at once, gathered at the end of the loop's round, or from the queue
 * of what the kernel had no room for.
 *
 * Trust: none in the peer.
 * On failure: see the header.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/bug.h"
#include "lib/edge_private.h"
#include "lib/plan.h"

/* It may hold a password. */
void
edge_free_waiting(struct waiting *waiting)
{
	explicit_bzero(waiting->bytes, waiting->length);
	free(waiting);
}

void
edge_on_writable(evutil_socket_t fd, short what, void *argument)
{
	struct edge *edge = argument;

	(void)fd;
	(void)what;
	while (!STAILQ_EMPTY(&edge->queue)) {
		struct waiting *first = STAILQ_FIRST(&edge->queue);
		enum ipc_result result =
		    ipc_send_encoded(&edge->channel, span_make(first->bytes, first->length), first->descriptor);

		if (result == IPC_AGAIN)
			return;
		if (result != IPC_OK) {
			edge_gone(edge);
			return;
		}
		STAILQ_REMOVE_HEAD(&edge->queue, next);
		edge->queued_bytes -= first->length;
		if (first->descriptor >= 0)
			(void)close(first->descriptor);
		edge_free_waiting(first);
	}
	(void)event_del(edge->writable);
}

static bool
enqueue(struct edge *edge, struct span bytes, int descriptor)
{
	if (bytes.length > edge->queue_limit_bytes || edge->queued_bytes > edge->queue_limit_bytes - bytes.length)
		return false;
	/* First, so that nothing is queued that would not be sent: it wakes an empty queue without harm. */
	if (!event_pending(edge->writable, EV_WRITE, NULL) && event_add(edge->writable, NULL) != 0)
		return false;
	struct waiting *waiting = malloc(sizeof *waiting + bytes.length);
	if (!waiting)
		return false;
	waiting->descriptor = -1;
	if (descriptor >= 0) {
		waiting->descriptor = fcntl(descriptor, F_DUPFD_CLOEXEC, FD_EDGES_END);
		if (waiting->descriptor < 0) {
			free(waiting);
			return false;
		}
	}
	waiting->length = bytes.length;
	memcpy(waiting->bytes, bytes.data, bytes.length);
	STAILQ_INSERT_TAIL(&edge->queue, waiting, next);
	edge->queued_bytes += bytes.length;
	return true;
}

/* Sends one datagram, or queues it behind those that wait. IPC_AGAIN: there is no room. IPC_GONE: nobody will read it;
 * the read event will find the end too and tell the room, outside of this call. */
static enum ipc_result
send_or_enqueue(struct edge *edge, struct span bytes, int descriptor)
{
	enum ipc_result result = IPC_AGAIN;

	if (STAILQ_EMPTY(&edge->queue))
		result = ipc_send_encoded(&edge->channel, bytes, descriptor);
	if (result == IPC_AGAIN && enqueue(edge, bytes, descriptor))
		result = IPC_OK;
	return result;
}

bool
edge_flush(struct edge *edge)
{
	if (!edge->gathered || edge->gathered_bytes == 0)
		return true;
	if (send_or_enqueue(edge, span_make(edge->gathered, edge->gathered_bytes), -1) == IPC_AGAIN)
		return false;
	edge->gathered_bytes = 0;
	return true;
}

static void
on_round_end(evutil_socket_t fd, short what, void *argument)
{
	struct edge *edge = argument;

	(void)fd;
	(void)what;
	/* Who was told that these are on their way cannot be told otherwise any more. */
	if (!edge_flush(edge))
		edge_give_up(edge, "it does not read what it was sent");
}

bool
edge_gather(struct edge *edge)
{
	if (!edge->round_end)
		edge->round_end = event_new(edge->base, -1, 0, on_round_end, edge);
	if (!edge->gathered)
		edge->gathered = malloc(IPC_MESSAGE_BYTES);
	return edge->round_end && edge->gathered;
}

static bool
gather(struct edge *edge, struct span bytes)
{
	if (bytes.length > IPC_MESSAGE_BYTES - edge->gathered_bytes && !edge_flush(edge))
		return false;
	if (edge->queued_bytes + edge->gathered_bytes + bytes.length > edge->queue_limit_bytes)
		return false;
	if (edge->gathered_bytes == 0)
		event_active(edge->round_end, EV_TIMEOUT, 0);
	memcpy(edge->gathered + edge->gathered_bytes, bytes.data, bytes.length);
	edge->gathered_bytes += bytes.length;
	return true;
}

static bool
send_encoded(struct edge *edge, const struct ipc_message *message, const struct buf *wire)
{
	bool has_descriptor = ipc_descriptors(message->type);

	if (!buf_ok(wire))
		return false;
	if (edge->gathered && !has_descriptor)
		return gather(edge, buf_span(wire));
	return edge_flush(edge) &&
	       send_or_enqueue(edge, buf_span(wire), has_descriptor ? message->descriptor : -1) == IPC_OK;
}

bool
edge_send(struct edge *edge, const struct ipc_message *message)
{
	static _Thread_local struct buf wire = BUF_LIMIT(IPC_MESSAGE_BYTES);

	if (!ipc_may_say(message->type, edge->channel.self, edge->channel.peer))
		BUG("an IPC message from or to the wrong process");
	if (!edge_is_open(edge))
		return false;
	/* A password stays here no longer than it must. */
	wire.holds_secrets = message->type == IPC_AUTH_ASK;
	ipc_encode(message, &wire);
	bool is_sent = send_encoded(edge, message, &wire);
	buf_reset(&wire);
	return is_sent;
}
