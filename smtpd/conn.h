/* One client's socket: reads into the process's one buffer when it may, and sends what a session said in one write.
 *
 * A connection is driven in turns: something happens to its session (bytes, an answer, a deadline), then conn_turn()
 * sends what was said, closes what is over and chooses what to wait for next. No buffer is held while it idles.
 *
 * Trust: none in the client.
 * On failure: a socket that fails ends its session as if the client had reset it.
 */
#ifndef TIDEGATE_SMTPD_CONN_H
#define TIDEGATE_SMTPD_CONN_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>

#include "smtpd/session.h"

struct smtpd;
struct tls;

enum conn_interest { CONN_NOTHING, CONN_READING, CONN_WRITING };

struct conn {
	struct session session;
	struct event event; /* of the one interest */
	struct buf unsent;  /* what a short write left; nothing is read until it is gone */
	struct smtpd *smtpd;
	struct tls *tls; /* owned; NULL: in the clear */
	int fd;
	uint32_t door_id; /* the door's number for this connection */
	bool has_sent_fin;
	bool is_near_cap;   /* the door wants to hear of its end at once */
	bool has_door_id;   /* false after the door that gave it has gone */
	uint8_t interest;   /* enum conn_interest */
	uint8_t tls_result; /* enum tls_result that is not yet acted on */
};

/* Takes an accepted client (owns fd) and greets it. */
void conn_open(struct smtpd *smtpd, int fd, const struct ipc_connection *connection);
/* Says a 421 to a client for which there is no place, and closes it (owns fd). */
void conn_turn_away(struct smtpd *smtpd, int fd, uint32_t door_id, enum reply_id why);
/* Ends a turn; the connection may be gone afterwards. */
void conn_turn(struct conn *conn);

/* Hands on what the client has said, and overwrites it when it may be a password. */
void conn_hear(struct conn *conn, char *bytes, size_t length);

/* Is this the address that the client has called? */
bool conn_is_called_at(const struct conn *conn, const struct peer_address *address);

/* Functions of struct session_io. */
void conn_write(struct session *session, struct span bytes);
bool conn_is_acknowledged(struct session *session);
/* …and two of conn_tls.c. */
bool conn_has_tls(const struct session *session);
bool conn_start_tls(struct session *session);

/* conn_tls.c, where conn->tls is not NULL */

/* Bytes that were read: the handshake's, or records with text for the session. */
void conn_tls_receive(struct conn *conn, struct span bytes);
/* Does what the end of TLS asks for, as soon as the session waits for nobody. */
void conn_tls_act(struct conn *conn);
/* What was said in this turn, as it goes over the wire. */
struct buf *conn_tls_said(struct conn *conn);

#endif
