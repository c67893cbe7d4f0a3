/* What the files of the engine and the handlers share among themselves; nobody else includes this.
 *
 * Trust: see smtpd/session.h.
 * On failure: see smtpd/session.h.
 */
#ifndef TIDEGATE_SMTPD_SESSION_ENGINE_H
#define TIDEGATE_SMTPD_SESSION_ENGINE_H

#include "smtpd/session.h"
#include "smtpd/transaction.h"

uint64_t session_now_ms(const struct session *session);
/* Adds one, and stops at the greatest number there is. */
void session_count(uint16_t *counter);

/* A transaction begins with MAIL; keeps what it needs of sender. False without memory. */
bool session_begin_transaction(struct session *session, const struct sender_facts *sender);
/* Logs and ends the transaction, if there is one. answer: what the final dot was answered, or REPLY_NONE when it
 * never came. */
void session_end_transaction(struct session *session, enum reply_id answer, const char *reason);
/* Copies bytes into the transaction's arena; false, and an empty span, without memory. */
bool session_keep(struct session *session, struct span bytes, struct span *kept);

/* Sends a reply. Without memory for it the session is over. */
void session_say(struct session *session, const struct reply *reply);
/* Says why, and ends the session. */
void session_dismiss(struct session *session, enum reply_id why);
/* Ends the session: nothing more is taken from the client. The connection is kept open for a while when its FIN is
 * worth waiting for: it tells that the client has read a 250, or (lingers) lets it read why the rest of its text is
 * not wanted; and while there is something unread, since closing would be a reset that forgets what was said. */
void session_leave(struct session *session, const char *reason, bool lingers);
/* The client is known: asks dns for its name, and begins the conversation; or turns it away while the process drains.
 */
void session_meet(struct session *session);
/* Asks dns for the name of the client's address. */
void session_ask_name(struct session *session);
/* Waits for the header of a proxy. */
void session_await_header(struct session *session);
/* No header has come in time. */
void session_miss_header(struct session *session);
/* What the door said, or that it will not: the announced client comes in, or hears why not. */
bool session_hear_announced(struct session *session, const struct ipc_announced_say *say);
void session_lose_door(struct session *session);
/* What stands before the greeting is done: greets the client, at once or after it was silent for a while. */
void session_await_silence(struct session *session);
/* Greets the client. */
void session_greet(struct session *session);
/* The client talks before it was greeted: refuses it, or greets it with a doubt, as configured. */
void session_take_early(struct session *session);
/* A command was refused: whoever collects refusals has to wait for them, longer and longer. What was said stays with
 * us until the wait is over. */
void session_tarpit(struct session *session, enum reply_id why);
/* How long the answers of this session have to wait, in milliseconds. */
uint64_t session_tarpit_ms(const struct session *session);
/* Has this client tried so many unknown recipients that it hears no more? What it hears instead, or REPLY_NONE. */
enum reply_id session_harvest_reached(const struct session *session);
/* The door says so of its address or network. False: out of phase. */
bool session_hear_harvester(struct session *session);
/* STARTTLS was accepted, or the listener begins with TLS: forgets all that was said in the clear (RFC 3207 4.2), and
 * waits for the handshake. */
void session_begin_handshake(struct session *session);
/* The client has gone, or the time is over, before the handshake was done. */
void session_lose_handshake(struct session *session, const char *reason);
/* Sets the deadline for whatever is awaited now. */
void session_arm(struct session *session);
/* Puts bytes behind those that wait already. False: the session is over, for want of memory. */
bool session_keep_input(struct session *session, struct span bytes);
/* Forgets the bytes that wait. */
void session_drop_input(struct session *session);
/* The client sends something: if it has read all that was said, says so to deliver of each receipt that is kept. */
void session_settle_if_read(struct session *session);
/* Over SESSION_RECEIPTS the oldest is dropped: its message stays remembered. 0 is none. */
void session_keep_receipt(struct session *session, uint32_t receipt);
void session_drop_receipts(struct session *session);
/* What was waited for has come, or will not: the handler that waits runs again. */
void session_resume(struct session *session);

#endif
