/* One SMTP session (RFC 5321): the engine between bytes from a client and questions to other processes.
 *
 * The engine knows no sockets, no clocks and no channels: it is driven by the functions below and acts through struct
 * session_io, so that the process, the tests and the fuzzer drive the same code.
 *
 * Commands come from the table of smtpd/session_table. A handler returns ACCEPTED, REFUSED or WAITING and never moves
 * the state. While a session waits for another process nothing more is taken from the client: the command line (and
 * what was pipelined behind it) stays where it is, and when the answer has come the same handler runs again on the
 * same line, now with more facts.
 *
 * Trust: none in the client; little in the other processes: a SAY that nobody asked for is reported as out of phase.
 * On failure: the client hears a 4xx; out of memory ends the session with 421.
 */
#ifndef TIDEGATE_SMTPD_SESSION_H
#define TIDEGATE_SMTPD_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/config.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/ipc.h"
#include "lookup/map_read.h"
#include "smtpd/bdat.h"
#include "smtpd/body.h"
#include "smtpd/facts.h"
#include "smtpd/reply.h"
#include "smtpd/session_trace.h"
#include "smtpd/traces.h"

struct auth_exchange;
struct session;
struct transaction;

/* What the engine needs from outside. */
struct session_io {
	uint64_t (*now_ms)(void *context); /* monotonic */
	/* Takes bytes for the client; they leave when the engine returns. */
	void (*write)(struct session *session, struct span bytes);
	/* Sends an ASK, ABANDON, SETTLED or HARVEST to the door, dns, auth or deliver. A COMMIT gets its claim slot
	 * filled in, what is for the door its number of the connection. False: nobody is there, or has room. */
	bool (*ask)(struct session *session, struct ipc_message *message);
	/* Takes back the commit with this claim slot (lib/claim.h); false: too late, deliver has begun. */
	bool (*give_up)(struct session *session, uint32_t claim);
	/* Has the client's kernel acknowledged everything we wrote? */
	bool (*is_acknowledged)(struct session *session);
	/* The client has read the reply to this commit. */
	void (*settle)(struct session *session, uint32_t receipt);
	/* Looks up a recipient; false: there is no map. */
	bool (*look_up)(struct session *session, struct span address, struct map_result *result);
	/* Is there a certificate, so that TLS can be offered? */
	bool (*has_tls)(const struct session *session);
	/* What comes from the client after what was said so far is its handshake: session_tls_up() or
	 * session_tls_failed() follows. False: no certificate, or no memory. */
	bool (*start_tls)(struct session *session);
	/* Does an administrator follow this client? NULL: nobody ever does. */
	bool (*is_traced)(const struct session *session);
	/* Shows a line of the dialogue; only where is_traced. */
	void (*trace)(struct session *session, enum trace_mark mark, struct span text);
};

/* What all sessions of a process share. */
struct session_world {
	const struct config *config;
	const struct session_io *io;
	void *context;         /* io's */
	struct budget *memory; /* pays for all that sessions keep */
	struct body_store *bodies;
	struct map_result *found; /* room for one lookup */
	struct buf out;           /* room for one reply */
	struct buf lines;         /* room for the lines of one reply */
	char *text;               /* room for SESSION_READ_BYTES + 1 of message text */
	uint64_t next_name;       /* of the next session, for logs and Received */
	uint32_t next_transaction;
	bool is_draining;
	uint64_t sessions_begun;
	uint64_t sessions_ended;
	uint64_t bytes_accepted;
	uint64_t tarpits;              /* answers that had to wait */
	uint64_t replies[REPLY_COUNT]; /* how often each was given */
	uint64_t tls_handshakes;
	uint64_t tls_failed; /* handshakes that came to nothing */
	uint64_t tls_broken; /* afterwards */
};

enum {
	SESSION_READ_BYTES = 65536,          /* at most at one session_input() */
	SESSION_READ_COMMAND_BYTES = 8192,   /* enough at one session_input() while commands are awaited */
	SESSION_TRANSACTION_BYTES = 1 << 20, /* greatest arena of a transaction */
	SESSION_RECEIPTS = 4                 /* of messages that one pipeline brings */
};

enum session_state {
	SESSION_GREETED,   /* before HELO */
	SESSION_READY,     /* after HELO, or between transactions */
	SESSION_MAIL,      /* a sender, no recipient */
	SESSION_RCPT,      /* a recipient or more */
	SESSION_BDAT,      /* a chunk of the message or more, and not the last */
	SESSION_SPOILT,    /* a chunk was refused: those behind it are swallowed until RSET, or the last */
	SESSION_TEXT,      /* after 354, until the final dot has been answered */
	SESSION_AUTH,      /* after AUTH, until it is answered: lines are its responses */
	SESSION_PROXY,     /* before the client is known: a proxy has to say who it is, and hears nothing */
	SESSION_SILENT,    /* before the greeting, which the client has to wait for */
	SESSION_HANDSHAKE, /* of TLS: nothing can be heard or said until it is done */
	SESSION_LINGERING, /* all is said: only the client's FIN is awaited */
	SESSION_CLOSED     /* to be closed as soon as everything is written */
};

enum session_wait { WAIT_NOTHING, WAIT_DOOR, WAIT_SPF, WAIT_NAME, WAIT_PROBE, WAIT_COMMIT, WAIT_AUTH, WAIT_TARPIT };

