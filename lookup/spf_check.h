/* SPF (RFC 7208): one identity of one client, as a pure function of the question and the DNS answers known so far.
 *
 * Evaluated by libspf2 behind a guard (lookup/spf_guard.h), which sees tokens only; see docs/SPF.md and docs/adr/0006.
 *
 * Trust: records, explanations and names are the Internet's.
 * On failure: false while an answer is missing; everything else is a result of RFC 7208 2.6.
 */
#ifndef TIDEGATE_LOOKUP_SPF_CHECK_H
#define TIDEGATE_LOOKUP_SPF_CHECK_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lookup/spf_question.h"
#include "lookup/spf_result.h"
#include "lookup/replay.h"

/* libspf2 and its tables; once, before the walls. False when it cannot be set up. */
bool spf_check_load(void);

struct spf_verdict {
	enum spf_result result;
	bool resolver_down;     /* the cause of a temperror: no resolver answers at all */
	struct buf explanation; /* on SPF_FAIL only: the domain's own (RFC 7208 6.2), expanded, printable ASCII; may be
				   empty */
	struct buf mechanism;   /* the term that matched, as it stands in the record, cut to fit; empty when none did */
	struct buf problem;     /* for temperror and permerror: one sentence, printable ASCII, cut to fit */
	unsigned lookups;       /* DNS terms counted (RFC 7208 4.6.4) */
};

/* Runs the check. Returns false when answers are missing (they are noted in the replay): run it again when they are
 * pinned. True: *verdict is filled (its buffers are the caller's; give them BUF_LIMITs before the first call). */
bool spf_check(const struct spf_question *question, struct replay *replay, struct spf_verdict *verdict);

#endif
