/* TLS on a connection of smtpd/conn.h: what is read passes through it to the session, and what the session says to the
 * socket. It changes nothing of when the socket is read, written or waited for.
 *
 * Trust: see smtpd/tls.h.
 * On failure: the session hears why, and ends.
 */
#include "lib/bug.h"
#include "smtpd/conn.h"
#include "smtpd/smtpd.h"
#include "smtpd/tls.h"
#include "smtpd/tls_context.h"

bool
conn_has_tls(const struct session *session)
{
	const struct conn *conn = session->owner;

	return conn->smtpd->tls != NULL;
}

bool
conn_start_tls(struct session *session)
{
	struct conn *conn = session->owner;
	struct smtpd *smtpd = conn->smtpd;

	if (conn->tls)
		BUG("TLS is started twice");
	if (smtpd->tls)
		conn->tls = tls_new(&smtpd->tls_ground, tls_contexts_default(smtpd->tls));
	return conn->tls != NULL;
}

static void
end_broken(struct conn *conn)
{
	struct tls_failure why = tls_why(conn->tls);

	session_tls_failed(&conn->session, &why);
}

void
conn_tls_act(struct conn *conn)
{
	struct session *session = &conn->session;

	/* As in the clear, where an end is not read before the answer to what came before it. */
	if (session_is_waiting(session))
		return;
	switch ((enum tls_result)conn->tls_result) {
	case TLS_GOES_ON:
		return;
	case TLS_ENDED:
		session_input_closing(session);
		break;
	case TLS_BROKEN:
		end_broken(conn);
		break;
	case TLS_NO_MEMORY:
		session_no_memory(session);
		break;
	}
	conn->tls_result = TLS_GOES_ON;
}

void
conn_tls_receive(struct conn *conn, struct span bytes)
{
	struct session *session = &conn->session;
	char *text = conn->smtpd->text_bytes;
	bool was_up = tls_is_up(conn->tls);
	size_t length;

	conn->tls_result = (uint8_t)tls_feed(conn->tls, bytes, text, &length, &conn->smtpd->wire);
	if (!was_up && tls_is_up(conn->tls)) {
		struct tls_facts agreed = tls_agreed(conn->tls);

		session_tls_up(session, &agreed);
	}
	if (length)
		conn_hear(conn, text, length);
	/* A client that ends after it has read all that was said has read a 250, too. */
	if (conn->tls_result == TLS_ENDED && !session_is_waiting(session))
		session_input_ended(session, true);
}

struct buf *
conn_tls_said(struct conn *conn)
{
	struct session *session = &conn->session;
	struct buf *out = &conn->smtpd->out;
	struct buf *wire = &conn->smtpd->wire;

	if (!tls_is_up(conn->tls)) {
		/* The answer to STARTTLS leaves in the clear; after it only the handshake itself has something to say.
		 */
		buf_append(out, buf_span(wire));
		buf_reset(wire);
		return out;
	}
	if (!buf_ok(out) || !tls_seal(conn->tls, buf_span(out), wire)) {
		/* The session may wait, and what it said before that cannot be said any more: it ends here. */
		if (conn->tls_result == TLS_BROKEN)
			end_broken(conn);
		session_input_ended(session, false);
	}
	buf_reset(out);
	/* No earlier than the client would see our FIN: some libraries answer it by themselves, which would look as if
	 * the client had read its last reply. */
	if (session_has_said_all(session))
		tls_end(conn->tls, wire);
	return wire;
}
