/* The handlers of the session table: each checks one command, gathers facts, asks policy, and says what to reply.
 *
 * None of them moves the session's state or writes to the client; the engine does. A handler that returned WAITING
 * is run again on the same argument.
 *
 * Trust: arguments are the client's bytes (printable or not, never CR, LF or NUL).
 * On failure: REFUSED with a 4xx reply.
 */
#ifndef TIDEGATE_SMTPD_VERBS_H
#define TIDEGATE_SMTPD_VERBS_H

#include "smtpd/session.h"

enum handled {
	ACCEPTED,  /* the reply is positive: the state after success is entered */
	REFUSED,   /* the reply is negative: the state stays */
	DISMISSED, /* the reply is negative, and nothing sensible can follow: the session ends */
	CONTINUED, /* the reply asks for more of the same: the state stays */
	WAITING    /* another process was asked: run again when it has answered; there is no reply yet */
};

/* What a handler returns that refuses with this reply. */
static inline enum handled
verbs_refuse(struct reply *reply, enum reply_id id)
{
	reply->id = id;
	return REFUSED;
}

/* verbs_hello.c */
enum handled verb_ehlo(struct session *session, struct span argument, struct reply *reply);
enum handled verb_helo(struct session *session, struct span argument, struct reply *reply);
enum handled verb_rset(struct session *session, struct span argument, struct reply *reply);
enum handled verb_noop(struct session *session, struct span argument, struct reply *reply);
enum handled verb_vrfy(struct session *session, struct span argument, struct reply *reply);
enum handled verb_help(struct session *session, struct span argument, struct reply *reply);
enum handled verb_quit(struct session *session, struct span argument, struct reply *reply);
enum handled verb_not_offered(struct session *session, struct span argument, struct reply *reply);

/* verbs_tls.c */
/* Is STARTTLS offered to this session now? */
bool verbs_may_start_tls(const struct session *session);
enum handled verb_starttls(struct session *session, struct span argument, struct reply *reply);

/* verbs_auth.c */
enum handled verb_auth(struct session *session, struct span argument, struct reply *reply);
enum handled verb_auth_misplaced(struct session *session, struct span argument, struct reply *reply);
/* A line behind AUTH, or the response that came with it; and one that is longer than any can be. */
enum handled verb_auth_response(struct session *session, struct span argument, struct reply *reply);
enum handled verb_auth_long_response(struct session *session, struct span argument, struct reply *reply);
/* Would AUTH be taken from this session? */
bool verbs_may_log_in(const struct session *session);
/* The response that came with AUTH, once; it points into the line. False: there was none. */
bool verbs_take_initial_response(struct session *session, struct span *response);

/* verbs_envelope.c */
enum handled verb_mail(struct session *session, struct span argument, struct reply *reply);
enum handled verb_rcpt(struct session *session, struct span argument, struct reply *reply);

/* verbs_data.c */
enum handled verb_data(struct session *session, struct span argument, struct reply *reply);
enum handled verb_data_too_soon(struct session *session, struct span argument, struct reply *reply);
enum handled verb_final_dot(struct session *session, struct span argument, struct reply *reply);

/* A transaction's message begins, its text empty; NULL without memory. */
struct message *verbs_begin_message(struct session *session);
/* Keeps text of the message that its reader has just counted, unless the message will be refused anyway. */
void verbs_keep_text(struct session *session, struct span text);
/* Does the text so far pass policy? What is found in a text stays there, so more text changes no refusal. False:
 * *reply is filled. */
bool verbs_judge_text(const struct session *session, struct reply *reply);
/* Does a commit with this outcome pass policy? False: *reply is filled. */
bool verbs_judge_outcome(const struct session *session, enum commit_outcome outcome, struct reply *reply);
/* Are so many octets so far over the size limit that nothing is waited for? */
bool verbs_is_endless(const struct session *session, uint64_t octets);

enum text_result {
	TEXT_GOES_ON,
	TEXT_ENDS,   /* the final dot was among the bytes */
	TEXT_ENDLESS /* so far over the size limit that nothing is waited for */
};
/* Takes message text; *taken says how many bytes belong to it. */
enum text_result verbs_take_text(struct session *session, struct span bytes, size_t *taken);
/* Is a message under way: has its text begun, and not been answered? */
bool verbs_has_message(const struct session *session);
/* Does the text of the message under way come too slowly? */
bool verbs_text_is_slow(const struct session *session);

/* verbs_bdat.c: the command opens a chunk and says nothing; the others answer at the chunk's end. */
enum handled verb_bdat(struct session *session, struct span argument, struct reply *reply);
enum handled verb_chunk(struct session *session, struct span argument, struct reply *reply);
enum handled verb_last_chunk(struct session *session, struct span argument, struct reply *reply);
enum handled verb_chunk_unwanted(struct session *session, struct span argument, struct reply *reply);

/* Takes octets of the open chunk, which has some left; returns how many. */
size_t verbs_take_chunk(struct session *session, struct span bytes);

/* verbs_xclient.c */

/* Is XCLIENT taken from this client? */
bool verbs_may_xclient(const struct session *session);
enum handled verb_xclient(struct session *session, struct span argument, struct reply *reply);
enum handled verb_xclient_too_late(struct session *session, struct span argument, struct reply *reply);

#endif
