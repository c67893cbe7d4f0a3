/* What is known about a client, a sender, a recipient and a message, and who has been asked about it.
 *
 * Facts are plain values: nothing here decides anything (smtpd/policy does) and nothing knows of sockets or
 * sessions, so that `tidegate explain` fills the same structs.
 *
 * Trust: spans hold the client's, the map's or the Internet's bytes, as they came.
 * On failure: a fact that cannot be had is known to be unknown.
 */
#ifndef TIDEGATE_SMTPD_FACTS_H
#define TIDEGATE_SMTPD_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/config.h"
#include "lib/ipc_messages.h"
#include "lib/peer.h"
#include "lib/span.h"
#include "lookup/map_read.h"
#include "lookup/spf_result.h"

/* One question to another process. */
enum fact_state {
	FACT_NOT_ASKED,
	FACT_ASKED, /* the answer is on its way */
	FACT_KNOWN  /* answered, or given up: then its value says unknown */
};

/* What was agreed when TLS was made. */
struct tls_facts {
	bool is_on;
	struct span version; /* "TLSv1.3" */
	struct span cipher;  /* as IANA names it: "TLS_AES_256_GCM_SHA384" */
	struct span sni;     /* the host name that the client asked for, or empty */
};

/* Why TLS did not come about, or broke. */
struct tls_failure {
	const char *reason; /* a word for the log */
	const char *detail; /* in words, or "" */
	struct span sent;   /* the beginning of what the client has sent, when it was no TLS at all; else empty */
};

struct client_facts {
	struct peer_address address;
	struct peer_address proxy;  /* who has connected for the client, when that is known; else family 0 */
	struct peer_address called; /* the address that the client has called; family 0: that of the socket */
	struct span listener;       /* the name of the one it has called */
	uint8_t role;               /* enum listener_role */
	uint8_t tls_mode;           /* enum listener_tls */
	bool is_early;              /* has talked before it was greeted */
	bool may_xclient;           /* it is the host that has connected, or was announced, that may */
	bool is_loopback;
	bool is_trusted;     /* in a network of `trusted` */
	bool is_forwarder;   /* in a network of `forwarders`, or its confirmed name is listed there */
	uint8_t name_state;  /* enum fact_state of the reverse name */
	uint8_t name_result; /* enum iprev_result */
	struct span name;    /* the confirmed name, or empty */
	struct span helo;    /* as the client gave it, or empty */
	struct span user;    /* who has logged in, by his canonical address; empty: nobody */
	struct tls_facts tls;
};

struct spf_facts {
	enum fact_state state;
	enum spf_result helo;
	enum spf_result mailfrom;
	bool is_resolver_down;
	struct span explanation;
	struct span helo_mechanism;
	struct span mailfrom_mechanism;
	struct span problem;
};

/* Whose is the address that a user wants to send as? */
enum ownership {
	OWNERSHIP_OF_NO_USER, /* nobody has logged in, or the sender is null */
	OWNERSHIP_UNKNOWN,    /* there is no map, or its record is broken */
	OWNERSHIP_HIS_OWN,    /* its mail goes into his mailbox, and nowhere else */
	OWNERSHIP_OF_OTHERS
};

struct sender_facts {
	struct span address; /* without brackets; empty for the null sender */
	struct span domain;  /* in A-labels when it is not ASCII */
	bool is_smtputf8;    /* MAIL has said SMTPUTF8: addresses may be UTF-8 */
	enum ownership ownership;
	uint64_t announced_bytes; /* SIZE=, or 0 */
	bool wants_prdr;          /* MAIL had PRDR */
	struct spf_facts spf;
};

struct recipient_facts {
	struct span address; /* as RCPT gave it, without brackets */
	struct span shown;   /* the same for a reply, which is ASCII: its domain in A-labels */
	bool has_map;        /* a recipient map is loaded; else verdict means nothing */
	enum map_verdict verdict;
	struct span text;         /* the map's words for REFUSE and DEFER */
	bool is_postmaster;       /* postmaster@ or abuse@: exempt from most checks */
	unsigned accepted_before; /* recipients of this transaction so far */
	enum probe_verdict probe; /* meaningful at POLICY_PROBE */
};

/* What became of the body on our side. */
enum body_state { BODY_HELD, BODY_NO_ROOM, BODY_FAILED };

struct message_facts {
	uint64_t text_bytes;
	uint64_t bare_newline_line; /* 0: none */
	bool mends_newlines;        /* …which is nothing to refuse: it was made CRLF */
	uint64_t nul_line;          /* 0: none */
	uint64_t long_line;         /* 0: none */
	unsigned received_fields;
	enum body_state body;
	enum commit_outcome outcome; /* meaningful at POLICY_COMMIT */
};

/* What a judgement is made from; a stage looks only at what its comment in smtpd/policy.h names. */
struct facts {
	const struct client_facts *client;
	const struct sender_facts *sender;
	const struct recipient_facts *recipient;
	const struct message_facts *message;
	enum auth_verdict login; /* meaningful at POLICY_LOGIN */
};

/* Fills in everything that follows from the address and the configuration alone; no name, no HELO. */
void facts_client(const struct config *config, const struct peer_address *address, struct client_facts *client);
/* The same for a client that turns out to be somebody else; what does not follow from its address stays. */
void facts_client_moved(const struct config *config, const struct peer_address *address, struct client_facts *client);
/* Takes what dns said of the reverse name; name is kept as a span. */
void facts_client_name(
    const struct config *config, enum iprev_result result, struct span name, struct client_facts *client);
/* Can a host name of `forwarders` still exempt this client, once its name is known? */
bool facts_client_awaits_name(const struct config *config, const struct client_facts *client);
/* Is this one of ours, of whom nobody has to beware: local, listed as trusted, or logged in? */
bool facts_client_is_friend(const struct client_facts *client);
/* Is this client exempt from SPF? */
bool facts_client_is_exempt(const struct client_facts *client);
/* The mailbox of a user (his canonical address), from what the map says of it: false when the address has none of its
 * own. Whose mail goes to somebody else, or into a catch-all, is not the owner of that. */
bool facts_user_mailbox(struct span user, const struct map_result *found, struct map_mailbox *mailbox);
/* Whose an address is, from what the map says of it; own: the user's mailbox, or NULL when he has none. */
enum ownership facts_ownership(const struct map_mailbox *own, const struct map_result *found);
/* The SPF facts when nobody can be asked, or no answer came. */
void facts_spf_unknown(struct spf_facts *spf);
/* What the map said of an address; spans are kept. found is NULL when there is no map. */
void facts_recipient(
    struct span address, const struct map_result *found, unsigned accepted_before, struct recipient_facts *recipient);

#endif
