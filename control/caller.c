/* tidegate-caller of control/caller.h.
 *
 * On failure: see the header.
 */
#include "control/caller.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "conf/config.h"
#include "lookup/resolvers.h"
#include "control/calls.h"

/* Queued answers hold descriptors: about a hundred an asker. */
enum { EDGE_QUEUE_BYTES = 4096 };

struct caller {
	struct resolvers resolvers;
	struct calls *calls;
	struct edge *askers[PLAN_CORES_MAX];
	struct edge *auth;
	char auth_socket[LOCAL_NAME_SIZE]; /* its name in the folder; empty: none is configured */
};

/* An asker that does not read its answers loses them, and asks again when its patience ends. */
static void
on_done(void *asker, uint32_t serial, int fd, const struct peer_address *address, const char *why)
{
	struct ipc_message message = { .descriptor = fd };

	if (fd >= 0) {
		message.type = IPC_SOCKET_SAY;
		message.socket_say.serial = serial;
		message.socket_say.address = *address;
	} else {
		message.type = IPC_SOCKET_FAILED;
		message.socket_failed.serial = serial;
		message.socket_failed.text = span_take(span_of(why), IPC_TEXT_BYTES);
	}
	(void)edge_send(asker, &message);
}

static bool
on_ask(void *context, struct edge *edge, const struct ipc_message *message)
{
	struct caller *caller = context;
	const struct ipc_socket_ask *ask = &message->socket_ask;

	if (message->type != IPC_SOCKET_ASK || ask->stream > 1)
		return false;
	/* No breach: the asker may have a longer list, of a configuration that has not come here yet. */
	if (ask->resolver >= caller->resolvers.count)
		calls_refuse(caller->calls, edge, ask->serial, "no resolver of this number is configured");
	else
		calls_connect(
		    caller->calls, edge, ask->serial, &caller->resolvers.addresses[ask->resolver], ask->stream == 1);
	return true;
}

static void
on_gone(void *context, struct edge *edge)
{
	struct caller *caller = context;

	calls_forget(caller->calls, edge);
}

static bool
on_auth(void *context, struct edge *edge, const struct ipc_message *message)
{
	struct caller *caller = context;
	struct ipc_message say = { .type = IPC_LOCAL_SAY };
	const char *why = "no auth-socket is configured";

	if (message->type != IPC_LOCAL_ASK)
		return false;
	say.descriptor = *caller->auth_socket ? calls_connect_local(caller->auth_socket, &why) : -1;
	say.local_say.serial = message->local_ask.serial;
	if (say.descriptor < 0) {
		say.type = IPC_LOCAL_FAILED;
		say.local_failed.serial = message->local_ask.serial;
		say.local_failed.text = span_take(span_of(why), IPC_TEXT_BYTES);
	}
	(void)edge_send(edge, &say);
	if (say.descriptor >= 0)
		(void)close(say.descriptor);
	return true;
}

/* The number stays, and with it what the system-call rules allow. */
static void
caller_on_folder(struct child *child, int fd)
{
	(void)child;
	if (fd < 0 || dup3(fd, FD_FOLDER, O_CLOEXEC) < 0)
		log_error("the folder of the auth-socket could not be taken over; until the next one there is none");
	if (fd >= 0)
		(void)close(fd);
}

static bool
attach_auth(struct caller *caller, struct child *child, int fd)
{
	static const struct edge_events events = { .on_message = on_auth, .on_gone = on_gone };

	if (!caller->auth)
		caller->auth = edge_new(child->base, ROLE_CALLER, ROLE_AUTH, 0, EDGE_QUEUE_BYTES, &events, caller);
	return caller->auth && edge_attach(caller->auth, fd);
}

static bool
caller_on_edge(struct child *child, enum role peer, unsigned peer_instance, int fd)
{
	static const struct edge_events events = { .on_message = on_ask, .on_gone = on_gone };
	struct caller *caller = child->state;

	if (peer == ROLE_AUTH)
		return attach_auth(caller, child, fd);
	if (peer != ROLE_DNS || peer_instance >= PLAN_CORES_MAX)
		return false;
	struct edge **edge = &caller->askers[peer_instance];
	if (!*edge)
		*edge = edge_new(child->base, ROLE_CALLER, peer, peer_instance, EDGE_QUEUE_BYTES, &events, caller);
	if (!*edge)
		return false;
	/* A fresh asker has asked for nothing yet. */
	calls_forget(caller->calls, *edge);
	return edge_attach(*edge, fd);
}

/* Connections under way to resolvers that are gone are still made: whoever asked compares the address. */
static bool
caller_configure(struct child *child, struct span bytes)
{
	static struct caller caller;
	struct config *config = config_decode(bytes);

	if (!config)
		return false;
	resolvers_parse(&config->resolvers, &caller.resolvers);
	const char *slash = strrchr(config->auth_socket, '/');
	(void)snprintf(caller.auth_socket, sizeof caller.auth_socket, "%s", slash ? slash + 1 : "");
	config_free(config);
	child->state = &caller;
	return true;
}

static bool
caller_start(struct child *child)
{
	struct caller *caller = child->state;

	caller->calls = calls_new(child->base, on_done);
	return caller->calls != NULL;
}

static void
caller_on_status(struct child *child, struct buf *lines)
{
	const struct caller *caller = child->state;

	buf_printf(lines, "calls %llu\n", (unsigned long long)calls_made(caller->calls));
	buf_printf(lines, "calls-failed %llu\n", (unsigned long long)calls_failed(caller->calls));
	buf_printf(lines, "calls-under-way %zu\n", calls_under_way(caller->calls));
}

const struct child_program caller_program = { .role = ROLE_CALLER,
	.configure = caller_configure,
	.start = caller_start,
	.on_edge = caller_on_edge,
	.on_folder = caller_on_folder,
	.on_status = caller_on_status };
