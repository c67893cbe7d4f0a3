/* The door of control/door.h.
 *
 * On failure: see the header.
 */
#include "control/door.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/log.h"
#include "control/door_state.h"

enum {
	ACCEPTS_A_WAKE_UP = 64, /* then the edges get their turn */
	REST_MS = 100,          /* after the descriptors or buffers of the system ran out */
	EDGE_QUEUE_BYTES = 1 << 18
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

/* A descriptor to give up when there is none left: another one of the log's. */
static int
take_spare(void)
{
	return fcntl(FD_LOG, F_DUPFD_CLOEXEC, FD_EDGES_END);
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

/* A client for whom there is no descriptor hears so by means of the spare one, instead of waiting unheard. */
static void
turn_away_without_descriptor(struct door *door, int listener)
{
	struct sockaddr_storage name;
	socklen_t length = sizeof name;

	if (door->spare_fd < 0)
		return;
	(void)close(door->spare_fd);
	int client = accept4(listener, (struct sockaddr *)&name, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (client >= 0) {
		struct peer_address from = peer_from_sockaddr(&name);

		door_turn_away(door, client, &from, REASON_DESCRIPTORS);
		(void)close(client);
	}
	door->spare_fd = take_spare();
}

/* What to do when accept() failed; true when there may be more to accept all the same. */
static bool
mend_accept(struct door *door, int listener, int error)
{
	if (error == EMFILE || error == ENFILE)
		turn_away_without_descriptor(door, listener);
	if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM)
		door_rest(door, error);
	/* Errors of a client that left again are no reason to stop (accept(2)). */
	return error == EINTR || error == ECONNABORTED || error == EPROTO;
}

/* Accepts one client. False: nothing more to accept now. */
static bool
accept_one(const struct door_listener *listener)
{
	struct door *door = listener->door;
	struct sockaddr_storage name;
	socklen_t length = sizeof name;
	int client = accept4(listener->fd, (struct sockaddr *)&name, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (client < 0)
		return mend_accept(door, listener->fd, errno);
	struct peer_address from = peer_from_sockaddr(&name);
	struct edge *smtpd = choose_smtpd(door);
	if (!door_listener_suits(listener, &from))
		door_turn_away(door, client, &from, REASON_NO_PROXY);
	else if (smtpd)
		door_admit(listener, smtpd, client, &from);
	else
		door_turn_away(door, client, &from, REASON_BUSY);
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
on_message(void *context, struct edge *edge, const struct ipc_message *message)
{
	struct door *door = context;

	if (message->type == IPC_ANNOUNCED_ASK)
		return door_hear_announced(door, edge, &message->announced_ask);
	if (message->type == IPC_HARVEST)
		return door_hear_harvest(door, edge, &message->harvest);
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
	static const struct edge_events events = { .on_message = on_message, .on_gone = on_gone };
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
	const struct door_caps caps = { .per_address = config->max_connections_per_address,
		.per_network = config->max_connections_per_network,
		.rate_per_address = config->connection_rate_per_address,
		.rate_per_network = config->connection_rate_per_network,
		.harvest_per_address = config->harvest_rate_per_address,
		.harvest_per_network = config->harvest_rate_per_network };
	door_counts_set_caps(door.counts, &caps);
	return true;
}

static bool
door_start(struct child *child)
{
	struct door *door = child->state;

	door->rest = event_new(child->base, -1, 0, on_rested, door);
	door->spare_fd = take_spare();
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
	door_append_turned_away(door, lines);
}

const struct child_program door_program = { .role = ROLE_DOOR,
	.configure = door_configure,
	.start = door_start,
	.on_edge = door_on_edge,
	.on_listener = door_on_listener,
	.on_drain = door_on_drain,
	.on_status = door_on_status };
