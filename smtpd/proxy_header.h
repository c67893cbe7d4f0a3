/* The header of the PROXY protocol, versions 1 and 2, by which a proxy says for whom it has connected
 * (https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt).
 *
 * What a header holds besides the two addresses (the TLVs of version 2) is not looked at: the length in the fixed part
 * alone says where the header ends.
 *
 * Trust: none. Pure: no I/O, no globals.
 * On failure: PROXY_BROKEN; no more bytes can mend it, and *header is untouched.
 */
#ifndef TIDEGATE_SMTPD_PROXY_HEADER_H
#define TIDEGATE_SMTPD_PROXY_HEADER_H

#include <stddef.h>

#include "lib/peer.h"
#include "lib/span.h"

enum {
	PROXY_HEADER_V1_BYTES = 107,      /* greatest of version 1, with its CRLF */
	PROXY_HEADER_V2_FIXED_BYTES = 16, /* signature, command, family, length */
	PROXY_HEADER_BYTES = 16 + 65535   /* greatest of all */
};

enum proxy_result {
	PROXY_WHOLE,   /* *header is filled in; *taken bytes belong to it */
	PROXY_PARTIAL, /* so far these can be the first bytes of a header: read on */
	PROXY_BROKEN   /* no header begins like this */
};

struct proxy_header {
	unsigned version;           /* 1 or 2 */
	struct peer_address client; /* family 0: none is announced, the connection's own addresses hold */
	struct peer_address called; /* where the client has connected to; family 0 as above */
};

/* Looks at all bytes of a connection so far. How they were cut into reads never changes what comes out. */
enum proxy_result proxy_header_read(struct span bytes, struct proxy_header *header, size_t *taken);

#endif
