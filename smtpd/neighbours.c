/* What this process hears from door, dns, auth and deliver, and what it tells them; see smtpd/smtpd.h.
 *
 * Trust: an answer goes to the session of its number and is checked there; what is out of phase closes its edge.
 * On failure: with dns, auth or deliver gone their questions count as unanswered; with the door gone no clients come
 * until the next one, and the sessions at hand go on.
 */
#include "lib/clock.h"
#include "lib/log.h"
#include "smtpd/conn.h"
#include "smtpd/smtpd.h"

enum {
	SPARE_DESCRIPTORS = 256,
	QUEUE_BYTES = 1 << 20,
	LOST_SAID_MS = 60000 /* between two lines about it */
};

/* There was no descriptor left to take it: the kernel has closed the connection. */
static void
lose_client(struct smtpd *smtpd, uint32_t door_id)
{
	uint64_t now_ms = clock_monotonic_ms();

	if (smtpd->lost_clients++ == 0 || now_ms - smtpd->lost_said_ms >= LOST_SAID_MS) {
		log_warning(
		    "no descriptor is left to take a client (%llu lost so far); raise the limit of open files (`ulimit "
		    "-Hn`), or lower max-connections",
		    (unsigned long long)smtpd->lost_clients);
		smtpd->lost_said_ms = now_ms;
	}
	neighbours_report_closed(smtpd, door_id, true);
}

/* The last descriptors are for the bodies of those who are here, and to tell the next client that there are none: the
 * kernel gives the lowest number that is free, so a high one means that hardly any is. */
static uint64_t
spare_descriptors(const struct smtpd *smtpd)
{
	uint64_t share = smtpd->child->open_files / 16;

	return share < SPARE_DESCRIPTORS ? share : SPARE_DESCRIPTORS;
}

/* What the door says of a client: one whom a proxy has announced, or one that has tried too many recipients. */
static bool
on_word_of_client(struct smtpd *smtpd, const struct ipc_message *message)
{
	bool is_announced = message->type == IPC_ANNOUNCED_SAY;
	uint32_t id = is_announced ? message->announced_say.session : message->harvester.session;
	struct conn *conn = sessions_find(smtpd->sessions, id);

	if (!conn)
		return true;
	if (is_announced)
		conn->is_near_cap = message->announced_say.is_near_cap;
	bool in_phase = session_hear(&conn->session, message);
	conn_turn(conn);
	return in_phase;
}

static bool
on_client(void *context, struct edge *edge, const struct ipc_message *message)
{
	struct smtpd *smtpd = context;

	(void)edge;
	if (message->type == IPC_ANNOUNCED_SAY || message->type == IPC_HARVESTER)
		return on_word_of_client(smtpd, message);
	if (message->type != IPC_CONNECTION)
		return false;
	if (message->descriptor < 0)
		lose_client(smtpd, message->connection.id);
	else if ((uint64_t)message->descriptor + spare_descriptors(smtpd) >= smtpd->child->open_files)
		conn_turn_away(smtpd, message->descriptor, message->connection.id, REPLY_NO_DESCRIPTORS);
	else
		conn_open(smtpd, message->descriptor, &message->connection);
	return true;
}

static void
forget_door(struct conn *conn, void *argument)
{
	(void)argument;
	conn->has_door_id = false;
	session_neighbour_gone(&conn->session, ROLE_DOOR);
	conn_turn(conn);
}

static void
on_door_gone(void *context, struct edge *edge)
{
	struct smtpd *smtpd = context;

	(void)edge;
	/* The next door counts from nothing and uses the same numbers for others. */
	sessions_each(smtpd->sessions, forget_door, NULL);
	buf_reset(&smtpd->closed);
}

/* The number of the session that an answer is for. */
static bool
addressee(const struct ipc_message *message, uint32_t *id)
{
	if (message->type == IPC_SPF_SAY)
		*id = message->spf_say.session;
	else if (message->type == IPC_NAME_SAY)
		*id = message->name_say.session;
	else if (message->type == IPC_AUTH_SAY)
		*id = message->auth_say.session;
	else if (message->type == IPC_PROBE_SAY)
		*id = message->probe_say.session;
	else if (message->type == IPC_COMMIT_SAY)
		*id = message->commit_say.session;
	else
		return false;
	return true;
}

static bool
on_answer(void *context, struct edge *edge, const struct ipc_message *message)
{
	struct smtpd *smtpd = context;
	uint32_t id;

	(void)edge;
	if (!addressee(message, &id))
		return false;
	if (message->type == IPC_COMMIT_SAY && !handoff_answered(smtpd->handoff, &message->commit_say))
		return false;
	struct conn *conn = sessions_find(smtpd->sessions, id);
	if (!conn)
		return true;
	bool in_phase = session_hear(&conn->session, message);
	conn_turn(conn);
	return in_phase;
}

