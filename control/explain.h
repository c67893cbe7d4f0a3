/* What `tidegate explain` finds out: the facts that smtpd would have, and where each comes from.
 *
 * Trust: addresses, names and senders are whatever somebody wants explained; they are printed escaped.
 * On failure: a fact that cannot be had is unknown, as it would be for smtpd.
 */
#ifndef TIDEGATE_CONTROL_EXPLAIN_H
#define TIDEGATE_CONTROL_EXPLAIN_H

#include <stdbool.h>

#include "conf/config.h"
#include "control/explain_rooms.h"
#include "lib/buf.h"
#include "lookup/mail_address.h"
#include "lookup/map_read.h"
#include "smtpd/facts.h"

struct explain_question {
	const char *ip;
	const char *helo;
	const char *user;    /* who has logged in on a submission listener; NULL: nobody */
	const char *from;    /* "" or "<>": the null sender */
	const char *to;      /* NULL: no recipient */
	const char *message; /* NULL: no message file */
};

struct explain {
	const struct config *config;
	struct explain_rooms rooms;
	struct map *map;         /* NULL: none */
	struct map_result found; /* of the recipient */
	struct client_facts client;
	struct sender_facts sender;
	struct recipient_facts recipient;
	struct message_facts message;
	bool has_recipient;
	bool has_probe_answer; /* deliver was asked and has answered, or need not be asked */
	bool has_message;
	char sender_room[MAIL_ADDRESS_BYTES]; /* homes of the spans in the facts */
	char shown_room[MAIL_ADDRESS_BYTES];
	struct buf name;
	struct buf explanation;
	struct buf helo_mechanism;
	struct buf mailfrom_mechanism;
	struct buf problem;
	struct buf probe_text;
};

/* Takes the question into the facts. False: why says which part of it cannot be. */
bool explain_take(struct explain *explain, const struct explain_question *question, struct buf *why);
/* Asks dns about the client's name and SPF. */
void explain_ask_dns(struct explain *explain);
/* Finds out whose the sender's address is, when a user wants to send. */
void explain_find_owner(struct explain *explain);
/* Looks the recipient up and asks deliver whether it would take the message. */
void explain_ask_recipient(struct explain *explain);
/* Appends a line a fact. */
void explain_print_facts(const struct explain *explain, struct buf *out);
/* Appends "answer: …", what RCPT (or, with a message, the final dot) would be answered. */
void explain_print_answer(const struct explain *explain, struct buf *out);
void explain_free(struct explain *explain);

#endif
