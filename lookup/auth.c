/* tidegate-auth of lookup/auth.h: its edges to every smtpd and to tidegate-caller, and its configuration.
 *
 * On failure: see the header.
 */
#include "lookup/auth.h"

#include <string.h>

#include "conf/config.h"
#include "lib/log.h"
#include "lookup/auth_desk.h"
#include "lookup/auth_hash.h"

enum { SMTPD_QUEUE_BYTES = 1 << 20, CALLER_QUEUE_BYTES = 1 << 16, WHY_LIMIT_BYTES = 1024 };

struct auth {
	struct config *config;
	struct auth_desk *desk; /* NULL until start */
	struct edge *smtpds[PLAN_CORES_MAX];
	struct edge *caller;
};

/* An answer that finds no room is lost with its edge: an smtpd that does not read is stuck, and asks no more. */
static void
say(void *asker, const struct ipc_message *message)
{
	if (!edge_send(asker, message))
		log_warning("AUTH_SAY could not be told to smtpd.%u", edge_peer_instance(asker));
}

static bool
on_smtpd(void *context, struct edge *edge, const struct ipc_message *message)
{
	struct auth *auth = context;

	if (message->type != IPC_AUTH_ASK)
		return false;
	auth_desk_ask(auth->desk, edge, &message->auth_ask);
	/* It lies in the edge's buffer, where the next message may be shorter. */
	edge_wipe(message->auth_ask.password);
	return true;
}

static void
on_smtpd_gone(void *context, struct edge *edge)
{
	struct auth *auth = context;

	auth_desk_forget(auth->desk, edge);
}

static bool
on_caller(void *context, struct edge *edge, const struct ipc_message *message)
{
	struct auth *auth = context;
	struct auth_link *link = auth_desk_link(auth->desk);

	(void)edge;
	if (message->type == IPC_LOCAL_SAY && message->descriptor >= 0)
		auth_link_lent(link, message->local_say.serial, message->descriptor);
	else if (message->type == IPC_LOCAL_SAY)
		auth_link_not_lent(link, message->local_say.serial, SPAN("no descriptor is left to take it"));
	else if (message->type == IPC_LOCAL_FAILED)
		auth_link_not_lent(link, message->local_failed.serial, message->local_failed.text);
	else
		return false;
	return true;
}

static void
on_caller_gone(void *context, struct edge *edge)
{
	struct auth *auth = context;

	(void)edge;
	auth_link_caller_gone(auth_desk_link(auth->desk));
}

static bool
ask_caller(void *context, uint32_t serial)
{
	struct auth *auth = context;
	struct ipc_message message = { .type = IPC_LOCAL_ASK, .descriptor = -1, .local_ask = { .serial = serial } };

	return auth->caller && edge_send(auth->caller, &message);
}

static bool
auth_on_edge(struct child *child, enum role peer, unsigned peer_instance, int fd)
{
	static const struct edge_events smtpd_events = { .on_message = on_smtpd, .on_gone = on_smtpd_gone };
	static const struct edge_events caller_events = { .on_message = on_caller, .on_gone = on_caller_gone };
	struct auth *auth = child->state;

	if (peer_instance >= PLAN_CORES_MAX || (peer != ROLE_SMTPD && peer != ROLE_CALLER))
		return false;
	bool is_smtpd = peer == ROLE_SMTPD;
	struct edge **edge = is_smtpd ? &auth->smtpds[peer_instance] : &auth->caller;
	if (!*edge)
		*edge = edge_new(child->base, ROLE_AUTH, peer, peer_instance,
		    is_smtpd ? SMTPD_QUEUE_BYTES : CALLER_QUEUE_BYTES, is_smtpd ? &smtpd_events : &caller_events, auth);
	return *edge && edge_attach(*edge, fd);
}

static bool
auth_configure(struct child *child, struct span bytes)
{
	static struct auth auth;
	struct config *config = config_decode(bytes);

	if (!config)
		return false;
	struct config *before = auth.config;
	auth.config = config;
	child->state = &auth;
	if (auth.desk)
		auth_desk_configure(auth.desk, config);
	config_free(before);
	return true;
}

/* Before the walls: what libcrypt reads and allocates once. */
static bool
auth_prepare(struct child *child)
{
	(void)child;
	if (auth_hash_load())
		return true;
	log_error("libcrypt cannot compute yescrypt; this process ends");
	return false;
}

static bool
auth_start(struct child *child)
{
	static const struct auth_desk_events events = { .say = say, .call = ask_caller };
	struct auth *auth = child->state;

	auth->desk = auth_desk_new(child->base, &events, auth);
	if (!auth->desk)
		return false;
	auth_desk_configure(auth->desk, auth->config);
	return true;
}

/* The users, as the master has compiled them. */
static void
auth_on_map(struct child *child, int fd)
{
	struct auth *auth = child->state;
	struct buf why = BUF_LIMIT(WHY_LIMIT_BYTES);
	struct users_map *users = users_open(fd, &why);

	if (users)
		auth_desk_users(auth->desk, users);
	else
		log_error("the users that the master sent are refused (%.*s); the last ones stay in force",
		    SPAN_ARG(buf_span(&why)));
	buf_free(&why);
}

static void
auth_on_status(struct child *child, struct buf *lines)
{
	const struct auth *auth = child->state;

	auth_desk_status(auth->desk, lines);
}

const struct child_program auth_program = { .role = ROLE_AUTH,
	.configure = auth_configure,
	.prepare = auth_prepare,
	.start = auth_start,
	.on_edge = auth_on_edge,
	.on_map = auth_on_map,
	.on_status = auth_on_status };
