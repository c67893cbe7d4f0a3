/* A session behind a proxy: it begins with the header of the PROXY protocol, and with the door's leave.
 *
 * The proxy is one of `proxy-from` (the door has looked), so it is believed, and so is what it announces. Not one byte
 * is said before the header is there, since who is spoken to is not known.
 *
 * Trust: the header is read as if it came from anybody.
 * On failure: without a header in time, or with a broken one, the session ends without a word; the log says why.
 */
#include "smtpd/proxy_header.h"
#include "smtpd/session_engine.h"

enum { HEADER_MS = 5000 };

void
session_await_header(struct session *session)
{
	session->state = SESSION_PROXY;
	session->deadline_ms = session_now_ms(session) + HEADER_MS;
}

void
session_miss_header(struct session *session)
{
	session_leave(session, "no-proxy-header", false);
}

static void
ask_door(struct session *session)
{
	struct ipc_message ask = { .type = IPC_ANNOUNCED_ASK, .descriptor = -1 };

	/* A client that is still to begin TLS could not read what it would be told. */
	if (session->client.tls_mode != LISTENER_TLS_IMPLICIT)
		session->state = SESSION_SILENT;
	ask.announced_ask.session = session->id;
	ask.announced_ask.client = session->client.address;
	if (!session->world->io->ask(session, &ask)) {
		session_meet(session);
		return;
	}
	session->wait = WAIT_DOOR;
	session_arm(session);
}

static void
take_client(struct session *session, const struct proxy_header *header)
{
	struct client_facts *client = &session->client;

	/* A connection of the proxy's own, such as a health check. */
	if (header->client.family == 0) {
		session_meet(session);
		return;
	}
	client->proxy = client->address;
	client->called = header->called;
	facts_client_moved(session->world->config, &header->client, client);
	ask_door(session);
}

size_t
session_take_header(struct session *session, struct span bytes)
{
	size_t before = session->input.length;
	struct proxy_header header;
	size_t taken = 0;

	bytes = span_take(bytes, PROXY_HEADER_BYTES - before);
	if (!session_keep_input(session, bytes))
		return bytes.length;
	switch (proxy_header_read(buf_span(&session->input), &header, &taken)) {
	case PROXY_PARTIAL:
		return bytes.length;
	case PROXY_BROKEN:
		session_leave(session, "bad-proxy-header", false);
		return bytes.length;
	case PROXY_WHOLE:
		break;
	}
	session_drop_input(session);
	take_client(session, &header);
	return taken - before;
}

/* The conversation begins, with what the client may have said already. */
static void
go_on(struct session *session)
{
	session->wait = WAIT_NOTHING;
	session_meet(session);
	if (session->input.length && session->state == SESSION_SILENT)
		session_take_early(session);
	if (session->state < SESSION_HANDSHAKE)
		session_resume(session);
}

bool
session_hear_announced(struct session *session, const struct ipc_announced_say *say)
{
	/* The wait may have been given up. */
	if (session->wait != WAIT_DOOR)
		return session->state >= SESSION_LINGERING;
	if (say->is_welcome)
		go_on(session);
	else
		session_dismiss(session, say->is_harvester ? REPLY_HARVESTER : REPLY_TOO_MANY_FROM_YOU);
	return true;
}

void
session_lose_door(struct session *session)
{
	/* Without a door nobody new comes in, and its caps are those of the next one. */
	if (session->wait == WAIT_DOOR)
		go_on(session);
}
