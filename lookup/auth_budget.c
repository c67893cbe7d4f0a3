/* The tables of lookup/auth_budget.h.
 *
 * A budget of N failures in a window W is one number, the time at which it will be whole again: a failure moves it W/N
 * further, and one that would lie more than W ahead is not let in.
 *
 * Trust: see the header. Pure but for memory.
 * On failure: see the header.
 */
#include "lookup/auth_budget.h"

#include <stdlib.h>
#include <string.h>

enum { WAYS = 8, BUDGET_SETS = 4096, KNOWN_SETS = 1024, NETWORK_BYTES_4 = 3, NETWORK_BYTES_6 = 8, KEY_BYTES = 2048 };

static const uint64_t known_for_ms = 30ull * 24 * 3600 * 1000;

struct slot {
	uint64_t key; /* 0: free */
	uint64_t at_ms;
};

struct auth_budgets {
	struct siphash_key key;
	struct auth_budget_limits limits;
	struct slot tables[AUTH_BUDGET_COUNT][BUDGET_SETS][WAYS]; /* at_ms: when it is whole again */
	struct slot known[KNOWN_SETS][WAYS];                      /* by the key of "user there"; at_ms: last passed */
};

struct auth_budgets *
auth_budgets_new(const struct siphash_key *key)
{
	struct auth_budgets *budgets = calloc(1, sizeof *budgets);

	if (budgets)
		budgets->key = *key;
	return budgets;
}

void
auth_budgets_limit(struct auth_budgets *budgets, const struct auth_budget_limits *limits)
{
	budgets->limits = *limits;
}

static struct slot *
find_in(struct slot *set, uint64_t key)
{
	for (unsigned i = 0; i < WAYS; i++)
		if (set[i].key == key)
			return &set[i];
	return NULL;
}

/* The key's slot; a free one, or that with the smallest time (whole soonest, passed longest ago), becomes it. */
static struct slot *
claim_in(struct slot *set, uint64_t key)
{
	struct slot *place = find_in(set, key);

	if (place)
		return place;
	place = &set[0];
	for (unsigned i = 1; i < WAYS; i++)
		if (set[i].at_ms < place->at_ms)
			place = &set[i];
	*place = (struct slot){ .key = key };
	return place;
}

static struct slot *
set_of(struct auth_budgets *budgets, unsigned budget, uint64_t key)
{
	return budgets->tables[budget][key % BUDGET_SETS];
}

static struct slot *
known_set(struct auth_budgets *budgets, uint64_t key)
{
	return budgets->known[key % KNOWN_SETS];
}

/* The hash of a budget's number, an address's first bytes and a user: Dovecot takes a name in any case of letters, and
 * each way to write one would be a budget more. */
static uint64_t
key_of(const struct auth_budgets *budgets, unsigned budget, const struct peer_address *client, size_t bytes,
    struct span user)
{
	char text[KEY_BYTES];
	size_t length = 0;

	text[length++] = (char)budget;
	text[length++] = bytes ? (char)client->family : '\0';
	memcpy(text + length, client->ip, bytes);
	length += bytes;
	user = span_take(user, sizeof text - length);
	for (size_t i = 0; i < user.length; i++)
		text[length + i] = span_lower(user.data[i]);
	uint64_t key = siphash(&budgets->key, span_make(text, length + user.length));
	return key ? key : 1;
}

static void
find_keys(
    const struct auth_budgets *budgets, const struct peer_address *client, struct span user, struct auth_claim *claim)
{
	const struct span nobody = span_make("", 0);
	size_t whole = client->family == 4 ? 4 : sizeof client->ip;
	size_t network = client->family == 4 ? NETWORK_BYTES_4 : NETWORK_BYTES_6;

	claim->keys[AUTH_BUDGET_ADDRESS] = key_of(budgets, AUTH_BUDGET_ADDRESS, client, whole, nobody);
	claim->keys[AUTH_BUDGET_NETWORK] = key_of(budgets, AUTH_BUDGET_NETWORK, client, network, nobody);
	claim->keys[AUTH_BUDGET_USER_THERE] = key_of(budgets, AUTH_BUDGET_USER_THERE, client, network, user);
	claim->keys[AUTH_BUDGET_USER] = key_of(budgets, AUTH_BUDGET_USER, client, 0, user);
}

