/* TLS as a session sees it: a time in which nothing can be said, then a new beginning or an end.
 *
 * Trust: the name the client asked for is its claim; it is kept as bytes.
 * On failure: see smtpd/session.h.
 */
#include "lib/bug.h"
#include "smtpd/session_engine.h"
#include "smtpd/transaction_log.h"

void
session_begin_handshake(struct session *session)
{
	session->state = SESSION_HANDSHAKE;
	session->client.helo = span_make(NULL, 0);
	session->is_esmtp = false;
	session_arm(session);
}

void
session_tls_up(struct session *session, const struct tls_facts *tls)
{
	if (session->state != SESSION_HANDSHAKE)
		BUG("TLS is up that no handshake was awaited for");
	session->client.tls = *tls;
	session->client.tls.is_on = true;
	session->client.tls.sni = arena_copy(&session->arena, tls->sni);
	session->world->tls_handshakes++;
	session_trace_event(session, "TLS", session->client.tls.cipher);
	session->state = SESSION_GREETED;
	if (session->world->is_draining)
		session_dismiss(session, REPLY_DRAINING);
	else if (session->client.tls_mode == LISTENER_TLS_IMPLICIT)
		session_await_silence(session);
	else
		session_arm(session);
}

void
session_tls_failed(struct session *session, const struct tls_failure *failure)
{
	if (session->state == SESSION_CLOSED)
		return;
	if (session->client.tls.is_on)
		session->world->tls_broken++;
	else
		session->world->tls_failed++;
	transaction_log_tls_failure(session, failure);
	/* Whether it has read what was said last will never be known. */
	session_drop_receipts(session);
	if (session->state < SESSION_LINGERING)
		session_leave(session, "tls-failed", false);
	session->state = SESSION_CLOSED;
}

void
session_lose_handshake(struct session *session, const char *reason)
{
	struct tls_failure failure = { .reason = reason, .detail = "" };

	session_tls_failed(session, &failure);
}

void
session_input_closing(struct session *session)
{
	if (session->state < SESSION_LINGERING)
		session_leave(session, "closed", true);
}

void
session_no_memory(struct session *session)
{
	if (session->state < SESSION_LINGERING)
		session_dismiss(session, REPLY_SESSION_NO_MEMORY);
}
