/* The state of one tidegate-smtpd process, and how its parts reach each other.
 *
 * Trust: holds everything this process holds; clients reach it only through the session engine.
 * On failure: see the parts.
 */
#ifndef TIDEGATE_SMTPD_SMTPD_H
#define TIDEGATE_SMTPD_SMTPD_H

#include "conf/config.h"
#include "lib/child.h"
#include "lookup/map_read.h"
#include "smtpd/body.h"
#include "smtpd/handoff.h"
#include "smtpd/keys_link.h"
#include "smtpd/session.h"
#include "smtpd/sessions.h"
#include "smtpd/tls.h"
#include "smtpd/tls_context.h"
#include "smtpd/traces.h"

struct smtpd {
	struct child *child;
	struct config *config; /* owned */
	struct map *map;       /* owned; NULL: none yet */
	struct map_rules map_rules;
	struct tls_library *tls_library; /* owned */
	struct tls_contexts *tls;        /* owned; NULL: no certificate yet */
	enum tls_policy tls_policy;      /* that these follow */
	struct buf certificates;         /* the set that these were made from */
	struct keys_link keys;
	struct budget memory;
	struct body_store bodies;
	struct session_world world;
	struct sessions *sessions;
	struct edge *door;
	struct edge *dns;
	struct edge *auth;
	struct handoff *handoff;
	struct event *sweep; /* every second: deadlines; now and then memory that is free */
	uint64_t longest_sweep_us;
	unsigned sweeps;
	struct event *flush; /* what is sent in batches */
	struct event *drain_end;
	bool is_flush_due;
	struct event *batch_timer;
	bool is_batch_due;
	bool has_drained;
	uint64_t lost_clients; /* for want of a descriptor */
	uint64_t lost_said_ms; /* when the log said so last */
	struct buf closed;     /* door ids of ended sessions, for CLOSED */
	struct buf out;        /* what the session at hand said in this turn */
	struct buf wire;       /* …and the same under TLS */
	char *read_bytes;      /* SESSION_READ_BYTES */
	char *text_bytes;      /* SESSION_READ_BYTES, for what was in them under TLS */
	struct tls_ground tls_ground;
	struct traces traces;
};

/* main.c */

/* Has the lines of the log that are held written, and the ends of sessions told, in a moment: many at a time. */
void smtpd_batch_soon(struct smtpd *smtpd);

/* certificates.c */

/* A set of certificates from the master; the descriptor stays the caller's. */
void certificates_take(struct smtpd *smtpd, int fd);
/* After a reload: makes the contexts anew when tls-policy is another one. */
void certificates_follow_policy(struct smtpd *smtpd);

/* neighbours.c */

/* The edges to door, dns, auth and deliver. False without memory. */
bool neighbours_begin(struct smtpd *smtpd);
bool neighbours_attach(struct smtpd *smtpd, enum role peer, unsigned peer_instance, int fd);
/* A session ends: the door hears of it at once (before the client sees the end, and can be back), or in a moment. */
void neighbours_report_closed(struct smtpd *smtpd, uint32_t door_id, bool at_once);
/* Has receipts sent, and the end of a drain looked for, at the end of this round of the loop: a receipt must be with
 * deliver before the client can be back. */
void neighbours_flush_soon(struct smtpd *smtpd);
/* Tells the door now of the ends that wait. */
void neighbours_tell_closed(struct smtpd *smtpd);
/* session_io.ask */
bool neighbours_ask(struct session *session, struct ipc_message *message);

/* smtpd_counters.c */
void smtpd_append_status(const struct smtpd *smtpd, struct buf *lines);

#endif
