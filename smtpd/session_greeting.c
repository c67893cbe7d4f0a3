/* How a conversation begins: the client is met, and greeted after a moment (RFC 5321 3.1) in which a mail server is
 * silent, and one that cannot wait for it is most likely none.
 *
 * The wait needs nothing but the session: the read event is in place as ever, and the deadline is found by the sweep,
 * so the greeting comes up to a second later than asked for. What is asked of dns about the client runs meanwhile.
 *
 * Trust: none in the client.
 * On failure: see smtpd/session.h.
 */
#include "conf/config_networks.h"
#include "smtpd/policy.h"
#include "smtpd/session_engine.h"

void
session_greet(struct session *session)
{
	struct reply greeting = { .id = REPLY_GREETING, .details = { span_of(session->world->config->hostname) } };

	session->state = SESSION_GREETED;
	session_say(session, &greeting);
	session_arm(session);
}

/* Our own, and whoever calls where only our users' mail programs do: they wait for the greeting since they want
 * something from it. After an implicit handshake nobody is asked to wait: the client talks first in TLS, and has done
 * more work by then than those who are too hasty take upon themselves. */
static bool
is_spared(const struct client_facts *client)
{
	return facts_client_is_friend(client) || client->role == LISTENER_SUBMISSION ||
	       client->tls_mode == LISTENER_TLS_IMPLICIT;
}

void
session_await_silence(struct session *session)
{
	uint64_t delay_ms = session->world->config->greeting_delay;

	if (delay_ms == 0 || is_spared(&session->client)) {
		session_greet(session);
		return;
	}
	session->state = SESSION_SILENT;
	session->deadline_ms = session_now_ms(session) + delay_ms;
}

void
session_take_early(struct session *session)
{
	struct reply reply = { .id = REPLY_NONE };

	session->client.is_early = true;
	struct facts facts = { .client = &session->client };
	struct policy_verdict verdict = policy_judge(&facts, session->world->config, POLICY_CONNECT, &reply);
	switch (verdict.answer) {
	case POLICY_ACCEPT:
	case POLICY_JUNK:
		session->doubt = verdict.because;
		session_greet(session);
		break;
	case POLICY_DEFER:
	case POLICY_REFUSE:
		session_count(&session->errors);
		session_say(session, &reply);
		/* What it sends meanwhile is read and thrown away: else a reset could overtake the reply. */
		session_leave(session, reply_reason(reply.id), true);
		break;
	}
}

void
session_ask_name(struct session *session)
{
	struct session_world *world = session->world;
	struct ipc_message ask = { .type = IPC_NAME_ASK, .descriptor = -1 };

	if (session->client.is_loopback)
		return;
	ask.name_ask.session = session->id;
	ask.name_ask.deadline_ms = (uint32_t)world->config->spf_deadline;
	ask.name_ask.client = session->client.address;
	session->client.name_state = FACT_ASKED;
	if (session->is_name_late || !world->io->ask(session, &ask))
		facts_client_name(world->config, IPREV_UNKNOWN, span_make(NULL, 0), &session->client);
}

/* Implicit TLS (RFC 8314): the handshake comes before the greeting. */
static void
begin_with_tls(struct session *session)
{
	session_begin_handshake(session);
	if (!session->world->io->start_tls(session))
		session_lose_handshake(session, "not-available");
}

void
session_meet(struct session *session)
{
	struct client_facts *client = &session->client;

	session_trace_look(session);
	if (session->world->is_draining) {
		session_dismiss(session, REPLY_DRAINING);
		return;
	}
	client->may_xclient = config_networks_contain(&session->world->config->xclient_from, &client->address);
	session_ask_name(session);
	if (session->client.tls_mode == LISTENER_TLS_IMPLICIT)
		begin_with_tls(session);
	else
		session_await_silence(session);
}
