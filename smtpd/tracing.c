/* The traces of a process: see smtpd/tracing.h.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "smtpd/tracing.h"

#include <unistd.h>

#include "lib/log.h"
#include "smtpd/conn.h"
#include "smtpd/session_trace.h"

static void
look_again(struct conn *conn, void *argument)
{
	(void)argument;
	session_trace_look(&conn->session);
}

static void
begin(struct smtpd *smtpd, const struct ipc_message *message)
{
	const struct ipc_trace *trace = &message->trace;

	if (!traces_add(&smtpd->traces, trace->id, trace->networks, message->descriptor)) {
		log_warning("a trace cannot be taken: there are %d, or no descriptor or memory is left", TRACES_MAX);
		return;
	}
	traces_announce(&smtpd->traces, trace->id, smtpd->child->instance);
}

void
tracing_take(struct smtpd *smtpd, const struct ipc_message *message)
{
	if (message->type == IPC_TRACE)
		begin(smtpd, message);
	else
		traces_remove(&smtpd->traces, message->trace_end.id);
	sessions_each(smtpd->sessions, look_again, NULL);
}

bool
tracing_concerns(const struct session *session)
{
	const struct smtpd *smtpd = ((const struct conn *)session->owner)->smtpd;

	return traces_concern(&smtpd->traces, &session->client.address);
}

void
tracing_write(struct session *session, enum trace_mark mark, struct span text)
{
	struct smtpd *smtpd = ((struct conn *)session->owner)->smtpd;

	traces_write(&smtpd->traces, &session->client.address, session->name, mark, text);
}
