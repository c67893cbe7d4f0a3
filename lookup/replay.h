/* Replay: a check is a pure function of (question, DNS answers known so far). When it needs an answer that is not
 * there it says so through the replay and gives up for now; dns fetches what is missing, pins it, and runs the check
 * again from the start.
 *
 * Trust: the answers' contents are the Internet's.
 * On failure: an answer's status tells; without memory a lookup answers DNS_TROUBLE, never NULL by mistake.
 */
#ifndef TIDEGATE_LOOKUP_REPLAY_H
#define TIDEGATE_LOOKUP_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/span.h"

enum dns_type { DNS_A = 1, DNS_PTR = 12, DNS_MX = 15, DNS_TXT = 16, DNS_AAAA = 28 };

enum dns_status {
	DNS_FOUND,        /* records of the type that was asked for */
	DNS_NO_DATA,      /* the name exists, without such records */
	DNS_NO_NAME,      /* NXDOMAIN */
	DNS_TROUBLE,      /* SERVFAIL and other failures of this domain, or its time ran out */
	DNS_RESOLVER_DOWN /* no resolver answered anything at all */
};

enum {
	DNS_NAME_BYTES = 255,     /* greatest name that is asked, as raw octets without the final dot */
	DNS_RECORDS_MAX = 256,    /* records kept of one answer */
	DNS_TXT_MAX_BYTES = 65535 /* of one TXT record, its strings joined (RFC 7208 3.3) */
};

struct dns_record {
	uint16_t preference; /* MX */
	uint8_t ip[16];      /* A: the first 4; AAAA */
	struct span text;    /* TXT: joined strings, any bytes; MX, PTR: the target without its final dot, lower case */
};

struct dns_answer {
	enum dns_status status;
	size_t count;
	const struct dns_record *records; /* owned by the answer's keeper; CNAMEs already followed */
};

struct replay;

/* The pinned answer to (type, name), or NULL when it is not known yet: it is then noted as wanted, and the caller
 * gives up until the next run. name: raw octets with dots between labels, nothing escaped, without a final dot, at most
 * DNS_NAME_BYTES; case ignored. */
const struct dns_answer *replay_lookup(struct replay *replay, enum dns_type type, struct span name);

/* For the keeper of a replay (dns, tests): */

/* An empty one; NULL without memory. */
struct replay *replay_new(void);
/* Pins an answer (copied); the question is then wanted no longer. False without memory. */
bool replay_pin(struct replay *replay, enum dns_type type, struct span name, const struct dns_answer *answer);
/* The questions wanted since the last replay_clear_wanted(), without doubles. */
size_t replay_wanted_count(const struct replay *replay);
void replay_wanted(const struct replay *replay, size_t index, enum dns_type *type, struct span *name);
void replay_clear_wanted(struct replay *replay);
/* How many different questions were ever asked of it. */
size_t replay_questions(const struct replay *replay);
void replay_free(struct replay *replay);

#endif
