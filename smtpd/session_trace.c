/* The trace of smtpd/session_trace.h.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "smtpd/session_trace.h"

#include <stdio.h>

#include "smtpd/session_engine.h"
#include "smtpd/session_table.h"
#include "smtpd/traces.h"

enum { CHALLENGE = 334, TEXT_BYTES = 256 };

static void
show(struct session *session, enum trace_mark mark, struct span text)
{
	session->world->io->trace(session, mark, text);
}

void
session_trace_look(struct session *session)
{
	const struct session_io *io = session->world->io;
	char address[PEER_TEXT_SIZE];
	bool was_on = session->trace.is_on;

	session->trace.is_on = io->is_traced && io->is_traced(session);
	if (!session->trace.is_on || was_on)
		return;
	peer_format_ip(&session->client.address, address);
	session_trace_event(session, "client", span_of(address));
}

/* The mechanism that the argument of AUTH begins with. Only well-known ones: a client may leave it out. */
static struct span
mechanism_of(struct span argument)
{
	static const char *const known[] = { "PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2", "OAUTHBEARER", "EXTERNAL",
		"GSSAPI", "NTLM", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256" };
	struct span word = span_take(argument, span_find(argument, ' '));

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (span_equal_nocase(word, span_of(known[i])))
			return word;
	return span_make("", 0);
}

/* "AUTH PLAIN (the rest is blanked)". */
static void
show_auth(struct session *session, struct span line)
{
	char text[TEXT_BYTES];
	struct span argument = span_skip(span_trim(line), SPAN("AUTH ").length);
	struct span mechanism = mechanism_of(argument);
	bool is_bare = mechanism.length == argument.length;
	int length =
	    snprintf(text, sizeof text, "AUTH %.*s%s", SPAN_ARG(mechanism), is_bare ? "" : " (the rest is blanked)");

	show(session, TRACE_CLIENT, span_make(text, (size_t)length));
}

void
session_trace_line(struct session *session, struct span line)
{
	struct session_trace *trace = &session->trace;
	bool is_known;

	if (!trace->is_on || session->comes_again)
		return;
	bool is_auth = span_starts_nocase(span_trim(line), SPAN("AUTH"));
	bool was_secret = trace->is_secret || session->state == SESSION_AUTH;
	(void)session_table_find(span_take(line, span_find(line, ' ')), session->state, &is_known);
	trace->is_secret = false;
	if (was_secret || (trace->is_auth && !is_known && !is_auth)) {
		show(session, TRACE_CLIENT, SPAN("(blanked)"));
		return;
	}
	trace->is_auth = is_auth;
	if (is_auth)
		show_auth(session, line);
	else
		show(session, TRACE_CLIENT, line);
}

void
session_trace_reply(struct session *session, unsigned code, struct span lines)
{
	if (!session->trace.is_on)
		return;
	session->trace.is_secret = code == CHALLENGE;
	while (lines.length) {
		size_t length = span_find(lines, '\r');

		show(session, TRACE_SERVER, span_take(lines, length));
		lines = span_skip(lines, length + SPAN("\r\n").length);
	}
}

void
session_trace_octets(struct session *session, uint64_t octets, const char *what)
{
	char text[TEXT_BYTES];

	if (!session->trace.is_on)
		return;
	int length = snprintf(text, sizeof text, "(%llu octets %s)", (unsigned long long)octets, what);
	show(session, TRACE_CLIENT, span_make(text, (size_t)length));
}

void
session_trace_event(struct session *session, const char *event, struct span detail)
{
	char text[TEXT_BYTES];

	if (!session->trace.is_on)
		return;
	int length = snprintf(text, sizeof text, "%s %.*s", event, SPAN_ARG(span_take(detail, TEXT_BYTES / 2)));
	show(session, TRACE_EVENT, span_make(text, (size_t)length));
}
