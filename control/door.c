/* The door of control/door.h.
 *
 * On failure: see the header.
 */
#include "control/door.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/log.h"
#include "conf/config.h"
#include "control/door_counts.h"
#include "control/door_listener.h"
#include "control/listeners.h"

enum {
	ACCEPTS_A_WAKE_UP = 64, /* then the edges get their turn */
	REST_MS = 100,          /* after the descriptors or buffers of the system ran out */
	EDGE_QUEUE_BYTES = 1 << 18
};

struct door {
	struct child *child;
	struct config *config;
	struct door_counts *counts;
	struct door_listener listeners[LISTENERS_MAX]; /* by the master's number */
	struct edge *smtpds[PLAN_CORES_MAX];           /* NULL beyond the plan's */
	struct event *rest;                            /* pending: the door is resting */
	uint64_t accepted;
	uint64_t refused_full;
	uint64_t refused_address;
	uint64_t refused_busy;  /* an smtpd could not take it, or no memory */
	uint64_t refused_proxy; /* not in proxy-from */
};

static bool
has_smtpd(const struct door *door)
{
	for (unsigned i = 0; i < PLAN_CORES_MAX; i++)
		if (door->smtpds[i] && edge_is_open(door->smtpds[i]))
			return true;
	return false;
}

/* Listens when there is somebody to pass clients to and the door does not rest. */
static void
door_listen(struct door *door)
{
	bool wants = has_smtpd(door) && !event_pending(door->rest, EV_TIMEOUT, NULL);

	for (unsigned i = 0; i < LISTENERS_MAX; i++) {
		struct door_listener *listener = &door->listeners[i];

		if (listener->fd < 0)
			continue;
		if (wants)
			(void)event_add(listener->acceptable, NULL);
		else
			(void)event_del(listener->acceptable);
	}
}

static void
on_rested(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	door_listen(argument);
}

static void
door_rest(struct door *door, int error)
{
	const struct timeval pause = { .tv_usec = REST_MS * 1000 };

	log_warning("cannot accept: %s; trying again in %d ms", strerror(error), REST_MS);
	(void)event_add(door->rest, &pause);
	door_listen(door);
}

/* The open smtpd with the fewest clients; NULL when none is open. */
static struct edge *
choose_smtpd(const struct door *door)
{
	struct edge *best = NULL;

	for (unsigned i = 0; i < PLAN_CORES_MAX; i++) {
		struct edge *edge = door->smtpds[i];

		if (!edge || !edge_is_open(edge))
			continue;
		if (!best || door_counts_of(door->counts, i) < door_counts_of(door->counts, edge_peer_instance(best)))
			best = edge;
	}
	return best;
}

