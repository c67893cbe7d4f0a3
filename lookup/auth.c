/* tidegate-auth of lookup/auth.h: its edges to every smtpd and to tidegate-caller, and its configuration.
 *
 * On failure: see the header.
 */
#include "lookup/auth.h"

#include <string.h>

#include "conf/config.h"
#include "lib/log.h"

enum { SMTPD_QUEUE_BYTES = 1 << 20, CALLER_QUEUE_BYTES = 1 << 16 };

struct auth {
	struct config *config;
	struct edge *smtpds[PLAN_CORES_MAX];
	struct edge *caller;
};

static void
say(struct edge *asker, uint32_t session, enum auth_verdict verdict)
{
	struct ipc_message message = { .type = IPC_AUTH_SAY, .descriptor = -1 };

	message.auth_say.session = session;
	message.auth_say.verdict = (uint8_t)verdict;
	if (!edge_send(asker, &message))
		log_warning("AUTH_SAY could not be told to smtpd.%u", edge_peer_instance(asker));
}

static bool
on_smtpd(void *context, struct edge *edge, const struct ipc_message *message)
{
	(void)context;
	if (message->type != IPC_AUTH_ASK)
		return false;
	say(edge, message->auth_ask.session, AUTH_TROUBLE);
	return true;
}

static void
on_smtpd_gone(void *context, struct edge *edge)
{
	(void)context;
	(void)edge;
}

static bool
on_caller(void *context, struct edge *edge, const struct ipc_message *message)
{
	(void)context;
	(void)edge;
	(void)message;
	return false;
}

static void
on_caller_gone(void *context, struct edge *edge)
{
	(void)context;
	(void)edge;
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
	config_free(auth.config);
	auth.config = config;
	child->state = &auth;
	return true;
}

static bool
auth_start(struct child *child)
{
	(void)child;
	return true;
}

const struct child_program auth_program = {
	.role = ROLE_AUTH, .configure = auth_configure, .start = auth_start, .on_edge = auth_on_edge
};
