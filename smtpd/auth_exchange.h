/* One AUTH exchange of a session: how far it is, and what auth was asked. It holds the user's name, never a password.
 *
 * Trust: the name is the client's bytes, decoded; it goes to auth alone.
 * On failure: an answer that is not awaited is out of phase.
 */
#ifndef TIDEGATE_SMTPD_AUTH_EXCHANGE_H
#define TIDEGATE_SMTPD_AUTH_EXCHANGE_H

#include "lib/arena.h"
#include "lib/ipc.h"
#include "smtpd/facts.h"
#include "smtpd/sasl.h"

struct auth_exchange {
	enum sasl_mechanism mechanism;
	unsigned step;         /* responses taken */
	struct span initial;   /* the response that came with AUTH, while its line is at hand; NULL: none */
	enum fact_state state; /* of the question to auth */
	enum auth_verdict verdict;
	struct span who;    /* when it is AUTH_PASSED: in the session's arena */
	bool is_late;       /* an answer was given up that may still come */
	size_t user_length; /* of LOGIN's first response */
	char user[IPC_ADDRESS_BYTES];
};

/* A fresh exchange; what is known of a late answer stays. */
void auth_exchange_begin(struct auth_exchange *exchange, enum sasl_mechanism mechanism);
/* Takes LOGIN's user, and goes on to the next step. False: it cannot be one. */
bool auth_exchange_keep_user(struct auth_exchange *exchange, struct span user);
struct span auth_exchange_user(const struct auth_exchange *exchange);
/* auth answers; who passed is kept in arena, and without room there auth has had trouble. False: out of phase. */
bool auth_exchange_hear(struct auth_exchange *exchange, const struct ipc_auth_say *say, struct arena *arena);
/* No answer came in time: if one comes after all, it is dropped. */
void auth_exchange_give_up(struct auth_exchange *exchange);
/* auth is gone, and no answer will come. */
void auth_exchange_lose(struct auth_exchange *exchange);

#endif
