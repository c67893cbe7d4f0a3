/* The keys of smtpd/keys_store.h.
 *
 * On failure: see the header.
 */
#include "smtpd/keys_store.h"

#include <stdlib.h>
#include <string.h>

/* A change that is refused and taken back makes two sets; older ones are nobody's any more. */
enum { SETS_KEPT = 4 };

struct keys_kept {
	size_t count;
	struct keys_pair pairs[CERTIFICATES_MAX];
};

struct keys_store {
	struct keys_kept sets[SETS_KEPT]; /* the newest first */
};

struct keys_store *
keys_store_new(void)
{
	return calloc(1, sizeof(struct keys_store));
}

static void
drop_set(struct keys_kept *set)
{
	for (size_t i = 0; i < set->count; i++)
		keys_pair_free(&set->pairs[i]);
	set->count = 0;
}

void
keys_store_free(struct keys_store *store)
{
	if (!store)
		return;
	for (size_t i = 0; i < SETS_KEPT; i++)
		drop_set(&store->sets[i]);
	free(store);
}

/* Has one of the entries that were taken this name, and RSA or EC as well? All curves are one kind to smtpd's OpenSSL.
 */
static bool
is_there(const struct keys_kept *taken, const size_t *entries, const struct certificate_set *set, struct span name,
    enum keys_kind kind)
{
	for (size_t i = 0; i < taken->count; i++)
		if ((taken->pairs[i].kind == KEYS_RSA) == (kind == KEYS_RSA) &&
		    span_equal_nocase(set->entries[entries[i]].name, name))
			return true;
	return false;
}

void
keys_store_take(struct keys_store *store, const struct certificate_set *set,
    void (*tell)(void *context, size_t index, enum pair_verdict verdict, const struct keys_facts *facts), void *context)
{
	struct keys_kept *newest = &store->sets[0];
	size_t entries[CERTIFICATES_MAX] = { 0 }; /* of the pairs */

	drop_set(&store->sets[SETS_KEPT - 1]);
	memmove(&store->sets[1], &store->sets[0], (SETS_KEPT - 1) * sizeof store->sets[0]);
	*newest = (struct keys_kept){ 0 };
	for (size_t i = 0; i < set->count; i++) {
		const struct certificate_entry *entry = &set->entries[i];
		struct keys_facts facts;
		struct keys_pair *pair = &newest->pairs[newest->count];
		enum pair_verdict verdict = keys_pair_read(pair, entry->chain, entry->key, &facts);

		/* smtpd can show only one of them, and would take none of the set. */
		if (verdict == PAIR_TAKEN && is_there(newest, entries, set, entry->name, pair->kind)) {
			keys_pair_free(pair);
			verdict = PAIR_BAD_CHAIN;
			buf_append_text(&facts.why, "another section of this name has this kind of key; remove one");
		}
		if (verdict == PAIR_TAKEN)
			entries[newest->count++] = i;
		tell(context, i, verdict, &facts);
		buf_free(&facts.chain);
		buf_free(&facts.why);
	}
}

size_t
keys_store_count(const struct keys_store *store)
{
	return store->sets[0].count;
}

static const struct keys_pair *
find_pair(const struct keys_store *store, struct span id)
{
	for (size_t s = 0; s < SETS_KEPT; s++)
		for (size_t i = 0; i < store->sets[s].count; i++) {
			const struct keys_pair *pair = &store->sets[s].pairs[i];

			if (span_equal(span_make((const char *)pair->id, sizeof pair->id), id))
				return pair;
		}
	return NULL;
}

enum sign_verdict
keys_store_sign(const struct keys_store *store, struct span key_id, uint32_t scheme, struct span input,
    unsigned char signature[static TLS_SIGNATURE_BYTES], size_t *length, const char **why)
{
	const struct keys_pair *pair = find_pair(store, key_id);

	if (!pair) {
		*why = "there is no such key";
		return SIGN_UNKNOWN;
	}
	if (keys_judge(pair->kind, scheme, input, why) == KEYS_REFUSES)
		return SIGN_REFUSED;
	if (keys_pair_sign(pair, keys_scheme_find(scheme), input, signature, length))
		return SIGN_DONE;
	*why = "OpenSSL could not sign";
	return SIGN_TROUBLE;
}
