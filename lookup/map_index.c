/* The table of lookup/map_index.h: open addressing, never more than half full.
 *
 * Trust: the administrator's file.
 * On failure: false without memory.
 */
#include "lookup/map_index.h"

#include <stdlib.h>

enum { FIRST_SLOTS = 1024 };

static size_t
hash_of(struct span text)
{
	uint64_t hash = 14695981039346656037u;

	for (size_t i = 0; i < text.length; i++)
		hash = (hash ^ (unsigned char)text.data[i]) * 1099511628211u;
	return (size_t)(hash ^ hash >> 32);
}

/* The slot of that address, or the free one where it would go. */
static uint32_t *
slot_of(const struct map_index *index, struct span address)
{
	size_t at = hash_of(address) & index->mask;

	while (index->slots[at]) {
		if (span_equal(index->source->entries[index->slots[at] - 1].address, address))
			break;
		at = (at + 1) & index->mask;
	}
	return &index->slots[at];
}

/* The entry of that address, or NULL. */
static const struct map_entry *
find(const struct map_index *index, struct span address)
{
	uint32_t slot = *slot_of(index, address);

	return slot ? &index->source->entries[slot - 1] : NULL;
}

static void
complain_twice(struct map_entries *source, const struct map_entry *first, const struct map_entry *second)
{
	struct span file = source->files[first->file];

	if (first->file == second->file)
		MAP_PROBLEM(source, second, "%.*s is there already, on line %u; keep one of the two",
		    SPAN_ARG(second->address), first->line);
	else
		MAP_PROBLEM(source, second, "%.*s is there already, in %.*s:%u; keep one of the two",
		    SPAN_ARG(second->address), SPAN_ARG(file), first->line);
}

static struct span
domain_key(struct span address)
{
	size_t at = address.length;

	while (at > 0 && address.data[at - 1] != '@')
		at--;
	return span_skip(address, at ? at - 1 : 0);
}

/* Sees to it that the domain of entry `number` has its own entry. last: the domain seen before, since most neighbours
 * share theirs. */
static bool
add_domain(struct map_index *index, struct map_entries *source, size_t number, struct span *last)
{
	const struct map_entry *entry = &source->entries[number];
	struct span key = domain_key(entry->address);

	if (span_equal(key, *last))
		return true;
	*last = key;
	uint32_t *slot = slot_of(index, key);
	if (*slot)
		return true;
	const struct map_entry domain = {
		.address = key, .destination = MAP_TO_DOMAIN, .file = entry->file, .line = entry->line
	};
	if (!map_entries_add(source, &domain))
		return false;
	*slot = (uint32_t)source->count;
	return true;
}

bool
map_index_build(struct map_index *index, struct map_entries *source)
{
	size_t own = source->count;
	size_t slots = FIRST_SLOTS;
	struct span last_domain = span_make("", 0);

	/* Every entry may bring a domain of its own. */
	while (slots / 4 < own)
		slots *= 2;
	index->source = source;
	index->slots = calloc(slots, sizeof *index->slots);
	index->mask = slots - 1;
	if (!index->slots)
		return false;
	for (size_t i = 0; i < own; i++) {
		uint32_t *slot = slot_of(index, source->entries[i].address);

		if (*slot)
			complain_twice(source, &source->entries[*slot - 1], &source->entries[i]);
		else
			*slot = (uint32_t)(i + 1);
	}
	for (size_t i = 0; i < own; i++)
		if (!add_domain(index, source, i, &last_domain))
			return false;
	return true;
}

static enum map_find
find_entry(void *context, struct span key)
{
	struct map_index_hit *hit = context;
	const struct map_entry *entry = find(hit->index, key);

	if (!entry || entry->destination == MAP_TO_DOMAIN)
		return MAP_FIND_NOTHING;
	hit->entry = entry;
	return MAP_FIND_HIT;
}

static enum map_find
find_domain(void *context, struct span key)
{
	struct map_index_hit *hit = context;

	return find(hit->index, key) ? MAP_FIND_HIT : MAP_FIND_NOTHING;
}

struct map_finder
map_index_finder(struct map_index_hit *hit)
{
	return (struct map_finder){ find_entry, find_domain, hit };
}

void
map_index_free(struct map_index *index)
{
	free(index->slots);
	*index = (struct map_index){ 0 };
}
