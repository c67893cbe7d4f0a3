/* ESMTP parameters of MAIL and RCPT (RFC 5321 4.1.2): " KEY=VALUE" pairs, against a list of those allowed.
 *
 * Trust: none. Pure.
 * On failure: an enum that names the reply: 501 5.5.4 for bad syntax or value, 555 5.5.4 for an unknown one, 501 for
 * one given twice.
 */
#ifndef TIDEGATE_SMTPD_PARAMS_H
#define TIDEGATE_SMTPD_PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/span.h"

enum params_result { PARAMS_OK, PARAMS_BAD_SYNTAX, PARAMS_BAD_VALUE, PARAMS_UNKNOWN, PARAMS_TWICE };

enum body_type { BODY_UNSAID, BODY_7BIT, BODY_8BITMIME };

struct mail_params {
	bool has_size;
	uint64_t size_bytes; /* RFC 1870; up to 20 digits, saturating at UINT64_MAX */
	enum body_type body; /* RFC 6152 */
	bool has_auth;       /* RFC 4954 5; what it says is of no interest */
	bool is_smtputf8;    /* RFC 6531 */
	bool has_prdr;       /* draft-hall-prdr */
};

/* text: what follows the path, beginning with a space when not empty; white space at its end is ignored, and more
 * than one space between parameters is let through. Keys and the values of BODY may come in any case. *params is filled
 * on PARAMS_OK only; otherwise *offender is the first parameter at fault, a span into text. */
enum params_result params_parse_mail(struct span text, struct mail_params *params, struct span *offender);
/* RCPT takes none yet: PARAMS_OK for nothing but white space. */
enum params_result params_parse_rcpt(struct span text, struct span *offender);

#endif
