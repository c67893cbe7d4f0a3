/* What refusals cost a client that collects them: time, of which we have as much.
 *
 * From one refused command to the next the answer waits a second longer, up to a limit; after some recipients that do
 * not exist it waits as long as that at once, and a few more end the session; those of an hour are counted by address
 * and network too, whatever sessions they came in. A waiting session is one that waits for
 * another process: what was said stays unsent, nothing more is read, and the sweep finds the end.
 *
 * Trust: none in the client. Our own (facts_client_is_friend), and users who have logged in, are answered at once.
 * On failure: nothing here can fail.
 */
#include "smtpd/session_engine.h"

enum { STEP_MS = 1000 };

static bool
is_spared(const struct session *session)
{
	return facts_client_is_friend(&session->client) || session->client.user.length > 0;
}

/* What the address of a client is counted under, and how many it may try in an hour. */
struct harvest_count {
	struct network_key key;
	uint64_t limit;
};

static void
harvest_counts(const struct session *session, struct harvest_count counts[static 2])
{
	const struct config *config = session->world->config;
	const struct peer_address *address = &session->client.address;

	counts[0] = (struct harvest_count){ network_key_of_address(address), config->harvest_rate_per_address };
	counts[1] = (struct harvest_count){ network_key_of_network(address), config->harvest_rate_per_network };
}

/* Has this address, or its network, tried too many in the last hour, by this session or others? */
static bool
is_over_rate(const struct session *session)
{
	struct harvest_count counts[2];
	uint64_t now_us = session_now_ms(session) * 1000;

	harvest_counts(session, counts);
	for (size_t i = 0; i < 2; i++)
		if (!rate_table_has_room(session->world->harvests, &counts[i].key, counts[i].limit, now_us))
			return true;
	return false;
}

static void
count_unknown(struct session *session)
{
	struct harvest_count counts[2];
	uint64_t now_us = session_now_ms(session) * 1000;

	session_count(&session->unknown);
	harvest_counts(session, counts);
	for (size_t i = 0; i < 2; i++)
		rate_table_count(session->world->harvests, &counts[i].key, counts[i].limit, now_us);
}

bool
session_is_harvest(const struct session *session)
{
	uint64_t limit = session->world->config->harvest_limit;

	if (is_spared(session))
		return false;
	return (limit > 0 && session->unknown >= limit) || is_over_rate(session);
}

uint64_t
session_tarpit_ms(const struct session *session)
{
	const struct config *config = session->world->config;

	if (session->unknown > config->harvest_delay_after)
		return config->tarpit_limit;
	if (session->errors <= config->tarpit_after)
		return 0;
	uint64_t wait_ms = (session->errors - config->tarpit_after) * STEP_MS;
	return wait_ms < config->tarpit_limit ? wait_ms : config->tarpit_limit;
}

void
session_tarpit(struct session *session, enum reply_id why)
{
	if (session->state >= SESSION_LINGERING || reply_code(why) < 500 || is_spared(session))
		return;
	if (why == REPLY_UNKNOWN_USER)
		count_unknown(session);
	if (session_tarpit_ms(session) == 0)
		return;
	session->world->tarpits++;
	session->wait = WAIT_TARPIT;
	session_arm(session);
}
