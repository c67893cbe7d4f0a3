/* What refusals cost a client that collects them: time, of which we have as much.
 *
 * From one refused command to the next the answer waits a second longer, up to a limit; after some recipients that do
 * not exist it waits as long as that at once, and a few more end the session. Those of an hour are counted by the door,
 * by address and network, whatever sessions and processes they came in; it says when they are too many. A waiting
 * session is one that waits for another process: what was said stays unsent, nothing more is read, and the sweep finds
 * the end.
 *
 * Trust: none in the client. Our own, and users who have logged in (facts_client_is_friend), are answered at once.
 * On failure: a recipient that the door does not hear of counts in its session alone.
 */
#include "smtpd/session_engine.h"

enum { STEP_MS = 1000 };

static void
count_unknown(struct session *session)
{
	const struct config *config = session->world->config;
	struct ipc_message message = { .type = IPC_HARVEST, .descriptor = -1 };

	session_count(&session->unknown);
	if (config->harvest_rate_per_address == 0 && config->harvest_rate_per_network == 0)
		return;
	message.harvest.session = session->id;
	message.harvest.client = session->client.address;
	(void)session->world->io->ask(session, &message);
}

bool
session_hear_harvester(struct session *session)
{
	session->is_harvester = session->unknown > 0;
	return session->is_harvester;
}

enum reply_id
session_harvest_reached(const struct session *session)
{
	uint64_t limit = session->world->config->harvest_limit;

	if (facts_client_is_friend(&session->client))
		return REPLY_NONE;
	if (limit > 0 && session->unknown >= limit)
		return REPLY_HARVEST;
	return session->is_harvester ? REPLY_HARVESTER : REPLY_NONE;
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
	if (session->state >= SESSION_LINGERING || reply_code(why) < 500 || facts_client_is_friend(&session->client))
		return;
	if (why == REPLY_UNKNOWN_USER)
		count_unknown(session);
	if (session_tarpit_ms(session) == 0)
		return;
	session->world->tarpits++;
	session->wait = WAIT_TARPIT;
	session_arm(session);
}
