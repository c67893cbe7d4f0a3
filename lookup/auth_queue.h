/* The tries that wait for their hash: one is computed at a time, and between two of them the event loop runs, so that
 * who comes when the queue is full hears so at once.
 *
 * Trust: an asker may be compromised: all of them share AUTH_QUEUE_TRIES places.
 * On failure: auth_queue_add says that there is no place.
 */
#ifndef TIDEGATE_LOOKUP_AUTH_QUEUE_H
#define TIDEGATE_LOOKUP_AUTH_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include <event2/event.h>

#include "lookup/auth_try.h"

enum { AUTH_QUEUE_TRIES = 32 /* about a second of yescrypt */ };

struct auth_queue;

/* Computes the hash of one, and answers. The try is wiped behind it. */
typedef void auth_queue_judge(void *context, struct auth_try *attempt);

/* NULL without memory. */
struct auth_queue *auth_queue_new(struct event_base *base, auth_queue_judge *judge, void *context);
/* Copies it. False: full. */
bool auth_queue_add(struct auth_queue *queue, const struct auth_try *attempt);
/* Drops and wipes all of an asker that is gone. */
void auth_queue_forget(struct auth_queue *queue, const void *asker);
size_t auth_queue_length(const struct auth_queue *queue);
void auth_queue_free(struct auth_queue *queue);

#endif
