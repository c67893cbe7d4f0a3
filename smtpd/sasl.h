/* What AUTH carries (RFC 4954): base64, the message of PLAIN (RFC 4616), and the two answers of LOGIN.
 *
 * LOGIN was never more than a draft: the server asks for the user in one challenge and for the password in the next.
 *
 * Trust: none in the text. Pure: no I/O, no globals; what is decoded is a secret, and its buffer is the caller's to
 * wipe. On failure: false, and nothing is said of why: there is one reply for all of it.
 */
#ifndef TIDEGATE_SMTPD_SASL_H
#define TIDEGATE_SMTPD_SASL_H

#include <stdbool.h>

#include "lib/span.h"

enum {
	SASL_LINE_BYTES = 12288, /* of a response, with its CRLF (RFC 4954 4) */
	SASL_TEXT_BYTES = SASL_LINE_BYTES / 4 * 3
};

enum sasl_mechanism { SASL_PLAIN, SASL_LOGIN };

/* Finds a mechanism by its name, in any case of letters. */
bool sasl_mechanism_of(struct span name, enum sasl_mechanism *mechanism);
/* The base64 of the challenge for step number `step` (0 first): what stands behind "334 ". */
struct span sasl_challenge(enum sasl_mechanism mechanism, unsigned step);

/* Decodes base64 as RFC 4648 4 writes it: padded, no white space, no bits in the padding. text has SASL_LINE_BYTES at
 * most; what is written to out is SASL_TEXT_BYTES at most. */
bool sasl_decode(struct span text, char out[static SASL_TEXT_BYTES], size_t *length);

/* Who wants in. Spans point into what was decoded. */
struct sasl_credentials {
	struct span user;
	struct span password;
};

/* Reads authzid NUL authcid NUL passwd. Both of the latter have an octet at least, and no NUL. An authzid that is not
 * the authcid is refused: nobody acts for somebody else here. */
bool sasl_parse_plain(struct span message, struct sasl_credentials *credentials);
/* May this be a user's name or a password, as LOGIN sends it? */
bool sasl_is_answer(struct span text);

#endif
