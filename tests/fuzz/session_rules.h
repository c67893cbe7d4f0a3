/* The rules of a conversation, written down once more and apart from the engine: what a reply looks like, in which
 * states it may be said, and where it leads (RFC 5321 4.1.4, RFC 3030, RFC 3207, RFC 4954).
 *
 * States are sets of bits, 1 << enum session_state. Any reply, and any mishap, may end a session.
 *
 * On failure: BUG.
 */
#ifndef TIDEGATE_TESTS_FUZZ_SESSION_RULES_H
#define TIDEGATE_TESTS_FUZZ_SESSION_RULES_H

#include "smtpd/session.h"

enum {
	RULES_BEGINNING = 1 << SESSION_GREETED | 1 << SESSION_SILENT | 1 << SESSION_HANDSHAKE | 1 << SESSION_PROXY |
			  1 << SESSION_CLOSED,
	RULES_AFTER_TLS = 1 << SESSION_GREETED | 1 << SESSION_SILENT
};

static inline unsigned
rules_state(const struct session *session)
{
	return 1u << session->state;
}

/* Is the session in one of the states, or in one that they lead to without a reply, or over? */
bool rules_allow(unsigned states, const struct session *session);
/* Is the client listened to? */
bool rules_hear(const struct session *session);
bool rules_are_over(const struct session *session);
/* The states after a reply that is said in this one. */
unsigned rules_after(const struct session *session, enum reply_id id);
/* Lines that begin with the reply's code, in printable ASCII, none too long (RFC 5321 4.2). */
void rules_check_form(struct span bytes, enum reply_id id);

#endif
