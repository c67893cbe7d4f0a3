/* XCLIENT, by which a proxy that speaks SMTP says for whom it speaks (an extension of Postfix; its XCLIENT_README).
 *
 * Trust: none. Pure: no I/O, no globals.
 * On failure: false, and the attribute that is wrong.
 */
#ifndef TIDEGATE_SMTPD_XCLIENT_H
#define TIDEGATE_SMTPD_XCLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/peer.h"
#include "lib/span.h"

/* What EHLO offers, and xclient_read() knows. */
#define XCLIENT_ATTRIBUTES "NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"

enum { XCLIENT_VALUE_BYTES = 255 }; /* greatest value, decoded */

enum xclient_name {
	XCLIENT_NAME_ABSENT,
	XCLIENT_NAME_GIVEN,
	XCLIENT_NAME_NONE,   /* [UNAVAILABLE]: there is none, and will be none */
	XCLIENT_NAME_TROUBLE /* [TEMPUNAVAIL]: it could not be found now */
};

/* Attributes that are absent or unavailable leave family 0, or false. PROTO and HELO are checked and not kept: the EHLO
 * or HELO that must follow says the same. LOGIN is checked and not kept: it makes nobody known here. */
struct xclient {
	enum xclient_name name_kind;
	char name_text[XCLIENT_VALUE_BYTES + 1];
	struct peer_address client; /* ADDR; its port is 0 */
	struct peer_address called; /* DESTADDR; its port is 0 */
	bool has_client_port;
	bool has_called_port;
	uint16_t client_port; /* PORT */
	uint16_t called_port; /* DESTPORT */
};

/* Reads "ATTRIBUTE=value ...", one at least and each once; values are xtext (RFC 3461 4). *xclient is filled in on
 * success only. */
bool xclient_read(struct span argument, struct xclient *xclient, struct span *offender);

#endif