static void
lose_neighbour(struct conn *conn, void *argument)
{
	const enum role *neighbour = argument;

	session_neighbour_gone(&conn->session, *neighbour);
	conn_turn(conn);
}

static void
on_answerer_gone(void *context, struct edge *edge)
{
	struct smtpd *smtpd = context;
	enum role neighbour = edge_peer(edge);

	if (neighbour == ROLE_DELIVER)
		handoff_lost(smtpd->handoff);
	sessions_each(smtpd->sessions, lose_neighbour, &neighbour);
}

static void
on_flush(evutil_socket_t fd, short what, void *argument)
{
	struct smtpd *smtpd = argument;

	(void)fd;
	(void)what;
	smtpd->is_flush_due = false;
	handoff_flush(smtpd->handoff);
	if (smtpd->world.is_draining && sessions_count(smtpd->sessions) == 0 && !smtpd->has_drained) {
		smtpd->has_drained = true;
		handoff_send_now(smtpd->handoff);
		child_drained(smtpd->child);
	}
}

bool
neighbours_begin(struct smtpd *smtpd)
{
	static const struct edge_events door_events = { .on_message = on_client, .on_gone = on_door_gone };
	static const struct edge_events answer_events = { .on_message = on_answer, .on_gone = on_answerer_gone };
	struct child *child = smtpd->child;

	smtpd->closed = BUF_LIMIT(IPC_IDS * 4);
	smtpd->flush = event_new(child->base, -1, 0, on_flush, smtpd);
	smtpd->door = edge_new(child->base, ROLE_SMTPD, ROLE_DOOR, 0, QUEUE_BYTES, &door_events, smtpd);
	smtpd->dns = edge_new(child->base, ROLE_SMTPD, ROLE_DNS, child->instance, QUEUE_BYTES, &answer_events, smtpd);
	smtpd->auth = edge_new(child->base, ROLE_SMTPD, ROLE_AUTH, 0, QUEUE_BYTES, &answer_events, smtpd);
	smtpd->handoff = handoff_new(child->base, &answer_events, smtpd);
	return smtpd->flush && smtpd->door && smtpd->dns && smtpd->auth && smtpd->handoff && edge_gather(smtpd->dns);
}

bool
neighbours_attach(struct smtpd *smtpd, enum role peer, unsigned peer_instance, int fd)
{
	(void)peer_instance;
	if (peer == ROLE_DOOR)
		return edge_attach(smtpd->door, fd);
	if (peer == ROLE_DNS)
		return edge_attach(smtpd->dns, fd);
	if (peer == ROLE_AUTH)
		return edge_attach(smtpd->auth, fd);
	if (peer == ROLE_KEYS)
		return keys_link_attach(&smtpd->keys, fd);
	return peer == ROLE_DELIVER && handoff_attach(smtpd->handoff, fd);
}

void
neighbours_flush_soon(struct smtpd *smtpd)
{
	if (smtpd->is_flush_due)
		return;
	smtpd->is_flush_due = true;
	event_active(smtpd->flush, EV_TIMEOUT, 0);
}

void
neighbours_report_closed(struct smtpd *smtpd, uint32_t door_id, bool at_once)
{
	if (ipc_u32_count(buf_span(&smtpd->closed)) >= IPC_IDS)
		neighbours_tell_closed(smtpd);
	ipc_append_u32(&smtpd->closed, door_id);
	if (at_once)
		neighbours_tell_closed(smtpd);
	else
		smtpd_batch_soon(smtpd);
}

void
neighbours_tell_closed(struct smtpd *smtpd)
{
	struct ipc_message message = { .type = IPC_CLOSED, .descriptor = -1 };

	if (smtpd->closed.length == 0)
		return;
	message.closed.ids = buf_span(&smtpd->closed);
	(void)edge_send(smtpd->door, &message);
	buf_reset(&smtpd->closed);
}

static bool
ask_door(const struct conn *conn, struct ipc_message *message)
{
	if (message->type == IPC_HARVEST)
		message->harvest.id = conn->door_id;
	else
		message->announced_ask.id = conn->door_id;
	return conn->has_door_id && edge_send(conn->smtpd->door, message);
}

bool
neighbours_ask(struct session *session, struct ipc_message *message)
{
	struct conn *conn = session->owner;
	struct smtpd *smtpd = conn->smtpd;

	if (message->type == IPC_ANNOUNCED_ASK || message->type == IPC_HARVEST)
		return ask_door(conn, message);
	if (message->type == IPC_SPF_ASK || message->type == IPC_NAME_ASK)
		return edge_send(smtpd->dns, message);
	if (message->type == IPC_AUTH_ASK)
		return edge_send(smtpd->auth, message);
	return handoff_ask(smtpd->handoff, message);
}
