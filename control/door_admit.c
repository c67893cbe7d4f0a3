/* Which clients the door lets in: caps, the reply that the others hear, and what the log says of them.
 *
 * Trust: an address is anybody's. The log is written by whoever is turned away, so its lines are counted out.
 * On failure: a client that cannot be told is only closed.
 */
#include <sys/socket.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "conf/config_networks.h"
#include "control/door_state.h"
#include "smtpd/reply.h"

enum { LINES_A_SECOND = 20, LINES_BYTES = 4096 };

static const struct {
	const char *name; /* in the log and in `tidegate status` */
	enum reply_id reply;
} reasons[DOOR_REASONS] = {
	[REASON_FULL] = { "max-connections", REPLY_TOO_MANY_SESSIONS },
	[REASON_ADDRESS_FULL] = { "max-connections-per-address", REPLY_TOO_MANY_FROM_YOU },
	[REASON_NETWORK_FULL] = { "max-connections-per-network", REPLY_TOO_MANY_FROM_YOU },
	[REASON_ADDRESS_RATE] = { "connection-rate-per-address", REPLY_TOO_MANY_NEW },
	[REASON_NETWORK_RATE] = { "connection-rate-per-network", REPLY_TOO_MANY_NEW },
	[REASON_HARVEST] = { "harvest", REPLY_HARVESTER },
	[REASON_DESCRIPTORS] = { "descriptors", REPLY_NO_DESCRIPTORS },
	[REASON_NO_PROXY] = { "proxy-from", REPLY_NONE },
	[REASON_BUSY] = { "busy", REPLY_BUSY },
};

/* Has the log room for another line in this second? */
static bool
may_log(struct door_log *log)
{
	uint64_t second = clock_monotonic_ms() / 1000;

	if (log->second != second) {
		log->second = second;
		log->lines = 0;
	}
	if (log->lines++ < LINES_A_SECOND)
		return true;
	log->unlogged++;
	return false;
}

static void
log_turned_away(struct door *door, const struct peer_address *from, enum door_reason reason)
{
	struct log_line line;
	char text[PEER_TEXT_SIZE];

	if (!may_log(&door->log))
		return;
	peer_format_ip(from, text);
	log_begin(&line, "turned-away");
	log_pair_text(&line, "client", text);
	log_pair_text(&line, "reason", reasons[reason].name);
	if (door->log.unlogged)
		log_pair_number(&line, "unlogged", door->log.unlogged);
	log_end(&line);
	door->log.unlogged = 0;
}

static void
note_turned_away(struct door *door, const struct peer_address *from, enum door_reason reason)
{
	door->turned_away[reason]++;
	log_turned_away(door, from, reason);
}

void
door_turn_away(struct door *door, int client, const struct peer_address *from, enum door_reason reason)
{
	struct reply reply = { .id = reasons[reason].reply, .details = { span_of(door->config->hostname) } };
	struct buf lines = BUF_LIMIT(LINES_BYTES);

	note_turned_away(door, from, reason);
	if (reply.id == REPLY_NONE)
		return;
	reply_format(&reply, door->config, &lines);
	if (buf_ok(&lines))
		(void)send(client, lines.data, lines.length, MSG_DONTWAIT | MSG_NOSIGNAL);
	buf_free(&lines);
}

static bool
pass_on(
    const struct door_listener *listener, struct edge *smtpd, int client, uint32_t id, const struct peer_address *from)
{
	const struct door *door = listener->door;
	struct ipc_message message = { .type = IPC_CONNECTION, .descriptor = client };

	message.connection.id = id;
	message.connection.is_near_cap = door_counts_is_near_cap(door->counts, id);
	message.connection.client = *from;
	door_listener_describe(listener, &message.connection);
	return edge_send(smtpd, &message);
}

static void
catch_up(struct door *door)
{
	for (unsigned i = 0; i < PLAN_CORES_MAX; i++)
		if (door->smtpds[i])
			edge_catch_up(door->smtpds[i]);
}

static enum door_guest
guest_of(const struct door *door, const struct peer_address *from)
{
	bool is_friend = peer_is_loopback(from) || config_networks_contain(&door->config->trusted, from);

	return is_friend ? DOOR_FRIEND : DOOR_STRANGER;
}

/* Who comes over this listener. */
static enum door_guest
guest_at(const struct door_listener *listener, const struct peer_address *from)
{
	bool is_for_users = listener->role == LISTENER_SUBMISSION;

	if (listener->is_proxied)
		return is_for_users ? DOOR_PROXY_OF_USERS : DOOR_PROXY;
	enum door_guest guest = guest_of(listener->door, from);
	return guest == DOOR_STRANGER && is_for_users ? DOOR_USER : guest;
}

