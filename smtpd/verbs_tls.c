/* STARTTLS (RFC 3207). It is taken outside of a transaction only: one that began in the clear would be lost silently.
 *
 * Trust: the command takes no argument.
 * On failure: REFUSED with 454 where TLS cannot be had now; the session goes on in the clear.
 */
#include "smtpd/verbs.h"

static bool
is_for_starttls(const struct session *session)
{
	return session->client.tls_mode == LISTENER_TLS_STARTTLS && !session->client.tls.is_on;
}

bool
verbs_may_start_tls(const struct session *session)
{
	return is_for_starttls(session) && session->world->io->has_tls(session);
}

enum handled
verb_starttls(struct session *session, struct span argument, struct reply *reply)
{
	(void)argument;
	reply->id = session->client.tls.is_on ? REPLY_TLS_IS_ON : REPLY_NOT_IMPLEMENTED;
	if (!is_for_starttls(session))
		return REFUSED;
	reply->id = REPLY_NO_TLS;
	if (!verbs_may_start_tls(session) || !session->world->io->start_tls(session))
		return REFUSED;
	reply->id = REPLY_TLS_GO_AHEAD;
	return ACCEPTED;
}
