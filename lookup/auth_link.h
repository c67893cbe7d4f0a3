/* The connection to Dovecot's auth socket, and the tries that wait on it: many at a time, each by its id.
 *
 * The connection is made by tidegate-caller when a try needs one, and made anew when a try comes after it ended.
 *
 * Trust: Dovecot is believed about who passes; what it sends is bounded.
 * On failure: AUTH_TROUBLE for every try that waits on a connection that cannot be had, ends or talks nonsense, and for
 * one that is not answered in 30 s.
 */
#ifndef TIDEGATE_LOOKUP_AUTH_LINK_H
#define TIDEGATE_LOOKUP_AUTH_LINK_H

#include <stdbool.h>
#include <stddef.h>

#include <event2/event.h>

#include "lookup/auth_try.h"

enum { AUTH_LINK_PATIENCE_MS = 30000 };

struct auth_link;

struct auth_link_events {
	/* Asks the caller for a connection; the answer comes by auth_link_lent() or auth_link_not_lent(). */
	bool (*call)(void *context, uint32_t serial);
	/* The answer to a try, which is wiped behind it. user: as Dovecot names him, when it is AUTH_PASSED. */
	void (*done)(void *context, struct auth_try *attempt, enum auth_verdict verdict, struct span user);
};

/* NULL without memory. */
struct auth_link *auth_link_new(struct event_base *base, const struct auth_link_events *events, void *context);
/* Copies a try and sends it as soon as it can; the answer may come from inside this call. False: there is no place. */
bool auth_link_add(struct auth_link *link, const struct auth_try *attempt);
/* The caller's answers. Owns fd. */
void auth_link_lent(struct auth_link *link, uint32_t serial, int fd);
void auth_link_not_lent(struct auth_link *link, uint32_t serial, struct span why);
void auth_link_caller_gone(struct auth_link *link);
/* Drops and wipes all of an asker that is gone. */
void auth_link_forget(struct auth_link *link, const void *asker);
/* Ends the connection, and with trouble all that wait on it: another socket is configured. */
void auth_link_end(struct auth_link *link);
size_t auth_link_length(const struct auth_link *link);
void auth_link_free(struct auth_link *link);

#endif
