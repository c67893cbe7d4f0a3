/* What a session shows to those who follow it (`tidegate trace`): the lines of both sides, without passwords and
 * without the text of messages.
 *
 * Blanked are: what stands behind AUTH and its mechanism; each line that answers a 334; and lines that are no command
 * and follow an AUTH, since a client that pipelines may send its password whatever AUTH was answered.
 *
 * Trust: lines are the client's bytes; they are escaped where they are written (smtpd/traces.h).
 * On failure: nothing here can fail.
 */
#ifndef TIDEGATE_SMTPD_SESSION_TRACE_H
#define TIDEGATE_SMTPD_SESSION_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/span.h"

struct session;

/* Of one session. */
struct session_trace {
	bool is_on;     /* somebody follows this client */
	bool is_secret; /* the next line answers a 334 */
	bool is_auth;   /* there was an AUTH, and no known command since */
};

/* The client is known, or other clients are followed now. */
void session_trace_look(struct session *session);
/* A line from the client, without its CRLF; the same line may come again while it waits. */
void session_trace_line(struct session *session, struct span line);
/* A whole reply, as it is sent. */
void session_trace_reply(struct session *session, unsigned code, struct span lines);
/* Octets from the client that are not shown: text of a message, a line that is too long. */
void session_trace_octets(struct session *session, uint64_t octets, const char *what);
/* Something that is no line. */
void session_trace_event(struct session *session, const char *event, struct span detail);

#endif
