/* Answers kept as long as their TTL allows, also that there is none (RFC 2308), bounded in entries and bytes.
 *
 * Trust: contents are the Internet's; what they may cost is bounded here.
 * On failure: without memory an answer is simply not kept.
 */
#ifndef TIDEGATE_LOOKUP_DNS_CACHE_H
#define TIDEGATE_LOOKUP_DNS_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/span.h"
#include "lookup/replay.h"

enum {
	DNS_CACHE_FOUND_SECONDS = 86400,  /* nothing is kept longer, whatever its TTL */
	DNS_CACHE_NEGATIVE_SECONDS = 3600 /* "there is none" (RFC 2308 5 suggests one to three hours) */
};

struct dns_cache;

/* NULL without memory. Owned by the caller. */
struct dns_cache *dns_cache_new(size_t limit_entries, size_t limit_bytes);
/* Keeps a copy of an answer of status FOUND, NO_DATA or NO_NAME; any other, or a TTL of 0, is not kept. It takes the
 * place of an older answer to the same question; those not looked up for the longest time make room. */
void dns_cache_put(struct dns_cache *cache, enum dns_type type, struct span name, const struct dns_answer *answer,
    uint32_t ttl_seconds, uint64_t now_ms);
/* The answer, good until the next dns_cache_put(), or NULL. */
const struct dns_answer *dns_cache_get(struct dns_cache *cache, enum dns_type type, struct span name, uint64_t now_ms);
size_t dns_cache_entries(const struct dns_cache *cache);
size_t dns_cache_bytes(const struct dns_cache *cache);
void dns_cache_free(struct dns_cache *cache);

#endif
