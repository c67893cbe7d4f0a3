/* The ring of lookup/auth_queue.h.
 *
 * On failure: see the header.
 */
#include "lookup/auth_queue.h"

#include <stdlib.h>

#include <event2/event_struct.h>

struct auth_queue {
	auth_queue_judge *judge;
	void *context;
	struct event turn;
	size_t first;
	size_t count;
	struct auth_try tries[AUTH_QUEUE_TRIES];
};

/* A timer of no time, not an active event: what has come in the meantime is heard before the next hash. */
static void
next_turn_soon(struct auth_queue *queue)
{
	static const struct timeval now = { 0, 0 };

	if (queue->count && !event_pending(&queue->turn, EV_TIMEOUT, NULL))
		(void)event_add(&queue->turn, &now);
}

static struct auth_try *
at(struct auth_queue *queue, size_t place)
{
	return &queue->tries[(queue->first + place) % AUTH_QUEUE_TRIES];
}

static void
drop_first(struct auth_queue *queue)
{
	auth_try_wipe(at(queue, 0));
	queue->first = (queue->first + 1) % AUTH_QUEUE_TRIES;
	queue->count--;
}

static void
on_turn(evutil_socket_t fd, short what, void *argument)
{
	struct auth_queue *queue = argument;

	(void)fd;
	(void)what;
	/* The asker of those that were forgotten is NULL. */
	while (queue->count && !at(queue, 0)->asker)
		drop_first(queue);
	if (queue->count) {
		queue->judge(queue->context, at(queue, 0));
		drop_first(queue);
	}
	next_turn_soon(queue);
}

struct auth_queue *
auth_queue_new(struct event_base *base, auth_queue_judge *judge, void *context)
{
	struct auth_queue *queue = calloc(1, sizeof *queue);

	if (!queue)
		return NULL;
	queue->judge = judge;
	queue->context = context;
	if (event_assign(&queue->turn, base, -1, 0, on_turn, queue) == 0)
		return queue;
	free(queue);
	return NULL;
}

bool
auth_queue_add(struct auth_queue *queue, const struct auth_try *attempt)
{
	if (queue->count == AUTH_QUEUE_TRIES)
		return false;
	*at(queue, queue->count) = *attempt;
	queue->count++;
	next_turn_soon(queue);
	return true;
}

void
auth_queue_forget(struct auth_queue *queue, const void *asker)
{
	for (size_t i = 0; i < queue->count; i++)
		if (at(queue, i)->asker == asker)
			auth_try_wipe(at(queue, i));
}

size_t
auth_queue_length(const struct auth_queue *queue)
{
	return queue->count;
}

void
auth_queue_free(struct auth_queue *queue)
{
	if (!queue)
		return;
	(void)event_del(&queue->turn);
	explicit_bzero(queue, sizeof *queue);
	free(queue);
}
