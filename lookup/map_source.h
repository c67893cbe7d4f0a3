/* The recipients file, or a folder of them, as a list of entries (tidegate-recipients(5)).
 *
 *     ADDRESS  maildir [PATH] [quota=SIZE]
 *     ADDRESS  alias ADDRESS…
 *     ADDRESS  refuse ["TEXT"]
 *     ADDRESS  defer ["TEXT"]
 *
 * ADDRESS may be "*@domain". "#" at the start of a word begins a comment. Of a folder, every regular file is read, by
 * name, but for those that begin with "." or end in "~".
 *
 * Trust: the administrator's files.
 * On failure: a problem with file and line; the entry is kept without a destination where its address is known, so that
 * nothing else seems wrong because of it.
 */
#ifndef TIDEGATE_LOOKUP_MAP_SOURCE_H
#define TIDEGATE_LOOKUP_MAP_SOURCE_H

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

struct map_source {
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

/* Adds the entries of one file's text. Pure but for memory. name is copied. */
void map_source_parse(struct map_source *source, struct span name, struct span text);
/* Reads a file or a folder of them. What cannot be read is a problem too. */
void map_source_read(struct map_source *source, const char *path);
/* Adds an entry of the compiler's own; false without memory. */
bool map_source_add(struct map_source *source, const struct map_entry *entry);
/* Adds a problem with an entry's place. */
#define MAP_PROBLEM(source, entry, ...)                                                                                \
	problems_add(&(source)->problems, (source)->files[(entry)->file], (entry)->file, (entry)->line, __VA_ARGS__)
void map_source_free(struct map_source *source);

/* The path below its root of an entry without one: domain and local part, with what could mean something in a path (or
 * to a shell) as %XX. */
void map_default_path(struct span address, struct buf *out);

#endif