/* One line, if the socket takes it; nobody waits for a client that is turned away. */
static void
turn_away(struct door *door, int client, const char *text, uint64_t *counter)
{
	struct buf line = BUF_LIMIT(1024);

	(*counter)++;
	buf_printf(&line, "421 4.7.0 %.255s %s\r\n", door->config->hostname, text);
	(void)send(client, line.data, line.length, MSG_DONTWAIT | MSG_NOSIGNAL);
	buf_free(&line);
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
log_turned_away(const struct peer_address *from, const char *reason)
{
	struct log_line line;
	char text[PEER_TEXT_SIZE];

	peer_format_ip(from, text);
	log_begin(&line, "turned-away");
	log_pair_text(&line, "client", text);
	log_pair_text(&line, "reason", reason);
	log_end(&line);
}

static void
catch_up(struct door *door)
{
	for (unsigned i = 0; i < PLAN_CORES_MAX; i++)
		if (door->smtpds[i])
			edge_catch_up(door->smtpds[i]);
}

/* Takes one client in or turns it away. The descriptor stays the caller's. */
static void
admit(const struct door_listener *listener, struct edge *smtpd, int client, const struct peer_address *from)
{
	struct door *door = listener->door;
	unsigned instance = edge_peer_instance(smtpd);
	uint32_t id;

	enum door_verdict verdict = door_counts_admit(door->counts, from, instance, &id);

	if (verdict == DOOR_FULL || verdict == DOOR_ADDRESS_FULL) {
		/* The news that somebody has left may be here, unread. */
		catch_up(door);
		verdict = door_counts_admit(door->counts, from, instance, &id);
	}
	switch (verdict) {
	case DOOR_ADMITTED:
		break;
	case DOOR_FULL:
		log_turned_away(from, "max-connections");
		turn_away(door, client, "too many connections at the moment; try again later", &door->refused_full);
		return;
	case DOOR_ADDRESS_FULL:
		log_turned_away(from, "max-connections-per-address");
		turn_away(door, client, "too many connections from your address; close some, or try again later",
		    &door->refused_address);
		return;
	case DOOR_NO_MEMORY:
		turn_away(door, client, "out of memory; try again later", &door->refused_busy);
		return;
	}
	if (pass_on(listener, smtpd, client, id, from)) {
		door->accepted++;
		return;
	}
	(void)door_counts_leave(door->counts, id, instance);
	turn_away(door, client, "too busy at the moment; try again later", &door->refused_busy);
}

/* Accepts one client. False: nothing more to accept now. */
static bool
accept_one(const struct door_listener *listener)
{
	struct door *door = listener->door;
	struct sockaddr_storage name;
	socklen_t length = sizeof name;
	int client = accept4(listener->fd, (struct sockaddr *)&name, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (client < 0) {
		/* Errors of a client that left again are no reason to stop (accept(2)). */
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			door_rest(door, errno);
		return errno == EINTR || errno == ECONNABORTED || errno == EPROTO;
	}
	struct peer_address from = peer_from_sockaddr(&name);
	struct edge *smtpd = choose_smtpd(door);
	if (!door_listener_suits(listener, &from)) {
		/* Whoever is no proxy is owed nothing, and a header is all that may be spoken of here. */
		log_turned_away(&from, "proxy-from");
		door->refused_proxy++;
	} else if (smtpd) {
		admit(listener, smtpd, client, &from);
	} else {
		turn_away(door, client, "the server is being restarted; try again later", &door->refused_busy);
	}
	(void)close(client);
	return smtpd != NULL;
}

/* One client a wake-up while it is calm (no call that only says EAGAIN), many when they come in flocks. */
static void
on_acceptable(evutil_socket_t fd, short what, void *argument)
{
	struct door_listener *listener = argument;
	unsigned accepted = 0;

	(void)fd;
	(void)what;
	do {
		if (!accept_one(listener))
			break;
		accepted++;
	} while (listener->is_busy && accepted < ACCEPTS_A_WAKE_UP);
	listener->is_busy = listener->is_busy ? accepted > 1 : door_listener_came_at_once(listener);
}

static void
door_on_listener(struct child *child, const struct ipc_message *message)
{
	struct door *door = child->state;
	uint8_t index = message->type == IPC_LISTENER ? message->listener.index : message->unlisten.index;

	if (index >= LISTENERS_MAX || (child->is_draining && message->type == IPC_LISTENER)) {
		if (message->descriptor >= 0)
			(void)close(message->descriptor);
		return;
	}
	door_listener_close(&door->listeners[index]);
	if (message->type == IPC_LISTENER &&
	    door_listener_open(&door->listeners[index], child->base, message, on_acceptable))
		door_listen(door);
}

static bool
on_closed(void *context, struct edge *edge, const struct ipc_message *message)
{
	struct door *door = context;

	if (message->type != IPC_CLOSED)
		return false;
	size_t count = ipc_u32_count(message->closed.ids);
	for (size_t i = 0; i < count; i++)
		if (!door_counts_leave(door->counts, ipc_u32_at(message->closed.ids, i), edge_peer_instance(edge)))
			return false;
	return true;
}

static void
on_gone(void *context, struct edge *edge)
{
	struct door *door = context;

	door_counts_drop(door->counts, edge_peer_instance(edge));
	door_listen(door);
}

static bool
door_on_edge(struct child *child, enum role peer, unsigned peer_instance, int fd)
{
	static const struct edge_events events = { .on_message = on_closed, .on_gone = on_gone };
	struct door *door = child->state;

	if (peer != ROLE_SMTPD || peer_instance >= PLAN_CORES_MAX)
		return false;
	struct edge **edge = &door->smtpds[peer_instance];
	if (!*edge)
		*edge = edge_new(child->base, ROLE_DOOR, peer, peer_instance, EDGE_QUEUE_BYTES, &events, door);
	/* A fresh smtpd holds nobody, even if the end of the last one was not noticed. */
	door_counts_drop(door->counts, peer_instance);
	if (!*edge || !edge_attach(*edge, fd))
		return false;
	door_listen(door);
	return true;
}

static bool
door_configure(struct child *child, struct span bytes)
{
	static struct door door;
	struct config *config = config_decode(bytes);

	if (!config)
		return false;
	if (!child->state) {
		door.child = child;
		for (unsigned i = 0; i < LISTENERS_MAX; i++)
			door.listeners[i] = (struct door_listener){ .door = &door, .fd = -1 };
		door.counts = door_counts_new(config->max_connections);
		child->state = &door;
	}
	if (!door.counts) {
		config_free(config);
		return false;
	}
	config_free(door.config);
	door.config = config;
	door_counts_set_cap(door.counts, config->max_connections_per_address);
	return true;
}

static bool
door_start(struct child *child)
{
	struct door *door = child->state;

	door->rest = event_new(child->base, -1, 0, on_rested, door);
	return door->rest != NULL;
}

static void
door_on_drain(struct child *child)
{
	struct door *door = child->state;

	for (unsigned i = 0; i < LISTENERS_MAX; i++)
		door_listener_close(&door->listeners[i]);
	child_drained(child);
}

static void
append_counter(struct buf *lines, const char *name, uint64_t value)
{
	buf_printf(lines, "%s %llu\n", name, (unsigned long long)value);
}

static void
door_on_status(struct child *child, struct buf *lines)
{
	const struct door *door = child->state;

	append_counter(lines, "connections", door_counts_all(door->counts));
	append_counter(lines, "accepted", door->accepted);
	append_counter(lines, "turned-away.max-connections", door->refused_full);
	append_counter(lines, "turned-away.max-connections-per-address", door->refused_address);
	append_counter(lines, "turned-away.busy", door->refused_busy);
	append_counter(lines, "turned-away.proxy-from", door->refused_proxy);
}

const struct child_program door_program = { .role = ROLE_DOOR,
	.configure = door_configure,
	.start = door_start,
	.on_edge = door_on_edge,
	.on_listener = door_on_listener,
	.on_drain = door_on_drain,
	.on_status = door_on_status };
