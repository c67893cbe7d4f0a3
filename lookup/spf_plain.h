/* Plain records: what libspf2 gets to see of an SPF record. Only terms that can matter to this client are left, and
 * every name is a token: "v=spf1 -a:k17.g/24 +include:k18.g redirect=k19.g".
 *
 * - ip4, ip6: known without a lookup. One that does not hold the client is left out; the first that does becomes
 *   "all", and ends the record. So no record outgrows libspf2's 511 compiled bytes, however long it was.
 * - ptr becomes exists, since its names are validated by spf_guard.
 * - redirect comes last, and never together with "all". Modifiers that libspf2 gets wrong (exp) or does not know are
 *   left out.
 * - A prefix length is that of the client's family; none is written for 0, which libspf2 takes for an error.
 * - Before "all" stands an exists that never matches: so spf_guard knows that the end was reached.
 * - After the eleventh term that needs a lookup nothing can be reached (RFC 7208 4.6.4).
 *
 * Trust: the record was checked by spf_parse_check.
 * On failure: nothing here can fail.
 */
#ifndef TIDEGATE_LOOKUP_SPF_PLAIN_H
#define TIDEGATE_LOOKUP_SPF_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/peer.h"
#include "lookup/spf_parse.h"

enum {
	SPF_LOOKUPS_MAX = 10,                  /* terms that need lookups, in one check (4.6.4) */
	SPF_PLAIN_STEPS = SPF_LOOKUPS_MAX + 1, /* the eleventh is where it stops, or what ends the record */
	SPF_TOKEN_BYTES = 16,
	SPF_PLAIN_TEXT_BYTES = 512 /* more than any plain record has */
};

/* The terms of a record that libspf2 will see, in order. */
struct spf_plain {
	size_t count;
	struct spf_term steps[SPF_PLAIN_STEPS];
	struct span explanation; /* domain-spec of exp=; empty when there is none */
};

/* A token: "k17.g" or "x3.g". */
struct spf_token {
	char letter;
	unsigned number;
};

void spf_plain_make(struct span record, const struct peer_address *client, struct spf_plain *plain);
/* Appends the plain record. Step i has the token k<first + i>. */
void spf_plain_write(const struct spf_plain *plain, const struct peer_address *client, unsigned first, struct buf *out);

/* The token's text, in text. */
struct span spf_token_write(struct spf_token token, char text[static SPF_TOKEN_BYTES]);
/* False for anything that spf_token_write does not write. */
bool spf_token_read(struct span text, struct spf_token *token);

#endif
