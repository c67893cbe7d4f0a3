/* The flattening of lookup/map_flatten.h: a walk through the aliases, depth first with a stack of its own (a chain may
 * be as long as the file), each alias once.
 *
 * Trust: the administrator's file.
 * On failure: problems; false without memory.
 */
#include "lookup/map_flatten.h"

#include <stdlib.h>

#include "lookup/map_resolve.h"

enum { CHAIN_SHOWN = 12, SEEN_SLOTS = 4096 };

enum mark { MARK_NEW, MARK_OPEN, MARK_DONE, MARK_WRONG };

struct frame {
	uint32_t entry;
	uint32_t next_target;
};

struct walk {
	struct map_entries *source;
	const struct map_index *index;
	const struct map_rules *rules;
	struct map_flat *flat;
	unsigned char *marks; /* enum mark, by entry number */
	struct frame *stack;
	size_t depth;
	size_t stack_capacity;
	bool is_out_of_memory;
	/* The mailboxes gathered for the alias at hand, and a table to find them in. */
	struct map_mailbox gathered[MAP_MAILBOXES_MAX];
	size_t gathered_count;
	uint16_t seen[SEEN_SLOTS];         /* place in gathered + 1 */
	uint16_t slots[MAP_MAILBOXES_MAX]; /* of seen that are taken */
};

static uint32_t
number_of(const struct walk *walk, const struct map_entry *entry)
{
	return (uint32_t)(entry - walk->source->entries);
}

static const struct map_entry *
entry_at(const struct walk *walk, uint32_t number)
{
	return &walk->source->entries[number];
}

struct map_mailbox
map_mailbox_of(const struct map_entry *entry, struct buf *path)
{
	struct map_mailbox mailbox = { .address = entry->address, .line = entry->line };

	if (entry->maildir) {
		mailbox.root = entry->maildir->root;
		mailbox.quota_bytes = entry->maildir->quota_bytes;
		mailbox.path = entry->maildir->path;
	}
	if (mailbox.path.length == 0) {
		buf_reset(path);
		map_default_path(entry->address, path);
		mailbox.path = buf_span(path);
	}
	return mailbox;
}

/* The entry that an alias's target leads to; NULL after a problem. */
static const struct map_entry *
follow(struct walk *walk, const struct map_entry *alias, struct span target)
{
	struct map_index_hit hit = { .index = walk->index };
	const struct map_finder finder = map_index_finder(&hit);
	bool is_role;

	switch (map_resolve(walk->rules, target, &finder, &is_role)) {
	case MAP_FINDS_ENTRY:
		break;
	case MAP_FINDS_FOREIGN:
		MAP_PROBLEM(walk->source, alias,
		    "%.*s leads to %.*s, whose domain has no entry here, and mail is never sent on to the outside; let "
		    "that "
		    "user's own mail program fetch or forward it, or give the domain entries of its own",
		    SPAN_ARG(alias->address), SPAN_ARG(target));
		return NULL;
	case MAP_FINDS_NOTHING:
	case MAP_FINDS_BROKEN:
		MAP_PROBLEM(walk->source, alias,
		    "%.*s leads to %.*s, which is not there; add it, or take it out of the alias",
		    SPAN_ARG(alias->address), SPAN_ARG(target));
		return NULL;
	}
	if (hit.entry->destination != MAP_TO_REFUSE && hit.entry->destination != MAP_TO_DEFER)
		return hit.entry;
	MAP_PROBLEM(walk->source, alias, "%.*s leads to %.*s, which takes no mail (line %u); take it out of the alias",
	    SPAN_ARG(alias->address), SPAN_ARG(target), hit.entry->line);
	return NULL;
}

static uint32_t
hash_mailbox(const struct map_mailbox *mailbox)
{
	uint32_t hash = 2166136261u ^ mailbox->root;

	for (size_t i = 0; i < mailbox->path.length; i++)
		hash = (hash ^ (unsigned char)mailbox->path.data[i]) * 16777619u;
	return hash;
}

enum gathering { GATHERED, GATHERED_BEFORE, GATHERED_TOO_MANY };

