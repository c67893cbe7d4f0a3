/* The server's end of TLS as a filter between a socket's bytes and a session's: what the client sent goes in, its text
 * comes out, and what is to be sent to it is left in a buffer. It makes no system calls and never waits (but for what
 * the context's private key may need), so that smtpd/conn.c reads, writes and waits exactly as it does in the clear.
 *
 * All of the bytes that are fed are taken, so nothing that was read from a socket can stay behind unseen. Between two
 * calls nothing is held but the connection's keys, and the beginning of a record that is not whole yet; both are paid
 * from the memory budget.
 *
 * Trust: none in the bytes; OpenSSL reads them.
 * On failure: TLS_BROKEN, and tls_why() says why; TLS_NO_MEMORY when the budget is used up.
 */
#ifndef TIDEGATE_SMTPD_TLS_H
#define TIDEGATE_SMTPD_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "lib/budget.h"
#include "lib/buf.h"
#include "lib/span.h"
#include "smtpd/facts.h"

/* What all streams of a process share. */
struct tls_ground {
	BIO_METHOD *method;    /* owned */
	struct budget *budget; /* who pays: a new stream as a newcomer, then as something under way */
};

struct tls;

enum {
	TLS_RECORD_BYTES = 16384 + 256 + 5, /* greatest record (RFC 8446 5.2; AEAD in TLS 1.2 needs no more) */
	/* What one stream costs while the handshake lasts, and afterwards; measured by tests/unit/smtpd/test_tls.c. To
	 * the former comes twice what the client has sent of its handshake. */
	TLS_HANDSHAKE_BYTES = 73728,
	TLS_IDLE_BYTES = 18432
};

/* Loads what OpenSSL loads late; before the walls. False: no memory. */
bool tls_ground_begin(struct tls_ground *ground, struct budget *budget);
void tls_ground_end(struct tls_ground *ground);

/* A new stream that awaits a client's handshake; NULL without memory or budget. ground outlives it, the context is
 * shared. */
struct tls *tls_new(struct tls_ground *ground, SSL_CTX *context);
void tls_free(struct tls *tls);

enum tls_result {
	TLS_GOES_ON,
	TLS_ENDED,    /* the client has said that it sends no more (close_notify): an orderly end */
	TLS_BROKEN,   /* what came is no TLS, or the handshake failed: nothing more can be said or heard */
	TLS_NO_MEMORY /* the stream works, but what it would have to keep cannot be paid */
};

/* Takes bytes that came from the client. The text in them is written to text, which has room for bytes.length +
 * TLS_RECORD_BYTES, and *length is its length (also when the stream ends or breaks behind it); what the protocol itself
 * has to say is appended to wire. */
enum tls_result tls_feed(struct tls *tls, struct span bytes, char *text, size_t *length, struct buf *wire);
/* Is the handshake done? Before it is nothing can be sealed. */
bool tls_is_up(const struct tls *tls);
/* Appends text to wire as records, as few as possible. False: the stream is broken, or wire is full. */
bool tls_seal(struct tls *tls, struct span text, struct buf *wire);
/* Appends that nothing more will be sent (close_notify), if it can still be said. */
void tls_end(struct tls *tls, struct buf *wire);
/* After the handshake: has a part of a record come, and the rest not? */
bool tls_is_inside_record(const struct tls *tls);

/* What was agreed; the spans live as long as tls. */
struct tls_facts tls_agreed(const struct tls *tls);
/* After TLS_BROKEN; its spans live as long as tls. */
struct tls_failure tls_why(const struct tls *tls);

#endif
