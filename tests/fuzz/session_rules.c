/* The rules of tests/fuzz/session_rules.h.
 *
 * On failure: BUG.
 */
#include "tests/fuzz/session_rules.h"

#include <stdio.h>
#include <string.h>

#include "lib/bug.h"

enum {
	GREETED = 1 << SESSION_GREETED,
	READY = 1 << SESSION_READY,
	MAIL = 1 << SESSION_MAIL,
	RCPT = 1 << SESSION_RCPT,
	BDAT = 1 << SESSION_BDAT,
	SPOILT = 1 << SESSION_SPOILT,
	TEXT = 1 << SESSION_TEXT,
	AUTH = 1 << SESSION_AUTH,
	PROXY = 1 << SESSION_PROXY,
	SILENT = 1 << SESSION_SILENT,
	HANDSHAKE = 1 << SESSION_HANDSHAKE,
	OVER = 1 << SESSION_LINGERING | 1 << SESSION_CLOSED,
	HELLOED = READY | MAIL | RCPT | BDAT | SPOILT,
	COMMANDS = GREETED | HELLOED,
	MESSAGE = TEXT | RCPT | BDAT,
	SAME = 0 /* the state stays */
};

/* Where a reply that leads on may be said, and where it leads: the protocol once more (RFC 5321 4.1.4, RFC 3030,
 * RFC 3207, RFC 4954), written down apart from the engine's table. The first row that fits wins. */
static const struct progress {
	enum reply_id reply;
	unsigned states;
	unsigned after;
} progresses[] = {
	/* Also to XCLIENT, which begins anew. */
	{ REPLY_GREETING, GREETED | READY, GREETED },
	{ REPLY_HELO, COMMANDS, READY },
	{ REPLY_EHLO, COMMANDS, READY },
	{ REPLY_RESET, GREETED, SAME },
	{ REPLY_RESET, HELLOED, READY },
	{ REPLY_NOOP, COMMANDS, SAME },
	{ REPLY_VRFY, COMMANDS, SAME },
	{ REPLY_HELP, COMMANDS, SAME },
	{ REPLY_TLS_GO_AHEAD, GREETED | READY, HANDSHAKE },
	{ REPLY_CHALLENGE, READY | AUTH, AUTH },
	{ REPLY_LOGGED_IN, AUTH, READY },
	{ REPLY_SENDER_TAKEN, READY, MAIL },
	{ REPLY_RECIPIENT_TAKEN, MAIL | RCPT, RCPT },
	{ REPLY_GO_AHEAD, RCPT, TEXT },
	{ REPLY_CHUNK_TAKEN, RCPT | BDAT, BDAT },
	{ REPLY_EACH_FOLLOWS, MESSAGE, SAME },
	{ REPLY_DELIVERED_TO, MESSAGE, SAME },
	{ REPLY_DELIVERED_TO_BEFORE, MESSAGE, SAME },
	{ REPLY_DELIVERED, MESSAGE, READY },
	{ REPLY_DELIVERED_BEFORE, MESSAGE, READY },
	{ REPLY_DELIVERED_TO_SOME, MESSAGE, READY },
	{ REPLY_GOODBYE, COMMANDS, OVER },
	/* What cannot be told from what follows, or is endless, ends the session, as every 421 does. */
	{ REPLY_EARLY_TALKER, SILENT, OVER },
	{ REPLY_BROKEN_LINE, COMMANDS | AUTH, OVER },
	{ REPLY_ENDLESS_LINE, COMMANDS | AUTH, OVER },
	{ REPLY_BAD_CHUNK, COMMANDS, OVER },
	{ REPLY_ENDLESS_MESSAGE, COMMANDS | TEXT, OVER },
};

/* States that a state leads to without a reply: AUTH with an initial response is answered when that has been looked at;
 * behind a proxy nothing is said before the client is known. */
static unsigned
with_silent_ones(unsigned states)
{
	if (states & READY)
		states |= AUTH;
	if (states & PROXY)
		states |= SILENT | GREETED | HANDSHAKE;
	if (states & SILENT)
		states |= GREETED;
	return states;
}

bool
rules_allow(unsigned states, const struct session *session)
{
	return rules_state(session) & (with_silent_ones(states) | OVER);
}

bool
rules_hear(const struct session *session)
{
	return rules_state(session) & (COMMANDS | TEXT | AUTH);
}

bool
rules_are_over(const struct session *session)
{
	return rules_state(session) & OVER;
}

/* "250-text" or "250 text" (RFC 5321 4.2), in ASCII that can be seen, with the reply's own code. */
static void
check_line(struct span line, enum reply_id id, bool is_last)
{
	char code[4];

	(void)snprintf(code, sizeof code, "%u", reply_code(id));
	if (line.length + 2 > REPLY_LINE_BYTES || line.length < 4)
		BUG("a reply has a line that is too long, or none");
	if (memcmp(line.data, code, 3) != 0 || line.data[3] != (is_last ? ' ' : '-'))
		BUG("a line of a reply does not begin with its code");
	for (size_t i = 0; i < line.length; i++)
		if (line.data[i] < ' ' || line.data[i] > '~')
			BUG("a reply holds an octet that is not printable ASCII");
}

void
rules_check_form(struct span bytes, enum reply_id id)
{
	do {
		struct span line = span_take(bytes, span_find(bytes, '\r'));

		bytes = span_skip(bytes, line.length);
		if (bytes.length < 2 || bytes.data[1] != '\n')
			BUG("a line of a reply does not end in CRLF");
		bytes = span_skip(bytes, 2);
		check_line(line, id, bytes.length == 0);
	} while (bytes.length);
}

/* Where a refusal leads: nowhere, unless it ends a message or spoils one. Any may end the session. */
static unsigned
after_refusal(const struct session *session)
{
	unsigned state = rules_state(session);

	if (state == TEXT || state == AUTH)
		return READY;
	if (!session->is_in_chunk || state == GREETED)
		return state;
	return session->chunk.is_last ? READY : SPOILT;
}

unsigned
rules_after(const struct session *session, enum reply_id id)
{
	unsigned state = rules_state(session);

	for (size_t i = 0; i < sizeof progresses / sizeof progresses[0]; i++)
		if (progresses[i].reply == id && (progresses[i].states & state))
			return progresses[i].after == SAME ? state : progresses[i].after;
	if (reply_code(id) == 421)
		return OVER;
	if (reply_code(id) < 400)
		BUG("a good reply was given in a state that has none like it");
	return after_refusal(session);
}