static uint64_t
failures_a_window(const struct auth_budgets *budgets, unsigned budget)
{
	const struct auth_budget_limits *limits = &budgets->limits;

	switch ((enum auth_budget)budget) {
	case AUTH_BUDGET_ADDRESS:
		return limits->per_address;
	case AUTH_BUDGET_NETWORK:
		return limits->per_address * AUTH_NETWORK_TIMES;
	case AUTH_BUDGET_USER_THERE:
		return limits->per_user;
	case AUTH_BUDGET_USER:
		return limits->per_user * AUTH_USER_TIMES;
	case AUTH_BUDGET_COUNT:
		break;
	}
	return 1;
}

static uint64_t
cost_of(const struct auth_budgets *budgets, unsigned budget)
{
	uint64_t cost_ms = budgets->limits.window_ms / failures_a_window(budgets, budget);

	return cost_ms ? cost_ms : 1;
}

static bool
can_pay(struct auth_budgets *budgets, unsigned budget, uint64_t key, uint64_t now_ms)
{
	const struct slot *slot = find_in(set_of(budgets, budget, key), key);
	uint64_t whole_ms = slot && slot->at_ms > now_ms ? slot->at_ms : now_ms;

	return whole_ms + cost_of(budgets, budget) - now_ms <= budgets->limits.window_ms;
}

static bool
is_known(struct auth_budgets *budgets, uint64_t key, uint64_t now_ms)
{
	const struct slot *slot = find_in(known_set(budgets, key), key);

	return slot && now_ms - slot->at_ms < known_for_ms;
}

enum auth_budget
auth_budgets_take(struct auth_budgets *budgets, const struct peer_address *client, struct span user, uint64_t now_ms,
    struct auth_claim *claim)
{
	*claim = (struct auth_claim){ 0 };
	find_keys(budgets, client, user, claim);
	claim->is_known = is_known(budgets, claim->keys[AUTH_BUDGET_USER_THERE], now_ms);
	for (unsigned i = 0; i < AUTH_BUDGET_COUNT; i++) {
		bool counts = !claim->is_known || i == AUTH_BUDGET_USER_THERE;

		if (counts && !can_pay(budgets, i, claim->keys[i], now_ms))
			return (enum auth_budget)i;
		claim->cost_ms[i] = counts ? cost_of(budgets, i) : 0;
	}
	for (unsigned i = 0; i < AUTH_BUDGET_COUNT; i++) {
		if (claim->cost_ms[i] == 0)
			continue;
		struct slot *slot = claim_in(set_of(budgets, i, claim->keys[i]), claim->keys[i]);
		slot->at_ms = (slot->at_ms > now_ms ? slot->at_ms : now_ms) + claim->cost_ms[i];
	}
	return AUTH_BUDGET_COUNT;
}

void
auth_budgets_give_back(struct auth_budgets *budgets, const struct auth_claim *claim)
{
	for (unsigned i = 0; i < AUTH_BUDGET_COUNT; i++) {
		struct slot *slot = find_in(set_of(budgets, i, claim->keys[i]), claim->keys[i]);

		if (slot)
			slot->at_ms -= slot->at_ms < claim->cost_ms[i] ? slot->at_ms : claim->cost_ms[i];
	}
}

void
auth_budgets_passed(struct auth_budgets *budgets, const struct auth_claim *claim, uint64_t now_ms)
{
	uint64_t key = claim->keys[AUTH_BUDGET_USER_THERE];

	auth_budgets_give_back(budgets, claim);
	claim_in(known_set(budgets, key), key)->at_ms = now_ms;
}

void
auth_budgets_free(struct auth_budgets *budgets)
{
	free(budgets);
}

const char *
auth_budget_name(enum auth_budget budget)
{
	static const char *const names[] = { "address", "network", "user-there", "user" };

	return budget < AUTH_BUDGET_COUNT ? names[budget] : "none";
}
