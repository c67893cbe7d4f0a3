/* Validated names of a client: what its address points to and points back (RFC 7208 5.5, and the letter p of 7.3).
 *
 * Trust: the reverse zone is the client's: its names are claims, and DNS errors there are never the sender domain's.
 * On failure: no name; the guard is stopped when an answer is missing.
 */
#ifndef TIDEGATE_LOOKUP_SPF_NAMES_H
#define TIDEGATE_LOOKUP_SPF_NAMES_H

#include "lookup/spf_guard.h"

/* Is one of the first ten names validated and equal to, or below, target? */
bool spf_names_match(struct spf_guard *guard, struct span target);
/* A validated name: domain itself, else one below it, else any, else "unknown". */
struct span spf_names_best(struct spf_guard *guard, struct span domain);

#endif