struct session {
	struct session_world *world;
	void *owner;   /* io's */
	uint64_t name; /* unique: in logs and Received */
	struct client_facts client;
	struct arena arena;              /* HELO, reverse name, user: renewed with each XCLIENT */
	struct arena transaction_arena;  /* emptied at the end of each transaction */
	struct transaction *transaction; /* in its arena; NULL outside of one */
	struct buf input;                /* bytes that wait: a line's beginning, or what was pipelined */
	size_t input_scanned;            /* of them by line_take() */
	struct auth_exchange *auth;      /* the last AUTH, in the arena; NULL before the first */
	struct bdat_chunk chunk;         /* the one that is open */
	uint64_t chunk_left;             /* of its octets are still to come */
	uint64_t spoilt_octets;          /* of the open chunk, and of those before it that were refused */
	uint64_t deadline_ms;            /* for whatever is awaited now */
	uint64_t begun_ms;
	uint64_t mail_ms;       /* the last MAIL that was accepted, or the beginning */
	const char *end_reason; /* for the log */
	const char *doubt;      /* the first doubt about the client itself, or "" */
	uint32_t id;            /* in ASK and SAY */
	/* Of 250s that the client is not known to have read, oldest first; 0: none. */
	uint32_t receipts[SESSION_RECEIPTS];
	uint32_t skipped_bytes; /* of a line that is too long */
	uint32_t transactions;  /* that were begun; the last one's number */
	uint32_t messages;      /* accepted */
	uint16_t refusals;      /* 4xx and 5xx to MAIL, RCPT and the final dot */
	uint16_t errors;        /* 5xx to anything */
	uint16_t failed_logins;
	uint16_t unknown; /* recipients that were refused since there are none such */
	uint16_t idle_commands;
	struct session_trace trace;
	uint8_t state; /* enum session_state */
	uint8_t wait;  /* enum session_wait */
	bool is_esmtp;
	bool is_name_late; /* a question for a name was given up, and may still be answered: no other one is asked */
	bool comes_again;  /* the line at hand waits for an answer */
	bool is_in_chunk;  /* until the open chunk is answered: what comes is its octets, whatever the state */
	bool is_skipping;  /* until the CRLF of a line that is too long */
	bool is_harvester; /* the door says that its client has tried too many unknown recipients in this hour */
	bool sends_fin;    /* while it lingers: the client may wait for our FIN as we wait for its */
	bool is_overdue;   /* it has lingered enough: close, whatever is unwritten */
	bool has_unread;   /* its connection's word: the client has said more than was read, or may have */
};

/* A new client: greets it, or turns it away while the process drains. id names the session in ASK and SAY. What it
 * needs of the connection is copied. */
void session_begin(struct session *session, struct session_world *world, void *owner, uint32_t id,
    const struct ipc_connection *connection);
/* Bytes from the client, SESSION_READ_BYTES at most; not while session_is_waiting(). */
void session_input(struct session *session, struct span bytes);
/* Bytes from a proxy, while session_awaits_header(); returns how many of them belong to its header. What is behind them
 * is not looked at: it comes again, to session_input() or to TLS. */
size_t session_take_header(struct session *session, struct span bytes);
/* The handshake is done: begins anew, with what was agreed (the name is copied). */
void session_tls_up(struct session *session, const struct tls_facts *tls);
/* TLS cannot go on: logs why, and ends the session. */
void session_tls_failed(struct session *session, const struct tls_failure *failure);
/* No memory is left for what the client has sent: says so, and ends the session. */
void session_no_memory(struct session *session);
/* No more bytes will come: after an orderly FIN, or after a reset or a failed write. */
void session_input_ended(struct session *session, bool is_orderly);
/* The client has said that it sends no more before it could read what it was answered: its FIN is waited for. */
void session_input_closing(struct session *session);
/* ANNOUNCED_SAY, HARVESTER, SPF_SAY, NAME_SAY, AUTH_SAY, PROBE_SAY or COMMIT_SAY. False: out of phase. */
bool session_hear(struct session *session, const struct ipc_message *say);
/* The door, dns, auth or deliver is gone: what was asked there stays unanswered, what deliver held is lost. */
void session_neighbour_gone(struct session *session, enum role neighbour);
/* Every second or so: acts on deadlines that have passed. */
void session_tick(struct session *session);
/* The process drains: between messages the session ends at once, a message under way is finished. is_over: there is
 * no time left; ends all but a commit that deliver has begun. */
void session_drain(struct session *session, bool is_over);
/* Logs the end and gives everything back. */
void session_free(struct session *session);

static inline bool
session_is_waiting(const struct session *session)
{
	return session->wait != WAIT_NOTHING;
}

/* May what comes next be a password? Then it is overwritten by whoever has had it in hands. */
static inline bool
session_awaits_secret(const struct session *session)
{
	return session->client.role == LISTENER_SUBMISSION && session->client.user.length == 0;
}

/* Is what comes next the header of the PROXY protocol? */
static inline bool
session_awaits_header(const struct session *session)
{
	return session->state == SESSION_PROXY && !session_is_waiting(session);
}

/* Has everything been said, and may the client see that? */
static inline bool
session_has_said_all(const struct session *session)
{
	return session->state == SESSION_CLOSED || (session->state == SESSION_LINGERING && session->sends_fin);
}

/* Is what comes next text of a message, rather than a command? */
static inline bool
session_takes_text(const struct session *session)
{
	return session->state == SESSION_TEXT || session->is_in_chunk;
}

#endif
