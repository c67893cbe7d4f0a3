/* Where a question about a password goes: budgets first, then a hash of ours or Dovecot; the answer is said once.
 *
 * Trust: smtpd may be compromised, clients are anybody: each try is bounded in number (queue), in failures (budgets)
 * and in time. Nobody is told whether it was the user or the password that was wrong; both take the same work.
 *
 * On failure: AUTH_TROUBLE; when there is no room, or a budget is used up, AUTH_BUSY, before any work.
 */
#ifndef TIDEGATE_LOOKUP_AUTH_DESK_H
#define TIDEGATE_LOOKUP_AUTH_DESK_H

#include <event2/event.h>

#include "conf/config.h"
#include "lib/buf.h"
#include "lib/ipc.h"
#include "lookup/auth_link.h"
#include "lookup/users_map.h"

struct auth_desk;

struct auth_desk_events {
	/* Says an answer to the neighbour that asked. */
	void (*say)(void *asker, const struct ipc_message *say);
	/* Asks tidegate-caller for a connection to Dovecot; the answer goes to auth_desk_link(). */
	bool (*call)(void *context, uint32_t serial);
};

/* context is for call. NULL without memory. */
struct auth_desk *auth_desk_new(struct event_base *base, const struct auth_desk_events *events, void *context);
/* The configuration is the caller's, and stays until the next one. */
void auth_desk_configure(struct auth_desk *desk, const struct config *config);
/* New users; NULL: there are none that could be asked. Owns them. */
void auth_desk_users(struct auth_desk *desk, struct users_map *users);
/* Takes a question. The answer may come from inside this call. The caller wipes the password in the message. */
void auth_desk_ask(struct auth_desk *desk, void *asker, const struct ipc_auth_ask *ask);
/* The connection to Dovecot, for what the caller answers. */
struct auth_link *auth_desk_link(struct auth_desk *desk);
/* Drops the questions of an asker that is gone. */
void auth_desk_forget(struct auth_desk *desk, const void *asker);
/* Appends lines "name value\n". */
void auth_desk_status(const struct auth_desk *desk, struct buf *lines);
void auth_desk_free(struct auth_desk *desk);

#endif
