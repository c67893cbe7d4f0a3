/* SipHash-2-4 (Aumasson and Bernstein, 2012): a hash that nobody can aim at who does not know the key, for tables whose
 * keys strangers choose.
 *
 * Trust: the bytes may be anybody's. Pure.
 * On failure: nothing here can fail.
 */
#ifndef TIDEGATE_LIB_SIPHASH_H
#define TIDEGATE_LIB_SIPHASH_H

#include <stdint.h>

#include "lib/span.h"

struct siphash_key {
	uint64_t words[2];
};

uint64_t siphash(const struct siphash_key *key, struct span bytes);

#endif
