/* DNS as one SPF check sees it: answers out of the replay, empty ones counted, and the first thing that ends the check
 * kept: a missing answer, or an error.
 *
 * Trust: names and answers are the Internet's.
 * On failure: see enum spf_stop. The sentence in `problem` holds names escaped and cut.
 */
#ifndef TIDEGATE_LOOKUP_SPF_DNS_H
#define TIDEGATE_LOOKUP_SPF_DNS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/peer.h"
#include "lookup/replay.h"
#include "lookup/spf_result.h"

enum { SPF_VOIDS_MAX = 2 /* different questions that found nothing (RFC 7208 4.6.4, docs/adr/0007) */ };

/* Why the check is over, if it is. */
enum spf_stop {
	SPF_STOP_NOT,
	SPF_STOP_WAIT,   /* an answer is missing; it is noted in the replay */
	SPF_STOP_VERDICT /* `verdict` is the result, whatever the evaluator says */
};

/* A question whose answer was empty. */
struct spf_void {
	enum dns_type type;
	size_t length;
	char name[DNS_NAME_BYTES];
};

struct spf_dns {
	struct replay *replay;
	struct peer_address client;
	enum spf_stop stop;
	enum spf_result verdict;
	bool resolver_down;
	struct buf problem; /* owned: one sentence for the verdict */
	size_t void_count;
	struct spf_void voids[SPF_VOIDS_MAX];
};

void spf_dns_begin(struct spf_dns *dns, const struct peer_address *client, struct replay *replay);
void spf_dns_end(struct spf_dns *dns);

/* Ends the check with a verdict and a sentence: what stands before the quoted text, and behind it. The first one
 * counts. */
void spf_dns_stop(
    struct spf_dns *dns, enum spf_result verdict, const char *before, struct span quoted, const char *behind);
/* Appends to the sentence: text from outside, escaped and cut. */
void spf_dns_quote(struct spf_dns *dns, struct span text);
/* A or AAAA: the client's family. */
enum dns_type spf_dns_address_type(const struct spf_dns *dns);

/* The pinned answer, or NULL: the check is then over (not pinned yet, or no resolver answers). */
const struct dns_answer *spf_dns_fetch(struct spf_dns *dns, enum dns_type type, struct span name);
/* The same, for what the result depends on: trouble with the name's DNS ends the check with a temperror (4.4). */
const struct dns_answer *spf_dns_require(struct spf_dns *dns, enum dns_type type, struct span name);
/* The same, for the terms of a record: an empty answer is NULL too, and counted. */
const struct dns_answer *spf_dns_resolve(struct spf_dns *dns, enum dns_type type, struct span name);
/* Does a name lead to the client's address (5.5)? A DNS error is a no, and so is a check that is over. */
bool spf_dns_is_client(struct spf_dns *dns, struct span name);

#endif
