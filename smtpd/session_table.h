/* The protocol as a table: one row a verb and set of states. The first row that matches both wins; a known word with
 * no row for the state is 503, an unknown word is 500.
 *
 * Trust: constant data.
 * On failure: nothing here can fail.
 */
#ifndef TIDEGATE_SMTPD_SESSION_TABLE_H
#define TIDEGATE_SMTPD_SESSION_TABLE_H

#include "smtpd/verbs.h"

enum row_flag {
	ROW_IS_IDLE = 1,          /* counts against max-idle-commands */
	ROW_IS_MAIL = 2,          /* its refusals are refusals of mail, and counted for the log */
	ROW_TAKES_NOTHING = 4,    /* an argument is a syntax error */
	ROW_ENDS_TRANSACTION = 8, /* when accepted */
	ROW_ENDS_ALWAYS = 16,     /* …and when refused */
	ROW_IS_FAREWELL = 32,     /* allowed whatever limit was reached */
	ROW_GOES_ON = 64,         /* with a message under way: allowed while the process drains */
	ROW_SPOILS = 128,         /* when refused, the transaction ends and SESSION_SPOILT is entered */
	ROW_FOLLOWS_REFUSAL = 256 /* its refusal repeats one, and is not counted against max-errors */
};

struct session_row {
	struct span word;
	unsigned states;         /* bits 1 << enum session_state */
	enum session_state next; /* after success */
	bool stays;              /* …unless the state stays as it is */
	unsigned flags;
	enum handled (*handler)(struct session *session, struct span argument, struct reply *reply);
	const char *section; /* of RFC 5321 */
};

/* The row of a verb in a state; NULL when there is none, then *is_known says whether another state has one. */
const struct session_row *session_table_find(struct span word, enum session_state state, bool *is_known);
/* The row of the final dot, which is no command. */
const struct session_row *session_table_final_dot(void);
/* The row of a line behind AUTH, or of one that is too long for that. */
const struct session_row *session_table_response(bool is_too_long);
/* The row of the end of a chunk that was opened in this state, which is no command either. */
const struct session_row *session_table_chunk_end(enum session_state state, bool is_last);

#endif