static enum gathering
gather(struct walk *walk, const struct map_mailbox *mailbox)
{
	uint32_t at = hash_mailbox(mailbox) % SEEN_SLOTS;

	for (; walk->seen[at]; at = (at + 1) % SEEN_SLOTS) {
		const struct map_mailbox *other = &walk->gathered[walk->seen[at] - 1];

		if (other->root == mailbox->root && span_equal(other->path, mailbox->path))
			return GATHERED_BEFORE;
	}
	if (walk->gathered_count == MAP_MAILBOXES_MAX)
		return GATHERED_TOO_MANY;
	walk->slots[walk->gathered_count] = (uint16_t)at;
	walk->gathered[walk->gathered_count++] = *mailbox;
	walk->seen[at] = (uint16_t)walk->gathered_count;
	return GATHERED;
}

/* Adds the mailbox of a maildir entry under the address by which it was reached. */
static enum gathering
gather_maildir(struct walk *walk, const struct map_entry *entry, struct span target)
{
	struct buf path = BUF_LIMIT(MAP_PATH_BYTES);
	struct map_mailbox mailbox = map_mailbox_of(entry, &path);

	if (map_is_wildcard(entry->address))
		mailbox.address = target;
	enum gathering result = gather(walk, &mailbox);
	if (result == GATHERED && path.length) {
		struct span kept = arena_copy(&walk->source->arena, mailbox.path);

		walk->is_out_of_memory |= !kept.data;
		walk->gathered[walk->gathered_count - 1].path = kept;
	}
	walk->is_out_of_memory |= !buf_ok(&path);
	buf_free(&path);
	return result;
}

static enum gathering
gather_reach(struct walk *walk, const struct map_reach *reach)
{
	for (size_t i = 0; i < reach->count; i++)
		if (gather(walk, &reach->mailboxes[i]) == GATHERED_TOO_MANY)
			return GATHERED_TOO_MANY;
	return GATHERED;
}

static void
keep_gathered(struct walk *walk, struct map_reach *reach)
{
	size_t size = walk->gathered_count * sizeof *reach->mailboxes;

	reach->mailboxes = arena_alloc(&walk->source->arena, size);
	if (!reach->mailboxes) {
		walk->is_out_of_memory = true;
		return;
	}
	memcpy(reach->mailboxes, walk->gathered, size);
	reach->count = walk->gathered_count;
}

/* What one target of an alias reaches. A target that is wrong has had its problem. */
static enum gathering
gather_target(struct walk *walk, const struct map_entry *alias, size_t place, struct map_reach *reach)
{
	struct map_index_hit hit = { .index = walk->index };
	const struct map_finder finder = map_index_finder(&hit);
	struct span target = alias->targets->items[place];
	bool is_role;

	if (map_resolve(walk->rules, target, &finder, &is_role) != MAP_FINDS_ENTRY)
		return GATHERED;
	if (hit.entry->destination == MAP_TO_MAILDIR)
		return gather_maildir(walk, hit.entry, target);
	const struct map_reach *other = &walk->flat->of[number_of(walk, hit.entry)];
	if (alias->targets->count > 1)
		return gather_reach(walk, other);
	/* Another name for one alias shares its list: a long chain would copy it at each link. */
	*reach = *other;
	return GATHERED;
}

/* All targets of an alias have been walked: puts together what they reach. */
static void
finish(struct walk *walk, uint32_t number)
{
	const struct map_entry *alias = entry_at(walk, number);
	struct map_reach *reach = &walk->flat->of[number];
	enum gathering result = GATHERED;

	while (walk->gathered_count)
		walk->seen[walk->slots[--walk->gathered_count]] = 0;
	for (size_t i = 0; i < alias->targets->count && result != GATHERED_TOO_MANY; i++)
		result = gather_target(walk, alias, i, reach);
	walk->marks[number] = MARK_DONE;
	if (result == GATHERED_TOO_MANY) {
		walk->marks[number] = MARK_WRONG;
		MAP_PROBLEM(walk->source, alias, "%.*s reaches more than %d mailboxes; split it",
		    SPAN_ARG(alias->address), MAP_MAILBOXES_MAX);
	} else if (reach->count == 0) {
		keep_gathered(walk, reach);
	}
}

