/* The pinned answers of lookup/replay.h: a list in the order of asking, all of it in one arena.
 *
 * A check asks a few dozen different questions at most (RFC 7208 4.6.4 and ten names behind each), so a list does.
 *
 * Trust: names and contents are the Internet's; lengths were checked by the keeper, and are compared again here.
 * On failure: a question that finds no memory is answered DNS_TROUBLE; replay_pin returns false.
 */
#include "lookup/replay.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/arena.h"

enum { REPLAY_LIMIT_BYTES = 16 * 1024 * 1024 };

struct entry {
	STAILQ_ENTRY(entry) next;
	enum dns_type type;
	struct span name; /* lower case */
	bool was_asked;
	bool is_pinned;
	bool is_wanted;
	struct dns_answer answer;
};

struct replay {
	struct arena arena;
	STAILQ_HEAD(, entry) entries;
};

static const struct dns_answer trouble = { .status = DNS_TROUBLE };
static const struct dns_answer no_name = { .status = DNS_NO_NAME };

struct replay *
replay_new(void)
{
	struct replay *replay = calloc(1, sizeof *replay);

	if (!replay)
		return NULL;
	replay->arena = ARENA_LIMIT(REPLAY_LIMIT_BYTES);
	STAILQ_INIT(&replay->entries);
	return replay;
}

static struct entry *
find(const struct replay *replay, enum dns_type type, struct span name)
{
	struct entry *entry;

	STAILQ_FOREACH(entry, &replay->entries, next)
	if (entry->type == type && span_equal_nocase(entry->name, name))
		return entry;
	return NULL;
}

static struct entry *
find_or_add(struct replay *replay, enum dns_type type, struct span name)
{
	struct entry *entry = find(replay, type, name);

	if (entry)
		return entry;
	entry = arena_alloc(&replay->arena, sizeof *entry);
	char *lower = arena_alloc(&replay->arena, name.length + 1);
	if (!entry || !lower)
		return NULL;
	for (size_t i = 0; i < name.length; i++)
		lower[i] = span_lower(name.data[i]);
	entry->type = type;
	entry->name = span_make(lower, name.length);
	STAILQ_INSERT_TAIL(&replay->entries, entry, next);
	return entry;
}

const struct dns_answer *
replay_lookup(struct replay *replay, enum dns_type type, struct span name)
{
	if (name.length > DNS_NAME_BYTES)
		return &no_name;
	struct entry *entry = find_or_add(replay, type, name);
	if (!entry)
		return &trouble;
	entry->was_asked = true;
	if (entry->is_pinned)
		return &entry->answer;
	entry->is_wanted = true;
	return NULL;
}

bool
replay_pin(struct replay *replay, enum dns_type type, struct span name, const struct dns_answer *answer)
{
	const size_t count = answer->count < DNS_RECORDS_MAX ? answer->count : DNS_RECORDS_MAX;
	struct entry *entry = name.length <= DNS_NAME_BYTES ? find_or_add(replay, type, name) : NULL;
	struct dns_record *records = arena_alloc(&replay->arena, count * sizeof *records);

	if (!entry || !records)
		return false;
	for (size_t i = 0; i < count; i++) {
		records[i] = answer->records[i];
		records[i].text = arena_copy(&replay->arena, answer->records[i].text);
		if (!records[i].text.data)
			return false;
	}
	entry->answer = (struct dns_answer){ .status = answer->status, .count = count, .records = records };
	entry->is_pinned = true;
	entry->is_wanted = false;
	return true;
}

size_t
replay_wanted_count(const struct replay *replay)
{
	const struct entry *entry;
	size_t count = 0;

	STAILQ_FOREACH(entry, &replay->entries, next)
	count += entry->is_wanted;
	return count;
}

void
replay_wanted(const struct replay *replay, size_t index, enum dns_type *type, struct span *name)
{
	const struct entry *entry;

	STAILQ_FOREACH(entry, &replay->entries, next)
	{
		if (!entry->is_wanted || index-- > 0)
			continue;
		*type = entry->type;
		*name = entry->name;
		return;
	}
}

void
replay_clear_wanted(struct replay *replay)
{
	struct entry *entry;

	STAILQ_FOREACH(entry, &replay->entries, next)
	entry->is_wanted = false;
}

size_t
replay_questions(const struct replay *replay)
{
	const struct entry *entry;
	size_t count = 0;

	STAILQ_FOREACH(entry, &replay->entries, next)
	count += entry->was_asked;
	return count;
}

void
replay_free(struct replay *replay)
{
	if (!replay)
		return;
	arena_reset(&replay->arena);
	free(replay);
}
