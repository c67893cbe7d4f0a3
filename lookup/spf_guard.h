/* The guard before libspf2: it stands where libspf2 expects the DNS, and answers tokens.
 *
 * A token is a term of a record that was read (lookup/spf_plain.h). The guard expands the term's real name, asks the
 * replay, counts what RFC 7208 4.6.4 limits, and answers. The first thing that ends the check (a missing answer, an
 * error) sticks: from then on every answer is SPF_ANSWER_STOP, and the caller takes the guard's word, not libspf2's.
 *
 * Trust: records and names are the Internet's; the evaluator asks tokens only, and a token it was not given ends the
 * check.
 * On failure: see enum spf_stop.
 */
#ifndef TIDEGATE_LOOKUP_SPF_GUARD_H
#define TIDEGATE_LOOKUP_SPF_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lookup/replay.h"
#include "lookup/spf_check.h"
#include "lookup/spf_exchanges.h"
#include "lookup/spf_macro.h"
#include "lookup/spf_plain.h"

enum {
	SPF_VOIDS_MAX = 2,                     /* different questions that found nothing (4.6.4) */
	SPF_REVERSE_NAMES_MAX = 10,            /* of ptr and %{p} (4.6.4) */
	SPF_RECORDS_MAX = SPF_LOOKUPS_MAX + 1, /* the first, and one a lookup */
	SPF_PROBLEM_BYTES = 512
};

/* Why the check is over, if it is. */
enum spf_stop {
	SPF_STOP_NOT,
	SPF_STOP_WAIT,   /* an answer is missing; it is noted in the replay */
	SPF_STOP_VERDICT /* `verdict` is the result, whatever the evaluator says */
};

/* A record that was read, and whose it is. */
struct spf_source {
	struct spf_name domain;
	struct spf_plain plain;
};

/* A question whose answer was empty. */
struct spf_void {
	enum dns_type type;
	size_t length;
	char name[DNS_NAME_BYTES];
};

struct spf_guard {
	struct replay *replay;
	struct spf_macro_facts facts;  /* but for domain and validated */
	struct spf_name first_domain;  /* the one that is checked */
	struct buf sender;             /* owned: "postmaster@…" when facts.sender had to be made */
	struct dns_record own_address; /* the client's */
	enum spf_stop stop;
	enum spf_result verdict;
	bool resolver_down;
	struct buf problem; /* owned: one sentence for temperror and permerror */
	unsigned lookups;
	size_t void_count;
	struct spf_void voids[SPF_VOIDS_MAX];
	size_t source_count;
	struct spf_source sources[SPF_RECORDS_MAX];
	size_t main;                    /* the source whose exp= counts: the first, or the last one redirected to */
	const struct spf_term *reached; /* the term of that source which was asked last; NULL: none */
	const struct spf_term *asked;   /* the term of any source that was asked last; NULL: none */
	struct spf_exchanges exchanges; /* of the term asked last, when it is an mx */
	struct buf record;              /* owned: the plain record answered last */
};

enum spf_answer_kind {
	SPF_ANSWER_NOTHING,   /* no such records */
	SPF_ANSWER_ADDRESSES, /* of the client's family */
	SPF_ANSWER_EXCHANGES, /* mail exchangers, with the tokens x0.g, x1.g … */
	SPF_ANSWER_RECORD,    /* a plain record */
	SPF_ANSWER_STOP       /* the check is over: answer "try again" */
};

struct spf_answer {
	enum spf_answer_kind kind;
	size_t count;                       /* 0 for NOTHING and STOP, 1 for RECORD */
	const struct dns_record *addresses; /* ADDRESSES */
	struct span record;                 /* RECORD: until the next question */
};

/* Starts a check. The question and the replay outlive the guard. May already be over (4.3: no valid domain). */
void spf_guard_begin(struct spf_guard *guard, const struct spf_question *question, struct replay *replay);
/* The answer to a token. "k0.g" is the first record. */
struct spf_answer spf_guard_ask(struct spf_guard *guard, struct span token);
/* The evaluator has come to SPF_FAIL: the explanation of the domain (6.2), appended to out. False when an answer is
 * missing. Nothing is appended when the domain has no usable one; out is then empty. */
bool spf_guard_explain(struct spf_guard *guard, struct buf *out);
void spf_guard_end(struct spf_guard *guard);

/* For the parts of the guard (spf_names.c): */

/* The pinned answer, or NULL: the guard is then stopped (missing, or no resolver answers). */
const struct dns_answer *spf_guard_fetch(struct spf_guard *guard, enum dns_type type, struct span presentation);
/* Is a name, as an answer gave it, one of the client's own: does it resolve to the client's address (5.5)? A DNS
 * error is a no; so is a stop. */
bool spf_guard_is_client(struct spf_guard *guard, struct span presentation);

#endif
