/* The header fields that smtpd puts on top of a message: Received (RFC 5321 4.4) and Received-SPF (RFC 7208 9.1).
 *
 * Trust: HELO names, addresses and DNS names are the client's or the Internet's: only what the field's grammar allows
 * gets in, everything else is replaced by "?" or left out; UTF-8 addresses (RFC 6532 3.2) only of a transaction that
 * has said SMTPUTF8; lines are folded below 78 octets where possible and never
 * exceed 998. Pure.
 * On failure: the buffer's sticky error.
 */
#ifndef TIDEGATE_SMTPD_TRACE_HEADER_H
#define TIDEGATE_SMTPD_TRACE_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/peer.h"
#include "lib/span.h"
#include "lookup/spf_result.h"

struct trace_received {
	struct span helo;        /* as given */
	struct span client_name; /* confirmed reverse name, or empty */
	struct peer_address client;
	struct span hostname; /* ours */
	bool is_esmtp;        /* EHLO rather than HELO */
	bool is_smtputf8;     /* the transaction has said SMTPUTF8 (RFC 6531) */
	bool is_encrypted;    /* under TLS */
	bool is_authenticated;
	struct span id; /* session and transaction: an atom of RFC 5322 (no dots); other bytes become "?" */
	struct span single_recipient; /* without brackets: `for <…>` only when there is exactly one; else empty */
	uint64_t wall_us;
	struct span tls_version; /* "TLSv1.3": in a comment; empty without TLS */
	struct span tls_cipher;
	struct span tls_sni; /* the host name the client asked for; empty when it asked for none */
};

/* Appends "Received: …\n", lines ended by LF. A HELO name that is no domain and no address literal stands in a comment,
 * behind the client's address; a client_name that is no domain and a recipient that is no mailbox are left out. */
void trace_received(const struct trace_received *facts, struct buf *out);

struct trace_spf {
	bool is_smtputf8; /* as above: envelope_from may be UTF-8 */
	enum spf_result result;
	enum spf_identity identity;
	struct span hostname;       /* receiver= */
	struct peer_address client; /* client-ip= */
	struct span envelope_from;  /* envelope-from= */
	struct span helo;           /* helo= */
	struct span mechanism;      /* mechanism=, or empty */
	struct span problem;        /* problem=, or empty */
};

/* Appends "Received-SPF: …\n" (RFC 7208 9.1), lines ended by LF; nothing for SPF_UNKNOWN, which is no result. Values
 * are cut after 400 octets. */
void trace_received_spf(const struct trace_spf *facts, struct buf *out);

#endif
