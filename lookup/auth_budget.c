/* The budgets of lookup/auth_budget.h: a table of rates each, and one more for who is known where.
 *
 * Trust: see the header. Pure but for memory.
 * On failure: see the header.
 */
#include "lookup/auth_budget.h"

#include <stdlib.h>
#include <string.h>

#include "lib/rate_table.h"

enum { BUDGET_PLACES = 32768, KNOWN_PLACES = 8192, KEY_BYTES = 2048, US_A_MS = 1000 };

static const uint64_t known_for_us = UINT64_C(30) * 24 * 3600 * 1000000;

struct auth_budgets {
	struct siphash_key key;
	struct auth_budget_limits limits;
	struct rate_table *tables[AUTH_BUDGET_COUNT];
	/* By the key of "user there". Full is who has passed: the bucket is empty when that is too long ago. */
	struct rate_table *known;
};

struct auth_budgets *
auth_budgets_new(const struct siphash_key *key)
{
	struct auth_budgets *budgets = calloc(1, sizeof *budgets);

	if (!budgets)
		return NULL;
	budgets->key = *key;
	budgets->known = rate_table_new(KNOWN_PLACES, known_for_us);
	bool ok = budgets->known != NULL;
	for (unsigned i = 0; i < AUTH_BUDGET_COUNT; i++) {
		budgets->tables[i] = rate_table_new(BUDGET_PLACES, 0);
		ok = ok && budgets->tables[i];
	}
	if (ok)
		return budgets;
	auth_budgets_free(budgets);
	return NULL;
}

void
auth_budgets_limit(struct auth_budgets *budgets, const struct auth_budget_limits *limits)
{
	budgets->limits = *limits;
	for (unsigned i = 0; i < AUTH_BUDGET_COUNT; i++)
		rate_table_set_period(budgets->tables[i], limits->window_ms * US_A_MS);
}

/* Of a user, by himself or within a network. Dovecot takes a name in any case of letters, and each way to write one
 * would be a budget more. */
static struct network_key
key_of_user(const struct auth_budgets *budgets, struct network_key network, struct span user)
{
	char text[KEY_BYTES];
	size_t length = sizeof network.bytes;

	memcpy(text, network.bytes, length);
	user = span_take(user, sizeof text - length);
	for (size_t i = 0; i < user.length; i++)
		text[length + i] = span_lower(user.data[i]);
	uint64_t hash = siphash(&budgets->key, span_make(text, length + user.length));
	struct network_key key = { 0 };
	memcpy(key.bytes, &hash, sizeof hash);
	return key;
}

static void
find_keys(
    const struct auth_budgets *budgets, const struct peer_address *client, struct span user, struct auth_claim *claim)
{
	const struct network_key anywhere = { 0 };
	const struct network_key network = network_key_of_network(client);

	claim->keys[AUTH_BUDGET_ADDRESS] = network_key_of_address(client);
	claim->keys[AUTH_BUDGET_NETWORK] = network;
	claim->keys[AUTH_BUDGET_USER_THERE] = key_of_user(budgets, network, user);
	claim->keys[AUTH_BUDGET_USER] = key_of_user(budgets, anywhere, user);
}

static uint64_t
failures_a_window(const struct auth_budgets *budgets, enum auth_budget budget)
{
	const struct auth_budget_limits *limits = &budgets->limits;

	switch (budget) {
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

enum auth_budget
auth_budgets_take(struct auth_budgets *budgets, const struct peer_address *client, struct span user, uint64_t now_ms,
    struct auth_claim *claim)
{
	uint64_t now_us = now_ms * US_A_MS;

	*claim = (struct auth_claim){ 0 };
	find_keys(budgets, client, user, claim);
	claim->is_known = !rate_table_has_room(budgets->known, &claim->keys[AUTH_BUDGET_USER_THERE], 1, now_us);
	for (enum auth_budget i = 0; i < AUTH_BUDGET_COUNT; i++) {
		bool counts = !claim->is_known || i == AUTH_BUDGET_USER_THERE;
		uint64_t limit = counts ? failures_a_window(budgets, i) : 0;

		if (!rate_table_has_room(budgets->tables[i], &claim->keys[i], limit, now_us))
			return i;
		claim->limits[i] = limit;
	}
	for (unsigned i = 0; i < AUTH_BUDGET_COUNT; i++)
		rate_table_count(budgets->tables[i], &claim->keys[i], claim->limits[i], now_us);
	return AUTH_BUDGET_COUNT;
}

void
auth_budgets_give_back(struct auth_budgets *budgets, const struct auth_claim *claim)
{
	for (unsigned i = 0; i < AUTH_BUDGET_COUNT; i++)
		rate_table_uncount(budgets->tables[i], &claim->keys[i], claim->limits[i]);
}

void
auth_budgets_passed(struct auth_budgets *budgets, const struct auth_claim *claim, uint64_t now_ms)
{
	auth_budgets_give_back(budgets, claim);
	rate_table_count(budgets->known, &claim->keys[AUTH_BUDGET_USER_THERE], 1, now_ms * US_A_MS);
}

void
auth_budgets_free(struct auth_budgets *budgets)
{
	if (!budgets)
		return;
	for (unsigned i = 0; i < AUTH_BUDGET_COUNT; i++)
		rate_table_free(budgets->tables[i]);
	rate_table_free(budgets->known);
	free(budgets);
}

const char *
auth_budget_name(enum auth_budget budget)
{
	static const char *const names[] = { "address", "network", "user-there", "user" };

	return budget < AUTH_BUDGET_COUNT ? names[budget] : "none";
}
