/* The mail exchangers of an mx term (RFC 7208 5.4), in an order that does not depend on the answer's.
 *
 * Trust: names and preferences are the Internet's. Pure.
 * On failure: nothing here can fail.
 */
#ifndef TIDEGATE_LOOKUP_SPF_EXCHANGES_H
#define TIDEGATE_LOOKUP_SPF_EXCHANGES_H

#include <stddef.h>

#include "lookup/replay.h"

enum { SPF_EXCHANGES_MAX = 10 /* addresses of more are a permerror (4.6.4) */ };

struct spf_exchanges {
	size_t count; /* one over the limit at most */
	const struct dns_record *records[SPF_EXCHANGES_MAX + 1];
};

/* The first ones by preference, then by name; a null MX (RFC 7505) is none. Pointers into the answer. */
void spf_exchanges_select(const struct dns_answer *answer, struct spf_exchanges *exchanges);

#endif
