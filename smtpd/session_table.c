/* The table of smtpd/session_table.h.
 *
 * Trust: constant data.
 * On failure: nothing here can fail.
 */
#include "smtpd/session_table.h"

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
	ENVELOPE = MAIL | RCPT,
	CHUNKS = RCPT | BDAT,
	INSIDE = ENVELOPE | BDAT,
	HELLOED = READY | INSIDE | SPOILT,
	ANY = GREETED | HELLOED,
	OUTSIDE = GREETED | READY | SPOILT
};

enum { IDLE = ROW_IS_IDLE, IS_MAIL = ROW_IS_MAIL, BARE = ROW_TAKES_NOTHING, ENDS = ROW_ENDS_TRANSACTION };

#define TO(state) SESSION_##state, false
#define STAYS SESSION_GREETED, true

/* clang-format off */
static const struct session_row rows[] = {
	/* word            states   after       flags                          handler             RFC 5321 */
	{ SPAN("EHLO"),      GREETED, TO(READY),  0,                             verb_ehlo,          "4.1.1.1" },
	{ SPAN("EHLO"),      HELLOED, TO(READY),  IDLE | ENDS,                   verb_ehlo,          "4.1.4" },
	{ SPAN("HELO"),      GREETED, TO(READY),  0,                             verb_helo,          "4.1.1.1" },
	{ SPAN("HELO"),      HELLOED, TO(READY),  IDLE | ENDS,                   verb_helo,          "4.1.4" },
	{ SPAN("MAIL"),      READY,   TO(MAIL),   IS_MAIL,                       verb_mail,          "4.1.1.2" },
	{ SPAN("RCPT"),      ENVELOPE, TO(RCPT),  IS_MAIL,                       verb_rcpt,          "4.1.1.3" },
	{ SPAN("DATA"),      RCPT,    TO(TEXT),   BARE,                          verb_data,          "4.1.1.4" },
	{ SPAN("DATA"),      MAIL,    STAYS,      BARE,                          verb_data_too_soon, "3.3" },
	{ SPAN("BDAT"),      BDAT,    STAYS,      ROW_GOES_ON,                   verb_bdat,          "RFC 3030 2" },
	{ SPAN("BDAT"),      ANY,     STAYS,      0,                             verb_bdat,          "RFC 3030 2" },
	{ SPAN("RSET"),      GREETED, STAYS,      IDLE | BARE,                   verb_rset,          "4.1.1.5" },
	{ SPAN("RSET"),      HELLOED, TO(READY),  IDLE | BARE | ENDS,            verb_rset,          "4.1.1.5" },
	{ SPAN("NOOP"),      OUTSIDE, STAYS,      IDLE,                          verb_noop,          "4.1.1.9" },
	{ SPAN("NOOP"),      INSIDE,  STAYS,      0,                             verb_noop,          "4.1.1.9" },
	{ SPAN("VRFY"),      OUTSIDE, STAYS,      IDLE,                          verb_vrfy,          "4.1.1.6" },
	{ SPAN("VRFY"),      INSIDE,  STAYS,      0,                             verb_vrfy,          "4.1.1.6" },
	{ SPAN("HELP"),      OUTSIDE, STAYS,      IDLE,                          verb_help,          "4.1.1.8" },
	{ SPAN("HELP"),      INSIDE,  STAYS,      0,                             verb_help,          "4.1.1.8" },
	{ SPAN("QUIT"),      ANY,     TO(CLOSED), BARE | ENDS | ROW_IS_FAREWELL, verb_quit,          "4.1.1.10" },
	{ SPAN("EXPN"),      ANY,     STAYS,      0,                             verb_not_offered,   "4.1.1.7" },
	{ SPAN("SEND"),      ANY,     STAYS,      0,                             verb_not_offered,   "F.6" },
	{ SPAN("SOML"),      ANY,     STAYS,      0,                             verb_not_offered,   "F.6" },
	{ SPAN("SAML"),      ANY,     STAYS,      0,                             verb_not_offered,   "F.6" },
	{ SPAN("TURN"),      ANY,     STAYS,      0,                             verb_not_offered,   "F.1" },
	{ SPAN("ETRN"),      ANY,     STAYS,      0,                             verb_not_offered,   "RFC 1985" },
	{ SPAN("AUTH"),      READY,   TO(AUTH),   0,                             verb_auth,          "RFC 4954 4" },
	{ SPAN("AUTH"),      ANY,     STAYS,      0,                             verb_auth_misplaced, "RFC 4954 4" },
	{ SPAN("XCLIENT"),   GREETED | READY, TO(GREETED), 0,                    verb_xclient,       "XCLIENT_README" },
	{ SPAN("XCLIENT"),   INSIDE | SPOILT, STAYS, 0,                          verb_xclient_too_late, "XCLIENT_README" },
	{ SPAN("STARTTLS"),  GREETED | READY, TO(HANDSHAKE), IDLE | BARE,        verb_starttls,      "RFC 3207 4" },
};

