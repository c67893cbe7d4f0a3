/* What an SPF check is asked.
 *
 * Trust: the client's own words, but for its address.
 * On failure: nothing here can fail.
 */
#ifndef TIDEGATE_LOOKUP_SPF_QUESTION_H
#define TIDEGATE_LOOKUP_SPF_QUESTION_H

#include <stdint.h>

#include "lib/peer.h"
#include "lib/span.h"
#include "lookup/spf_result.h"

struct spf_question {
	struct peer_address client;
	struct span helo;     /* as the client gave it */
	struct span sender;   /* MAIL FROM without its brackets; empty for the null sender */
	struct span receiver; /* our host name, for %{r} in explanations */
	uint64_t now_seconds; /* for %{t} */
	enum spf_identity identity;
};

#endif
