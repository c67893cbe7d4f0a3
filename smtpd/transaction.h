/* One transaction (RFC 5321 3.3): from MAIL to the answer to the final dot.
 *
 * It lives in the session's transaction arena and ends with it; what it holds outside (body, handles) is given back
 * by transaction_free().
 *
 * Trust: spans are the client's bytes, parsed; the answers of other processes are checked before they are kept.
 * On failure: an enum or a flag in the struct; policy turns it into a reply.
 */
#ifndef TIDEGATE_SMTPD_TRANSACTION_H
#define TIDEGATE_SMTPD_TRANSACTION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/buf.h"
#include "smtpd/bdat.h"
#include "smtpd/body.h"
#include "smtpd/dotstream.h"
#include "smtpd/facts.h"

enum { TRANSACTION_NAMED = 5 /* recipients that are named in the log */ };

/* The question whether deliver could take the message for one recipient. */
struct probe {
	enum fact_state state;
	enum probe_verdict verdict;
	uint32_t handle;
	struct span text; /* deliver's words for the log, or empty */
};

/* An accepted recipient, where each is answered for itself. */
struct recipient {
	STAILQ_ENTRY(recipient) next;
	struct span address;
};

STAILQ_HEAD(recipient_list, recipient);

/* The message text and what became of it. */
struct message {
	struct dotstream stream;      /* by DATA */
	struct bdat_stream chunks;    /* by BDAT */
	const struct findings *found; /* of whichever reads it */
	bool is_chunked;
	bool mends_newlines; /* a bare CR or LF becomes CRLF, and is nothing to refuse */
	struct body body;
	uint64_t begun_ms; /* at the 354, or the first BDAT */
	uint64_t bytes;    /* from the client since then */
	enum fact_state commit;
	uint32_t claim; /* of the commit that is asked for */
	enum commit_outcome outcome;
	char *outcome_room;   /* for an outcome a recipient, where each is answered for itself */
	struct span outcomes; /* an enum commit_outcome a recipient (smtpd/prdr.h), or empty */
	uint32_t receipt;
	uint32_t copies;
	struct span text; /* deliver's words for the log, or empty */
};

struct transaction {
	uint32_t id;     /* in ASK and SAY; unique in the process */
	unsigned number; /* in the session */
	struct sender_facts sender;
	struct probe probe;   /* of the recipient at hand */
	bool is_deliver_lost; /* deliver went away or keeps silent: its handles are worth nothing */
	unsigned promised;    /* handles that deliver holds for it, or may: neither committed nor abandoned yet */
	unsigned accepted;    /* recipients */
	unsigned refused;
	struct buf handles;                   /* u32 each (ipc_append_u32) */
	struct span named[TRANSACTION_NAMED]; /* the first accepted recipients */
	struct recipient_list recipients;     /* with PRDR: all of them, in the order of RCPT */
	struct span map_file;                 /* of the first accepted recipient's entry */
	unsigned map_line;
	const char *doubt;       /* the first fact that made policy doubt, or "" */
	struct message *message; /* from DATA or the first BDAT on */
	uint64_t begun_ms;
	uint64_t asked_ms; /* when the question that is waited for was asked */
	uint32_t dns_ms;   /* waited for */
	uint32_t deliver_ms;
};

/* Gives back what lies outside of the arena. */
void transaction_free(struct transaction *transaction);

#endif
