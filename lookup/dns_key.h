/* A question as a key of hash tables: type and name, the name in lower case.
 *
 * On failure: a name over DNS_NAME_BYTES makes no key.
 */
#ifndef TIDEGATE_LOOKUP_DNS_KEY_H
#define TIDEGATE_LOOKUP_DNS_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "lib/span.h"
#include "lookup/replay.h"

struct dns_key {
	unsigned char type;
	unsigned char length;
	char name[DNS_NAME_BYTES];
};

static inline bool
dns_key_make(struct dns_key *key, enum dns_type type, struct span name)
{
	if (name.length > DNS_NAME_BYTES)
		return false;
	key->type = (unsigned char)type;
	key->length = (unsigned char)name.length;
	for (size_t i = 0; i < name.length; i++)
		key->name[i] = span_lower(name.data[i]);
	return true;
}

/* How many bytes of a key count. */
static inline size_t
dns_key_bytes(const struct dns_key *key)
{
	return offsetof(struct dns_key, name) + key->length;
}

static inline struct span
dns_key_name(const struct dns_key *key)
{
	return span_make(key->name, key->length);
}

static inline bool
dns_key_equal(const struct dns_key *a, const struct dns_key *b)
{
	return dns_key_bytes(a) == dns_key_bytes(b) && memcmp(a, b, dns_key_bytes(a)) == 0;
}

#endif
