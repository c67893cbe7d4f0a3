/* The guard before libspf2: it stands where libspf2 expects the DNS, and answers tokens.
 *
 * A token is a term of a record that was read (lookup/spf_plain.h). The guard expands the term's real name, looks it
 * up (lookup/spf_dns.h), counts what RFC 7208 4.6.4 limits, and answers. What ends the check sticks: from then on
 * every answer is SPF_ANSWER_STOP, and the caller takes the guard's word, not libspf2's.
 *
 * Trust: records and names are the Internet's; the evaluator asks tokens only, and a token it was not given ends the
 * check.
 * On failure: dns.stop says so.
 */
#ifndef TIDEGATE_LOOKUP_SPF_GUARD_H
#define TIDEGATE_LOOKUP_SPF_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lookup/replay.h"
#include "lookup/spf_dns.h"
#include "lookup/spf_exchanges.h"
#include "lookup/spf_macro.h"
#include "lookup/spf_plain.h"
#include "lookup/spf_question.h"

enum { SPF_RECORDS_MAX = SPF_LOOKUPS_MAX + 1 /* the first, and one a lookup */ };

/* A record that was read, and whose it is. */
struct spf_source {
	struct spf_name domain;
	struct spf_plain plain;
};

struct spf_guard {
	struct spf_dns dns;
	struct spf_macro_facts facts;  /* but for domain and validated */
	struct spf_name first_domain;  /* the one that is checked */
	struct buf sender;             /* owned: "postmaster@…" when facts.sender had to be made */
	struct dns_record own_address; /* the client's */
	unsigned lookups;              /* terms that needed one */
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

/* Starts a check. The question and the replay outlive the guard. May be over at once (4.3: no valid domain). */
void spf_guard_begin(struct spf_guard *guard, const struct spf_question *question, struct replay *replay);
/* The answer to a token. "k0.g" is the first record. */
struct spf_answer spf_guard_ask(struct spf_guard *guard, struct span token);
/* The evaluator has come to SPF_FAIL: the explanation of the domain (6.2), appended to out. False when an answer is
 * missing. Nothing is appended when the domain has no usable one; out is then empty. */
bool spf_guard_explain(struct spf_guard *guard, struct buf *out);
void spf_guard_end(struct spf_guard *guard);

#endif
