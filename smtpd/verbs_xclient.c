/* XCLIENT: a host of `xclient-from` says for whom it speaks, and the session begins anew as that client's.
 *
 * What is said is believed as it is in the header of the PROXY protocol (smtpd/session_proxy.c), and only from hosts
 * that the configuration names. Nobody is logged in by it: whoever was before is not any more.
 *
 * Trust: the attributes are read as if they came from anybody; nothing of a command that is refused is kept.
 * On failure: REFUSED with 550 for other hosts, 501 for what is no attribute, 421 without memory.
 */
#include "smtpd/auth_exchange.h"
#include "smtpd/session_engine.h"
#include "smtpd/verbs.h"
#include "smtpd/xclient.h"

bool
verbs_may_xclient(const struct session *session)
{
	return session->client.may_xclient;
}

static void
take_address(struct session *session, const struct xclient *xclient)
{
	struct client_facts *client = &session->client;
	struct peer_address connected = client->address;

	if (xclient->client.family) {
		facts_client_moved(session->world->config, &xclient->client, client);
		if (client->proxy.family == 0)
			client->proxy = connected;
	}
	if (xclient->has_client_port)
		client->address.port = xclient->client_port;
	if (xclient->called.family)
		client->called = xclient->called;
	if (xclient->has_called_port)
		client->called.port = xclient->called_port;
}

/* The name that was given; or, for an address without one, that which dns will find. name: kept, or empty. */
static void
take_name(struct session *session, const struct xclient *xclient, struct span name)
{
	const struct config *config = session->world->config;
	struct client_facts *client = &session->client;

	switch (xclient->name_kind) {
	case XCLIENT_NAME_ABSENT:
		if (xclient->client.family)
			session_ask_name(session);
		return;
	case XCLIENT_NAME_GIVEN:
		facts_client_name(config, IPREV_CONFIRMED, name, client);
		return;
	case XCLIENT_NAME_NONE:
		facts_client_name(config, IPREV_NONE, name, client);
		return;
	case XCLIENT_NAME_TROUBLE:
		facts_client_name(config, IPREV_TROUBLE, name, client);
		return;
	}
}

/* Nobody is logged in any more, nothing is said, and the room that the client before took is free: a proxy may keep one
 * connection for all of its clients. What belongs to the connection, and the name, which may not be given anew, move.
 * False: no memory, and nothing has changed. */
static bool
forget_client(struct session *session)
{
	struct client_facts *client = &session->client;
	struct arena before = session->arena;
	const struct auth_exchange *last = session->auth;
	struct auth_exchange *auth = NULL;

	session->arena = ARENA_PAID_BY(before.budget, before.limit_bytes);
	struct span listener = arena_copy(&session->arena, client->listener);
	struct span sni = arena_copy(&session->arena, client->tls.sni);
	struct span name = arena_copy(&session->arena, client->name);
	if (last)
		auth = arena_alloc(&session->arena, sizeof *auth);
	if (!listener.data || !sni.data || !name.data || (last && !auth)) {
		arena_reset(&session->arena);
		session->arena = before;
		return false;
	}
	/* auth may still owe an answer. */
	if (last)
		auth->is_late = last->is_late;
	session->auth = auth;
	client->listener = listener;
	client->tls.sni = sni;
	client->name = name;
	client->user = span_make(NULL, 0);
	client->helo = span_make(NULL, 0);
	arena_reset(&before);
	return true;
}

enum handled
verb_xclient(struct session *session, struct span argument, struct reply *reply)
{
	struct xclient xclient;

	if (!session->client.may_xclient)
		return verbs_refuse(reply, REPLY_XCLIENT_REFUSED);
	if (!xclient_read(argument, &xclient, &reply->details[0]))
		return verbs_refuse(reply, REPLY_BAD_XCLIENT);
	/* Else the answer about the old address could be taken for one about the new. */
	if (session->client.name_state == FACT_ASKED) {
		session->wait = WAIT_NAME;
		return WAITING;
	}
	if (!forget_client(session))
		return verbs_refuse(reply, REPLY_SESSION_NO_MEMORY);
	struct span name = arena_copy(&session->arena, span_of(xclient.name_text));
	if (!name.data)
		return verbs_refuse(reply, REPLY_SESSION_NO_MEMORY);
	take_address(session, &xclient);
	session_trace_look(session);
	take_name(session, &xclient, name);
	session->doubt = "";
	session->is_esmtp = false;
	reply->id = REPLY_GREETING;
	reply->details[0] = span_of(session->world->config->hostname);
	return ACCEPTED;
}

enum handled
verb_xclient_too_late(struct session *session, struct span argument, struct reply *reply)
{
	(void)argument;
	return verbs_refuse(reply, session->client.may_xclient ? REPLY_OUT_OF_ORDER : REPLY_XCLIENT_REFUSED);
}
