/* Dovecot's authentication protocol, the client's side: lines of fields between tabs (its design/auth_protocol page).
 *
 *     > VERSION 1 1 · CPID N                       < VERSION 1 N · MECH PLAIN … · … · DONE
 *     > AUTH ID PLAIN service=smtp … resp=BASE64   < OK ID user=NAME … | FAIL ID [temp] … | CONT ID …
 *
 * Trust: Dovecot runs on this machine and says who passes; its lines are still parsed as if they were anybody's. Pure.
 * On failure: a line that cannot be understood is DOVECOT_NONSENSE; encoders have the buffer's sticky error.
 */
#ifndef TIDEGATE_LOOKUP_AUTH_DOVECOT_H
#define TIDEGATE_LOOKUP_AUTH_DOVECOT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/ipc_messages.h"
#include "lib/peer.h"
#include "lib/span.h"

enum { DOVECOT_LINE_BYTES = 8192, DOVECOT_REQUEST_BYTES = 4096 };

enum dovecot_word {
	DOVECOT_VERSION,   /* is_ours: it speaks the version that we do */
	DOVECOT_MECHANISM, /* is_plain */
	DOVECOT_DONE,
	DOVECOT_OK,       /* id, user */
	DOVECOT_FAIL,     /* id, is_temporary */
	DOVECOT_CONTINUE, /* id */
	DOVECOT_OTHER,    /* something to pass over */
	DOVECOT_NONSENSE
};

struct dovecot_line {
	enum dovecot_word word;
	uint32_t id;
	bool is_ours;
	bool is_plain;
	bool is_temporary; /* not the password is at fault */
	size_t user_length;
	char user[IPC_ADDRESS_BYTES]; /* unescaped, without NUL */
};

/* Reads one line, without its line end. */
void auth_dovecot_parse(struct span text, struct dovecot_line *line);
/* What is said first. number: names this connection to Dovecot; no two may have the same at the same time. */
void auth_dovecot_greet(uint32_t number, struct buf *out);
/* Asks for one user. False, and nothing is appended, when user or password cannot be sent (a NUL, or too long). */
bool auth_dovecot_ask(
    uint32_t id, const struct peer_address *client, struct span user, struct span password, struct buf *out);

#endif
