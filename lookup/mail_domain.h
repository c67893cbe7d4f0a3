/* The canonical form of a domain: lower case, A-labels.
 *
 * What is ASCII is lower-cased and checked, and no library is asked. The rest goes through UTS 46 (non-transitional:
 * "ß" and final sigma keep labels of their own) and IDNA 2008's rules for registered names, so that a U-label in any
 * case or normal form, and its A-label, are one name. Names that only look alike stay different.
 *
 * Trust: none. Pure; libidn2 reads no file.
 * On failure: an enum; mail_domain_problem says it as a sentence.
 */
#ifndef TIDEGATE_LOOKUP_MAIL_DOMAIN_H
#define TIDEGATE_LOOKUP_MAIL_DOMAIN_H

#include <stddef.h>

#include "lib/span.h"

enum { MAIL_DOMAIN_BYTES = 253 /* in A-labels, without a final dot */ };

enum mail_domain_result {
	MAIL_DOMAIN_OK,
	MAIL_DOMAIN_BAD, /* no name: an empty label, a space, a hyphen at an end */
	MAIL_DOMAIN_BAD_UTF8,
	MAIL_DOMAIN_BAD_CHARACTER, /* disallowed or unassigned (RFC 5892) */
	MAIL_DOMAIN_BAD_DIRECTION, /* right-to-left and left-to-right mixed (RFC 5893) */
	MAIL_DOMAIN_TOO_LONG,      /* a label over 63 bytes, or all over MAIL_DOMAIN_BYTES, in A-labels */
	MAIL_DOMAIN_NO_MEMORY
};

/* Writes the canonical form of text to out, and its length; both only on MAIL_DOMAIN_OK. */
enum mail_domain_result mail_domain_read(struct span text, char out[static MAIL_DOMAIN_BYTES], size_t *length);
/* The same: returns the length, 0 when it is no domain or there is no memory. */
size_t mail_domain_canonical(struct span text, char out[static MAIL_DOMAIN_BYTES]);
/* What is wrong and what would be right: a half sentence that begins with "its part behind the @". */
const char *mail_domain_problem(enum mail_domain_result result);

#endif
