/* What tidegate-dns counts about its questions.
 * On failure: nothing here can fail.
 */
#ifndef TIDEGATE_LOOKUP_DNS_COUNTERS_H
#define TIDEGATE_LOOKUP_DNS_COUNTERS_H

#include <stdint.h>

struct dns_counters {
	uint64_t questions; /* that checks had */
	uint64_t cached;    /* answered from the cache */
	uint64_t joined;    /* answered together with another in flight */
	uint64_t sent;      /* tries */
	uint64_t answers;   /* that fitted */
	uint64_t failures;  /* among them: SERVFAIL, REFUSED, malformed */
	uint64_t streams;   /* truncated, asked again over TCP */
	uint64_t timeouts;  /* tries that met silence */
	uint64_t refused;   /* tries that met a closed port */
	uint64_t unsettled; /* questions given up: trouble */
	uint64_t down;      /* questions given up: no resolver answers */
};

#endif
