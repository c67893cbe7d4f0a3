/* The compiler of lookup/map_compile.h.
 *
 * Trust: the administrator's files.
 * On failure: see lookup/map_compile.h.
 */
#include "lookup/map_compile.h"

#include <fcntl.h>

#include "lib/clock.h"
#include "lookup/map_flatten.h"
#include "lookup/map_index.h"
#include "lookup/map_settings.h"
#include "lookup/map_source.h"
#include "lookup/map_write.h"

enum { WHY_BYTES = 1024 };

struct compilation {
	const struct config *config;
	struct map_rules rules;
	struct map_entries source;
	struct map_index index;
	struct map_flat flat;
	struct buf *messages;
};

static void
take_settings(struct compilation *compilation)
{
	const struct config *config = compilation->config;
	struct map_entries *source = &compilation->source;

	compilation->rules = map_rules_of(config);
	source->keeps_local_case = compilation->rules.keeps_local_case;
	source->roots[source->root_count++] = span_of(config->mailboxes);
	for (size_t i = 0; i < config->mailbox_roots.count && source->root_count < MAP_ROOTS_MAX; i++)
		source->roots[source->root_count++] = span_of(config->mailbox_roots.items[i]);
}

static bool
read_and_flatten(struct compilation *compilation)
{
	struct map_entries *source = &compilation->source;

	map_source_read(source, compilation->config->recipients);
	if (map_index_build(&compilation->index, source) &&
	    map_flatten(source, &compilation->index, &compilation->rules, &compilation->flat))
		return true;
	problems_add(&source->problems, span_of(compilation->config->recipients), 0, 0,
	    "there is not enough memory to compile it; free some and try again");
	return false;
}

/* An address that answers for postmaster is worth a word, but no reason to keep an old map. */
static void
warn_of_postmaster(struct compilation *compilation)
{
	struct map_index_hit hit = { .index = &compilation->index };
	const struct map_finder finder = map_index_finder(&hit);
	bool is_role;

	if (map_resolve(&compilation->rules, SPAN("postmaster"), &finder, &is_role) == MAP_FINDS_ENTRY)
		return;
	if (compilation->rules.postmaster.length)
		buf_printf(compilation->messages,
		    "warning: postmaster = %.*s leads to no mailbox, so mail to postmaster is refused; add that "
		    "address to "
		    "the recipients\n",
		    SPAN_ARG(compilation->rules.postmaster));
	else
		buf_append_text(compilation->messages, "warning: nobody reads mail to <postmaster>, which every mail "
						       "server must take (RFC 5321 4.5.1); set "
						       "postmaster in the configuration\n");
}

/* How many addresses the map in force has; 0 when there is none that can be read. */
static uint64_t
addresses_before(int folder, const char *name)
{
	struct buf why = BUF_LIMIT(WHY_BYTES);
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct map *map = fd < 0 ? NULL : map_open(fd, &why);
	uint64_t addresses = map ? map_meta(map)->addresses : 0;

	map_close(map);
	buf_free(&why);
	return addresses;
}

static uint64_t
count_addresses(const struct map_entries *source, uint64_t *entries)
{
	uint64_t addresses = 0;

	*entries = 0;
	for (size_t i = 0; i < source->count; i++) {
		const struct map_entry *entry = &source->entries[i];

		if (entry->destination == MAP_TO_DOMAIN)
			continue;
		++*entries;
		addresses += !map_is_wildcard(entry->address);
	}
	return addresses;
}

/* A map that was emptied or halved is more likely an accident (a disk that was not mounted, a script that broke) than
 * meant. */
static bool
is_plausible(struct compilation *compilation, int folder, const char *name, bool is_forced)
{
	uint64_t entries;
	uint64_t now = count_addresses(&compilation->source, &entries);
	uint64_t before = addresses_before(folder, name);

	if (entries == 0) {
		buf_printf(compilation->messages,
		    "%s: there is no address in it; write one a line, such as \"alice@example.org maildir\"\n",
		    compilation->config->recipients);
		return false;
	}
	if (is_forced || before <= MAP_SHRINK_FROM || now * 2 > before)
		return true;
	buf_printf(compilation->messages,
	    "%s: the map would shrink from %llu addresses to %llu, and the old one stays; if that is meant, use "
	    "--force\n",
	    compilation->config->recipients, (unsigned long long)before, (unsigned long long)now);
	return false;
}

static bool
write_map(struct compilation *compilation, int folder, const char *name, struct map_totals *totals)
{
	*totals = (struct map_totals){ .built_at_seconds = clock_wall_us() / 1000000u };
	map_settings_digest(compilation->config, totals->settings);
	struct buf why = BUF_LIMIT(WHY_BYTES);
	bool is_written = map_write(folder, name, &compilation->source, &compilation->flat, totals, &why);
	if (!is_written) {
		buf_append(compilation->messages, buf_span(&why));
		buf_append_char(compilation->messages, '\n');
	}
	buf_free(&why);
	return is_written;
}

bool
map_compile(const struct config *config, int folder, const char *name, bool is_forced, struct map_totals *totals,
    struct buf *messages)
{
	struct compilation compilation = { .config = config, .messages = messages };
	bool is_compiled = false;

	take_settings(&compilation);
	bool is_flat = read_and_flatten(&compilation);
	problems_write(&compilation.source.problems, messages);
	if (is_flat && compilation.source.problems.count == 0 && is_plausible(&compilation, folder, name, is_forced)) {
		warn_of_postmaster(&compilation);
		is_compiled = write_map(&compilation, folder, name, totals);
	}
	map_flat_free(&compilation.flat);
	map_index_free(&compilation.index);
	map_entries_free(&compilation.source);
	return is_compiled;
}
