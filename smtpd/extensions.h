/* What EHLO offers (RFC 5321 4.1.1.1): one table of keywords, each with the question whether this session has it.
 *
 * The facts of a session (its listener, TLS, who has logged in) decide what is offered, never what is understood: a
 * verb that is not offered says so by itself.
 *
 * Trust: texts are our own or the configuration's numbers.
 * On failure: the buffer's sticky error.
 */
#ifndef TIDEGATE_SMTPD_EXTENSIONS_H
#define TIDEGATE_SMTPD_EXTENSIONS_H

#include "lib/buf.h"
#include "smtpd/session.h"

/* Appends what this session is offered, in the table's order, each line beginning with "\n" (see smtpd/reply.h). */
void extensions_append(const struct session *session, struct buf *lines);
/* Appends the same for people, in one line: "SIZE (RFC 1870), CHUNKING (RFC 3030)". */
void extensions_append_names(const struct session *session, struct buf *text);

#endif
