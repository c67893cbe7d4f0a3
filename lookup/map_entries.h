/* The entries of the recipients files, while the map is compiled, and the problems found in them.
 *
 * Trust: the administrator's files.
 * On failure: false without memory.
 */
#ifndef TIDEGATE_LOOKUP_MAP_ENTRIES_H
#define TIDEGATE_LOOKUP_MAP_ENTRIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/problems.h"
#include "lib/arena.h"
#include "lib/span.h"
#include "lookup/map_record.h"

enum map_destination {
	MAP_TO_NOTHING, /* its line is wrong */
	MAP_TO_DOMAIN,  /* no line: "@domain", made by the compiler for a domain that has entries */
	MAP_TO_MAILDIR,
	MAP_TO_ALIAS,
	MAP_TO_REFUSE,
	MAP_TO_DEFER
};

struct map_maildir {
	unsigned root;
	struct span path; /* empty: the default, "<domain>/<local part>" */
	uint64_t quota_bytes;
};

struct map_targets {
	size_t count;
	struct span *items; /* canonical addresses */
};

struct map_entry {
	struct span address; /* canonical; "*@domain" and "@domain" too */
	enum map_destination destination;
	unsigned file;
	unsigned line;
	union {
		const struct map_maildir *maildir; /* NULL: all by default */
		const struct map_targets *targets;
		struct span text;
	};
};

struct map_entries {
	/* What the configuration says; the texts are the caller's. */
	bool keeps_local_case;
	size_t root_count;
	struct span roots[MAP_ROOTS_MAX]; /* absolute, without a slash at the end */
	/* What was read. */
	struct arena arena; /* owns all texts */
	struct map_entry *entries;
	size_t count;
	size_t capacity;
	struct span *files; /* names, by number */
	size_t file_count;
	struct problems problems;
};

bool map_entries_add(struct map_entries *source, const struct map_entry *entry);
/* Adds a problem with an entry's place. */
#define MAP_PROBLEM(source, entry, ...)                                                                                \
	problems_add(&(source)->problems, (source)->files[(entry)->file], (entry)->file, (entry)->line, __VA_ARGS__)
/* Gives a file its number, file_count - 1; false without memory, or when there are too many. The name is copied. */
bool map_entries_add_file(struct map_entries *source, struct span name);
void map_entries_free(struct map_entries *source);

/* The path below its root of an entry without one: domain and local part, with what could mean something in a path (or
 * to a shell) as %XX. */
void map_default_path(struct span address, struct buf *out);

#endif