static bool
push(struct walk *walk, uint32_t number)
{
	if (walk->depth == walk->stack_capacity) {
		size_t capacity = walk->stack_capacity ? walk->stack_capacity * 2 : 64;
		struct frame *grown = reallocarray(walk->stack, capacity, sizeof *grown);

		if (!grown) {
			walk->is_out_of_memory = true;
			return false;
		}
		walk->stack = grown;
		walk->stack_capacity = capacity;
	}
	walk->stack[walk->depth++] = (struct frame){ .entry = number };
	walk->marks[number] = MARK_OPEN;
	return true;
}

/* The alias on top leads back to `again`, further down the stack: one problem for the whole circle. */
static void
complain_loop(struct walk *walk, uint32_t again)
{
	struct buf chain = BUF_LIMIT(4096);
	size_t at = walk->depth;
	size_t shown = 0;

	while (at > 0 && walk->stack[at - 1].entry != again)
		at--;
	size_t start = at - 1;
	for (size_t i = start; i < walk->depth; i++) {
		struct span address = entry_at(walk, walk->stack[i].entry)->address;

		walk->marks[walk->stack[i].entry] = MARK_WRONG;
		if (shown == CHAIN_SHOWN)
			buf_append_text(&chain, " ... ->");
		if (shown++ < CHAIN_SHOWN)
			buf_printf(&chain, "%.*s -> ", SPAN_ARG(address));
	}
	struct span first = entry_at(walk, again)->address;
	const char *text = buf_text(&chain);
	MAP_PROBLEM(walk->source, entry_at(walk, again),
	    "this alias leads back to itself: %s%s%.*s; take out one of them", text ? text : "",
	    shown > CHAIN_SHOWN ? " " : "", SPAN_ARG(first));
	buf_free(&chain);
}

/* Looks at one target of the alias on top of the stack. */
static void
step(struct walk *walk, const struct map_entry *alias, struct span target)
{
	const struct map_entry *entry = target.data ? follow(walk, alias, target) : NULL;

	if (!entry || entry->destination != MAP_TO_ALIAS)
		return;
	uint32_t number = number_of(walk, entry);
	if (walk->marks[number] == MARK_NEW)
		(void)push(walk, number);
	else if (walk->marks[number] == MARK_OPEN)
		complain_loop(walk, number);
}

static void
walk_from(struct walk *walk, uint32_t root)
{
	(void)push(walk, root);
	while (walk->depth && !walk->is_out_of_memory) {
		struct frame *top = &walk->stack[walk->depth - 1];
		const struct map_entry *alias = entry_at(walk, top->entry);

		if (top->next_target < alias->targets->count) {
			step(walk, alias, alias->targets->items[top->next_target++]);
			continue;
		}
		if (walk->marks[top->entry] == MARK_OPEN)
			finish(walk, top->entry);
		walk->depth--;
	}
}

bool
map_flatten(
    struct map_entries *source, const struct map_index *index, const struct map_rules *rules, struct map_flat *flat)
{
	struct walk *walk = calloc(1, sizeof *walk);
	bool is_done = false;

	flat->of = calloc(source->count + 1, sizeof *flat->of);
	if (walk && flat->of) {
		walk->source = source;
		walk->index = index;
		walk->rules = rules;
		walk->flat = flat;
		walk->marks = calloc(source->count + 1, 1);
		for (size_t i = 0; walk->marks && i < source->count && !walk->is_out_of_memory; i++)
			if (source->entries[i].destination == MAP_TO_ALIAS && walk->marks[i] == MARK_NEW)
				walk_from(walk, (uint32_t)i);
		is_done = walk->marks && !walk->is_out_of_memory;
		free(walk->marks);
		free(walk->stack);
	}
	free(walk);
	return is_done;
}

void
map_flat_free(struct map_flat *flat)
{
	free(flat->of);
	flat->of = NULL;
}
