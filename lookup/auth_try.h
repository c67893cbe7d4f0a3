/* One password that shall be looked at, while it waits.
 *
 * Trust: user and password are a client's.
 * On failure: nothing here can fail.
 */
#ifndef TIDEGATE_LOOKUP_AUTH_TRY_H
#define TIDEGATE_LOOKUP_AUTH_TRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/ipc.h"
#include "lookup/auth_budget.h"
#include "lookup/mail_address.h"

struct auth_try {
	void *asker;
	uint32_t session;
	struct peer_address client;
	struct auth_claim claim;
	bool is_address; /* address is good: the canonical form of user */
	struct mail_address address;
	size_t user_length; /* as the client gave it */
	size_t password_length;
	char user[IPC_ADDRESS_BYTES];
	char password[IPC_TEXT_BYTES];
};

static inline struct span
auth_try_user(const struct auth_try *attempt)
{
	return span_make(attempt->user, attempt->user_length);
}

/* By what it is counted: two ways to write one address are one user. */
static inline struct span
auth_try_name(const struct auth_try *attempt)
{
	return attempt->is_address ? mail_address_span(&attempt->address) : auth_try_user(attempt);
}

static inline struct span
auth_try_password(const struct auth_try *attempt)
{
	return span_make(attempt->password, attempt->password_length);
}

/* Leaves nothing of it in memory. */
static inline void
auth_try_wipe(struct auth_try *attempt)
{
	explicit_bzero(attempt, sizeof *attempt);
}

#endif
