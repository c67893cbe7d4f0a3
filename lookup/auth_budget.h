/* How many wrong passwords are looked at: budgets of failures, asked before any hash is computed.
 *
 * Four budgets, each so many failures a window, refilled evenly:
 *     address     the client's address (auth-failures-per-address)
 *     network     its /24 or /64, four times as many
 *     user there  the user from that network (auth-failures-per-user)
 *     user        the user from anywhere, ten times as many
 * A user who has passed from a network is held only to "user there" from it for thirty days: strangers elsewhere, or
 * behind the same address, cannot lock him out of where he usually is (docs/adr/0017).
 *
 * A try is paid for when it is let in, and what it cost is given back when it was no failure: so a thousand tries at
 * once are no cheaper than one after the other.
 *
 * Trust: addresses and user names are strangers'; lib/rate_table.h says what becomes of a crowd.
 * On failure: nothing here can fail but auth_budgets_new.
 */
#ifndef TIDEGATE_LOOKUP_AUTH_BUDGET_H
#define TIDEGATE_LOOKUP_AUTH_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/network_key.h"
#include "lib/peer.h"
#include "lib/siphash.h"
#include "lib/span.h"

enum { AUTH_NETWORK_TIMES = 4, AUTH_USER_TIMES = 10 };

struct auth_budget_limits {
	uint64_t window_ms;
	uint64_t per_address; /* failures a window; at least 1 */
	uint64_t per_user;
};

enum auth_budget {
	AUTH_BUDGET_ADDRESS,
	AUTH_BUDGET_NETWORK,
	AUTH_BUDGET_USER_THERE,
	AUTH_BUDGET_USER,
	AUTH_BUDGET_COUNT /* none of them: let in */
};

/* What a try has paid. */
struct auth_claim {
	struct network_key keys[AUTH_BUDGET_COUNT];
	uint64_t limits[AUTH_BUDGET_COUNT]; /* of which it is one; 0: nothing was paid there */
	bool is_known;                      /* the user has passed from this network not long ago */
};

struct auth_budgets;

/* key: random. NULL without memory. */
struct auth_budgets *auth_budgets_new(const struct siphash_key *key);
void auth_budgets_limit(struct auth_budgets *budgets, const struct auth_budget_limits *limits);
/* May this try be looked at? AUTH_BUDGET_COUNT: yes, and *claim is paid. Else the budget that is used up, and nothing
 * is paid. user: canonical where it is an address; the case of ASCII letters makes no other user. now_ms:
 * CLOCK_MONOTONIC. */
enum auth_budget auth_budgets_take(struct auth_budgets *budgets, const struct peer_address *client, struct span user,
    uint64_t now_ms, struct auth_claim *claim);
/* It was no failure. */
void auth_budgets_give_back(struct auth_budgets *budgets, const struct auth_claim *claim);
/* The user passed: given back, and his network is known from now on. */
void auth_budgets_passed(struct auth_budgets *budgets, const struct auth_claim *claim, uint64_t now_ms);
void auth_budgets_free(struct auth_budgets *budgets);

/* For log lines: "address", "network", "user-there", "user". */
const char *auth_budget_name(enum auth_budget budget);

#endif
