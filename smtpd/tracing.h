/* `tidegate trace` in this process: takes pipes from the master, and knows whose sessions go into them.
 *
 * Trust: the master's messages; clients' bytes go through smtpd/traces.h.
 * On failure: a trace that cannot be taken is logged; mail goes on.
 */
#ifndef TIDEGATE_SMTPD_TRACING_H
#define TIDEGATE_SMTPD_TRACING_H

#include "smtpd/smtpd.h"

/* TRACE (owns its descriptor) or TRACE_END, from the master. */
void tracing_take(struct smtpd *smtpd, const struct ipc_message *message);
/* Functions of struct session_io. */
bool tracing_concerns(const struct session *session);
void tracing_write(struct session *session, enum trace_mark mark, struct span text);

#endif
