/* Validated names of a client: what its address points to and points back (RFC 7208 5.5, and the letter p of 7.3).
 *
 * Trust: the reverse zone is the client's: its names are claims, and DNS errors there are never the sender domain's.
 * On failure: no name; the check is over when an answer is missing.
 */
#ifndef TIDEGATE_LOOKUP_SPF_NAMES_H
#define TIDEGATE_LOOKUP_SPF_NAMES_H

#include <stdbool.h>

#include "lib/span.h"
#include "lookup/spf_dns.h"

enum { SPF_NAMES_MAX = 10 /* of the PTR answer; more are not looked at (4.6.4) */ };

/* Is one of the names validated and equal to, or below, target? */
bool spf_names_match(struct spf_dns *dns, struct span target);
/* A validated name: domain itself, else one below it, else any, else "unknown". It lies in the replay. */
struct span spf_names_best(struct spf_dns *dns, struct span domain);

#endif
