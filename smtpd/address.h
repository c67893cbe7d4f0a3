/* Paths and mailboxes of RFC 5321 4.1.2: what stands behind MAIL FROM: and RCPT TO:.
 *
 * UTF-8 is read as RFC 6531 3.3 extends the grammar: in local parts, quoted or not, and in domains that have A-labels.
 * It is for the caller to refuse where SMTPUTF8 was not said: is_utf8 tells. HELO names stay ASCII (RFC 6531 3.7.1).
 *
 * Trust: none. Pure: results are spans into the argument. libidn2 is asked for a domain that is not ASCII only.
 * On failure: an enum that names the reply: syntax (501 5.1.7 / 5.1.3), too long, no memory.
 */
#ifndef TIDEGATE_SMTPD_ADDRESS_H
#define TIDEGATE_SMTPD_ADDRESS_H

#include <stdbool.h>

#include "lib/peer.h"
#include "lib/span.h"

enum {
	ADDRESS_LOCAL_PART_BYTES = 64, /* RFC 5321 4.5.3.1.1; octets of UTF-8 too */
	ADDRESS_DOMAIN_BYTES = 255,    /* 4.5.3.1.2 */
	ADDRESS_PATH_BYTES = 256       /* 4.5.3.1.3, with the brackets */
};

enum address_result { ADDRESS_OK, ADDRESS_BAD_SYNTAX, ADDRESS_TOO_LONG, ADDRESS_NO_MEMORY };

struct address {
	struct span whole;      /* local part "@" domain as sent, without brackets and source route; empty for <> */
	struct span local_part; /* as sent, with its quotes if any */
	struct span domain;     /* as sent; a literal keeps its brackets: "[192.0.2.1]" */
	bool is_literal;        /* the domain is an address literal */
	bool is_quoted;         /* the local part is a quoted string */
	bool is_utf8;           /* not ASCII: only with SMTPUTF8; well-formed, and the domain has A-labels */
};

/* Reads a path ("<…>", with an ignored source route) at the start of text; *rest is what follows it. A space before
 * "<" is the caller's to skip or to refuse. "<>" gives an empty address: the caller says whether that is allowed.
 * "<postmaster>" (any case, no domain) gives an empty domain. The path limit counts the source route too.
 * ADDRESS_TOO_LONG only for what is else well formed; *address and *rest are filled on ADDRESS_OK only. */
enum address_result address_parse_path(struct span text, struct address *address, struct span *rest);
/* A mailbox without brackets, the whole of text; it needs a domain. *address is filled on ADDRESS_OK only. */
enum address_result address_parse_mailbox(struct span text, struct address *address);
/* A domain in ASCII (RFC 5321 Domain: letters, digits, hyphens, dots; underscore is let through as the field does): one
 * label or more, each of 63 octets at most, 255 in all, no dot at the end. */
bool address_is_domain(struct span text);
/* The address of "[192.0.2.1]" or "[IPv6:2001:db8::1]"; port 0. */
bool address_parse_literal(struct span text, struct peer_address *peer);
/* "[192.0.2.1]" or "[IPv6:2001:db8::1]" (the tag in any case) with a valid address, no zeros in front of a number.
 * No other tag has been registered (RFC 5321 4.1.3), so none is known. */
bool address_is_literal(struct span text);
/* What may stand behind HELO and EHLO: a domain or an address literal. */
bool address_is_helo_name(struct span text);

#endif