static bool
is_full(enum door_verdict verdict)
{
	return verdict == DOOR_FULL || verdict == DOOR_ADDRESS_FULL || verdict == DOOR_NETWORK_FULL;
}

static enum door_reason
reason_of(enum door_verdict verdict)
{
	switch (verdict) {
	case DOOR_FULL:
		return REASON_FULL;
	case DOOR_ADDRESS_FULL:
		return REASON_ADDRESS_FULL;
	case DOOR_NETWORK_FULL:
		return REASON_NETWORK_FULL;
	case DOOR_ADDRESS_RATE:
		return REASON_ADDRESS_RATE;
	case DOOR_NETWORK_RATE:
		return REASON_NETWORK_RATE;
	case DOOR_HARVEST:
		return REASON_HARVEST;
	case DOOR_ADMITTED:
	case DOOR_NO_MEMORY:
		break;
	}
	return REASON_BUSY;
}

void
door_admit(const struct door_listener *listener, struct edge *smtpd, int client, const struct peer_address *from)
{
	struct door *door = listener->door;
	unsigned instance = edge_peer_instance(smtpd);
	enum door_guest guest = guest_at(listener, from);
	uint64_t now_us = clock_monotonic_us();
	uint32_t id;

	enum door_verdict verdict = door_counts_admit(door->counts, from, guest, instance, now_us, &id);
	if (is_full(verdict)) {
		/* The news that somebody has left may be here, unread. */
		catch_up(door);
		verdict = door_counts_admit(door->counts, from, guest, instance, now_us, &id);
	}
	if (verdict != DOOR_ADMITTED) {
		door_turn_away(door, client, from, reason_of(verdict));
		return;
	}
	if (pass_on(listener, smtpd, client, id, from)) {
		door->accepted++;
		return;
	}
	(void)door_counts_leave(door->counts, id, instance);
	door_turn_away(door, client, from, REASON_BUSY);
}

bool
door_hear_announced(struct door *door, struct edge *smtpd, const struct ipc_announced_ask *ask)
{
	struct ipc_message say = { .type = IPC_ANNOUNCED_SAY, .descriptor = -1 };
	enum door_guest guest = guest_of(door, &ask->client);
	bool is_known;

	/* No catching up here: one message is not taken while another is. */
	enum door_verdict verdict = door_counts_announce(
	    door->counts, ask->id, edge_peer_instance(smtpd), &ask->client, guest, clock_monotonic_us(), &is_known);
	if (!is_known)
		return false;
	if (verdict != DOOR_ADMITTED)
		note_turned_away(door, &ask->client, reason_of(verdict));
	say.announced_say.session = ask->session;
	say.announced_say.is_welcome = verdict == DOOR_ADMITTED;
	say.announced_say.is_harvester = verdict == DOOR_HARVEST;
	say.announced_say.is_near_cap = door_counts_is_near_cap(door->counts, ask->id);
	/* If it does not hear the answer, it gives the client up after a while. */
	(void)edge_send(smtpd, &say);
	return true;
}

/* Will an smtpd be believed that this connection's client is that one? Its own, or a stranger named by a host that may
 * say XCLIENT. The connection of a proxy that has announced nobody is no client's. */
static bool
may_be(const struct door *door, const struct peer_address *caller, const struct peer_address *client)
{
	if (guest_of(door, client) == DOOR_FRIEND)
		return false;
	return peer_equal(caller, client) || config_networks_contain(&door->config->xclient_from, caller);
}

/* As many as a session can try before it ends. */
static uint64_t
most_of_a_session(const struct config *config)
{
	return config->harvest_limit ? config->harvest_limit : config->max_errors;
}

bool
door_hear_harvest(struct door *door, struct edge *smtpd, const struct ipc_harvest *harvest)
{
	struct ipc_message say = { .type = IPC_HARVESTER, .descriptor = -1, .harvester.session = harvest->session };
	const struct peer_address *caller = door_counts_client(door->counts, harvest->id, edge_peer_instance(smtpd));

	if (!caller)
		return false;
	/* No breach: the configuration may have changed since the session began. */
	if (!may_be(door, caller, &harvest->client))
		return true;
	if (door_counts_harvest(
		door->counts, harvest->id, &harvest->client, most_of_a_session(door->config), clock_monotonic_us()))
		(void)edge_send(smtpd, &say);
	return true;
}

void
door_append_turned_away(const struct door *door, struct buf *lines)
{
	for (unsigned reason = 0; reason < DOOR_REASONS; reason++)
		buf_printf(lines, "turned-away.%s %llu\n", reasons[reason].name,
		    (unsigned long long)door->turned_away[reason]);
}
