/* The cache: a hash table in the order of last use, each entry one block of memory with its records and their bytes.
 *
 * On failure: see lookup/dns_cache.h.
 */
#include "lookup/dns_cache.h"

#include <stdlib.h>
#include <string.h>

/* An entry that finds no memory for its place in the table is not kept. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "lookup/dns_key.h"

struct entry {
	UT_hash_handle hh;
	uint64_t expires_ms;
	size_t bytes; /* of the whole block */
	struct dns_answer answer;
	struct dns_key key;
	struct dns_record records[]; /* then the bytes that they point to */
};

struct dns_cache {
	struct entry *table; /* least recently used first */
	size_t limit_entries;
	size_t limit_bytes;
	size_t bytes;
};

struct dns_cache *
dns_cache_new(size_t limit_entries, size_t limit_bytes)
{
	struct dns_cache *cache = calloc(1, sizeof *cache);

	if (!cache)
		return NULL;
	cache->limit_entries = limit_entries;
	cache->limit_bytes = limit_bytes;
	return cache;
}

static void
drop(struct dns_cache *cache, struct entry *entry)
{
	HASH_DEL(cache->table, entry);
	cache->bytes -= entry->bytes;
	free(entry);
}

static struct entry *
find(struct dns_cache *cache, const struct dns_key *key)
{
	struct entry *entry = NULL;

	HASH_FIND(hh, cache->table, key, dns_key_bytes(key), entry);
	return entry;
}

/* Puts it last in the order of use. False without memory: the entry is then in no table. */
static bool
append(struct dns_cache *cache, struct entry *entry)
{
	HASH_ADD_KEYPTR(hh, cache->table, &entry->key, dns_key_bytes(&entry->key), entry);
	return entry->hh.tbl != NULL;
}

static struct entry *
copy_answer(const struct dns_key *key, const struct dns_answer *answer)
{
	size_t bytes = sizeof(struct entry) + answer->count * sizeof(struct dns_record);

	for (size_t i = 0; i < answer->count; i++)
		bytes += answer->records[i].text.length;
	struct entry *entry = malloc(bytes);
	if (!entry)
		return NULL;
	memset(entry, 0, sizeof *entry);
	entry->bytes = bytes;
	entry->key = *key;
	entry->answer = (struct dns_answer){ answer->status, answer->count, entry->records };
	char *room = (char *)(entry->records + answer->count);
	for (size_t i = 0; i < answer->count; i++) {
		struct span text = answer->records[i].text;

		entry->records[i] = answer->records[i];
		entry->records[i].text = span_make(room, text.length);
		if (text.length)
			memcpy(room, text.data, text.length);
		room += text.length;
	}
	return entry;
}

static uint32_t
allowed_seconds(enum dns_status status, uint32_t ttl_seconds)
{
	switch (status) {
	case DNS_FOUND:
		return ttl_seconds < DNS_CACHE_FOUND_SECONDS ? ttl_seconds : DNS_CACHE_FOUND_SECONDS;
	case DNS_NO_DATA:
	case DNS_NO_NAME:
		return ttl_seconds < DNS_CACHE_NEGATIVE_SECONDS ? ttl_seconds : DNS_CACHE_NEGATIVE_SECONDS;
	case DNS_TROUBLE:
	case DNS_RESOLVER_DOWN:
		break;
	}
	return 0;
}

void
dns_cache_put(struct dns_cache *cache, enum dns_type type, struct span name, const struct dns_answer *answer,
    uint32_t ttl_seconds, uint64_t now_ms)
{
	uint32_t seconds = allowed_seconds(answer->status, ttl_seconds);
	struct dns_key key;

	if (seconds == 0 || !dns_key_make(&key, type, name))
		return;
	struct entry *fresh = copy_answer(&key, answer);
	if (!fresh)
		return;
	struct entry *old = find(cache, &key);
	if (old)
		drop(cache, old);
	if (fresh->bytes > cache->limit_bytes || cache->limit_entries == 0) {
		free(fresh);
		return;
	}
	while (cache->table &&
	       (cache->bytes > cache->limit_bytes - fresh->bytes || HASH_COUNT(cache->table) >= cache->limit_entries))
		drop(cache, cache->table);
	fresh->expires_ms = now_ms + (uint64_t)seconds * 1000;
	if (!append(cache, fresh)) {
		free(fresh);
		return;
	}
	cache->bytes += fresh->bytes;
}

const struct dns_answer *
dns_cache_get(struct dns_cache *cache, enum dns_type type, struct span name, uint64_t now_ms)
{
	struct dns_key key;

	if (!dns_key_make(&key, type, name))
		return NULL;
	struct entry *entry = find(cache, &key);
	if (!entry)
		return NULL;
	if (entry->expires_ms <= now_ms) {
		drop(cache, entry);
		return NULL;
	}
	HASH_DEL(cache->table, entry);
	if (!append(cache, entry)) {
		cache->bytes -= entry->bytes;
		free(entry);
		return NULL;
	}
	return &entry->answer;
}

size_t
dns_cache_entries(const struct dns_cache *cache)
{
	return HASH_COUNT(cache->table);
}

size_t
dns_cache_bytes(const struct dns_cache *cache)
{
	return cache->bytes;
}

void
dns_cache_free(struct dns_cache *cache)
{
	if (!cache)
		return;
	struct entry *entry = cache->table;
	HASH_CLEAR(hh, cache->table);
	while (entry) {
		struct entry *next = entry->hh.next;

		free(entry);
		entry = next;
	}
	free(cache);
}