static const struct session_row final_dot =
	{ SPAN("."),         TEXT,    TO(READY),  IS_MAIL | ENDS | ROW_ENDS_ALWAYS, verb_final_dot,  "4.1.1.4" };

static const struct session_row responses[2] = {
	{ SPAN("response"),  AUTH,    TO(READY),  ROW_ENDS_ALWAYS,               verb_auth_response, "RFC 4954 4" },
	{ SPAN("long"),      AUTH,    TO(READY),  ROW_ENDS_ALWAYS,               verb_auth_long_response, "RFC 4954 6" },
};

/* By the state in which the chunk was opened; the last chunk's in the second half. */
static const struct session_row chunk_ends[2][4] = {
	{
	{ SPAN("chunk"),     CHUNKS,  TO(BDAT),   IS_MAIL | ROW_SPOILS,          verb_chunk,          "RFC 3030 2" },
	{ SPAN("chunk"),     GREETED, STAYS,      0,                             verb_chunk_unwanted, "RFC 3030 2" },
	{ SPAN("chunk"),     SPOILT,  STAYS,      ROW_FOLLOWS_REFUSAL,           verb_chunk_unwanted, "RFC 3030 2" },
	{ SPAN("chunk"),     ANY,     STAYS,      ROW_SPOILS,                    verb_chunk_unwanted, "RFC 3030 2" },
	},
	{
	{ SPAN("last"),      CHUNKS,  TO(READY),  IS_MAIL | ENDS | ROW_ENDS_ALWAYS, verb_last_chunk,  "RFC 3030 2" },
	{ SPAN("last"),      GREETED, STAYS,      0,                             verb_chunk_unwanted, "RFC 3030 2" },
	{ SPAN("last"),      SPOILT,  TO(READY),  ROW_ENDS_ALWAYS | ROW_FOLLOWS_REFUSAL, verb_chunk_unwanted, "RFC 3030 2" },
	{ SPAN("last"),      ANY,     TO(READY),  ROW_ENDS_ALWAYS,               verb_chunk_unwanted, "RFC 3030 2" },
	},
};
/* clang-format on */

const struct session_row *
session_table_find(struct span word, enum session_state state, bool *is_known)
{
	*is_known = false;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (!span_equal_nocase(rows[i].word, word))
			continue;
		*is_known = true;
		if (rows[i].states & (1u << state))
			return &rows[i];
	}
	return NULL;
}

const struct session_row *
session_table_final_dot(void)
{
	return &final_dot;
}

const struct session_row *
session_table_response(bool is_too_long)
{
	return &responses[is_too_long];
}

const struct session_row *
session_table_chunk_end(enum session_state state, bool is_last)
{
	const struct session_row *ends = chunk_ends[is_last];

	for (size_t i = 0; i < sizeof chunk_ends[0] / sizeof chunk_ends[0][0]; i++)
		if (ends[i].states & (1u << state))
			return &ends[i];
	BUG("a chunk ended in a state that takes none");
}
