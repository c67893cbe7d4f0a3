/* Forward-confirmed reverse DNS (RFC 8601 3, "iprev"): a name that the client's address points to, and that points
 * back. A pure function of the address and the DNS answers known so far.
 *
 * Trust: names are the Internet's; only what can be a host name (letters, digits, "-", "_", ".") is looked at.
 * On failure: false while an answer is missing; trouble with DNS is IPREV_TROUBLE.
 */
#ifndef TIDEGATE_LOOKUP_IPREV_H
#define TIDEGATE_LOOKUP_IPREV_H

#include <stdbool.h>

#include "lib/peer.h"
#include "lib/span.h"
#include "lookup/replay.h"
#include "lookup/spf_result.h"

enum {
	IPREV_NAMES_MAX = 10, /* of the PTR answer; more are not looked at (as RFC 7208 4.6.4 has it) */
	IPREV_QUESTION_SIZE = 80
};

struct iprev_verdict {
	enum iprev_result result;
	struct span name; /* CONFIRMED: the first that points back; lies in the replay */
};

/* "1.2.0.192.in-addr.arpa" or the nibbles below ip6.arpa, NUL-terminated; empty for family 0. */
void iprev_name(const struct peer_address *client, char name[static IPREV_QUESTION_SIZE]);
/* Returns false when answers are missing (all that can be known to be needed are noted at once): run it again when
 * they are pinned. */
bool iprev_check(const struct peer_address *client, struct replay *replay, struct iprev_verdict *verdict);

#endif
