/* Any text as a recipients file: parsed, indexed and flattened; what has no problem holds sound addresses and paths.
 * The first byte chooses the case of local parts. */
#include <stdint.h>

#include "lib/bug.h"
#include "lookup/mail_address.h"
#include "lookup/map_flatten.h"
#include "lookup/map_index.h"
#include "lookup/map_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_entry(const struct map_entries *source, const struct map_flat *flat, size_t number)
{
	const struct map_entry *entry = &source->entries[number];
	const struct map_reach *reach = &flat->of[number];
	struct buf path = BUF_LIMIT(MAP_PATH_BYTES);

	if (span_find(entry->address, '@') == entry->address.length ||
	    span_find(entry->address, '\n') < entry->address.length)
		BUG("an entry without an address was kept");
	if (entry->destination == MAP_TO_MAILDIR && !map_path_is_safe(map_mailbox_of(entry, &path).path))
		BUG("an unsafe path was taken");
	for (size_t i = 0; i < reach->count; i++)
		if (!map_path_is_safe(reach->mailboxes[i].path) || reach->mailboxes[i].root >= source->root_count)
			BUG("an alias reaches an unsafe path");
	if (source->problems.count == 0 && entry->destination == MAP_TO_ALIAS && reach->count == 0)
		BUG("an alias leads nowhere, and nobody said so");
	buf_free(&path);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct map_entries source = { .root_count = 2, .roots = { SPAN("/srv/mail"), SPAN("/srv/mail/deep") } };
	struct map_index index = { 0 };
	struct map_flat flat = { 0 };

	if (size < 1)
		return 0;
	source.keeps_local_case = data[0] & 1;
	const struct map_rules rules = { .sub_address = data[0] & 2 ? "+-" : "",
		.keeps_local_case = source.keeps_local_case,
		.postmaster = data[0] & 4 ? SPAN("a@example.org") : SPAN(""),
		.hostname = SPAN("mx.example.org") };
	map_source_parse(&source, SPAN("fuzz"), span_make((const char *)data + 1, size - 1));
	if (map_index_build(&index, &source) && map_flatten(&source, &index, &rules, &flat))
		for (size_t i = 0; i < source.count; i++)
			check_entry(&source, &flat, i);
	map_flat_free(&flat);
	map_index_free(&index);
	map_entries_free(&source);
	return 0;
}
