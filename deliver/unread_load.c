/* Loading, of deliver/unread_load.h. The journal says of each copy only that it was about to be delivered; whether it
 * was, the mailbox says.
 *
 * On failure: see deliver/unread_load.h.
 */
#include "deliver/unread_load.h"

#include <string.h>

#include "lib/log.h"
#include "deliver/journal_file.h"
#include "deliver/maildir.h"

/* The journal has the copy's name for a while less than tmp/ has its file. */
enum { GONE_COUNTS_SECONDS = MAILDIR_SWEEP_SECONDS - 3600 };

struct loading {
	const struct unread_options *options;
	struct unread_table *table;
	uint64_t last_serial;
	bool has_memory;
};

/* needs_sync stands for "of another boot" until the mailboxes are looked at. */
static void
take_copy(struct loading *loading, const struct journal_record *record, const struct journal_copy *copy)
{
	struct unread_entry *old = unread_table_find(loading->table, record->digest, copy->root, copy->path);

	if (old)
		unread_table_remove(loading->table, old);
	old = unread_table_find_serial(loading->table, copy->serial);
	if (old)
		unread_table_remove(loading->table, old);
	struct unread_entry *entry =
	    unread_table_add(loading->table, copy->serial, record->digest, copy->root, copy->path);
	if (!entry || !unread_table_name(entry, copy->file)) {
		loading->has_memory = false;
		return;
	}
	entry->seconds = record->seconds;
	entry->needs_sync = memcmp(record->boot, loading->options->boot, sizeof record->boot) != 0;
	if (copy->serial > loading->last_serial)
		loading->last_serial = copy->serial;
}

static void
take_record(void *context, struct journal_record *record)
{
	struct loading *loading = context;
	struct journal_copy copy;
	uint64_t serial;

	while (journal_next_copy(record, &copy))
		take_copy(loading, record, &copy);
	while (journal_next_serial(record, &serial)) {
		struct unread_entry *entry = unread_table_find_serial(loading->table, serial);

		if (entry)
			unread_table_remove(loading->table, entry);
		if (serial > loading->last_serial)
			loading->last_serial = serial;
	}
}

static bool
is_known_boot(const struct unread_options *options)
{
	static const uint8_t unknown[JOURNAL_BOOT_BYTES];

	return memcmp(options->boot, unknown, sizeof unknown) != 0;
}

static struct journal_copy
copy_of(const struct unread_entry *entry)
{
	struct journal_copy copy = { .serial = entry->serial, .root = entry->root };

	memcpy(copy.path, entry->path, strlen(entry->path) + 1);
	memcpy(copy.file, entry->file, strlen(entry->file) + 1);
	return copy;
}

static uint64_t
age_of(const struct unread_options *options, const struct unread_entry *entry)
{
	return options->now_seconds > entry->seconds ? options->now_seconds - entry->seconds : 0;
}

/* Does a copy that is gone from tmp/ count as delivered? Not after another boot, because it may have been lost with the
 * page cache; and not once it is so old that whoever cleans tmp/, such as our sweep or a reader, may have taken it. */
static bool
does_gone_count(const struct unread_options *options, const struct unread_entry *entry)
{
	bool is_same_boot = !entry->needs_sync && is_known_boot(options);

	return is_same_boot && age_of(options, entry) < GONE_COUNTS_SECONDS;
}

/* Was it delivered, as far as can be told, and not too long ago? */
static bool
is_to_be_kept(const struct unread_options *options, const struct unread_entry *entry)
{
	struct journal_copy copy = copy_of(entry);
	bool was_delivered = options->look(options->context, &copy, does_gone_count(options, entry));

	return was_delivered && age_of(options, entry) <= options->life_seconds;
}

static void
look_after(struct loading *loading)
{
	struct unread_entry *entry = unread_table_next(loading->table, NULL);
	size_t kept = 0;
	size_t dropped = 0;

	for (; entry; entry = unread_table_next(loading->table, entry)) {
		if (is_to_be_kept(loading->options, entry)) {
			entry->state = UNREAD_KEPT;
			entry->needs_sync = true;
			kept++;
		} else {
			dropped++;
		}
	}
	if (kept + dropped)
		log_info(
		    "the unread-250 journal remembers %zu delivered copies; %zu more were not delivered or are too "
		    "old",
		    kept, dropped);
}

bool
unread_load(const struct unread_options *options, struct unread_table *table, uint64_t *last_serial)
{
	struct loading loading = { .options = options, .table = table, .has_memory = true };

	if (!journal_file_read(options->folder, take_record, &loading) || !loading.has_memory)
		return false;
	look_after(&loading);
	*last_serial = loading.last_serial;
	return true;
}

void
unread_load_end(const struct unread_options *options, struct unread_table *table, bool is_written)
{
	struct unread_entry *entry = unread_table_next(table, NULL);

	while (entry) {
		struct unread_entry *next = unread_table_next(table, entry);

		if (entry->state == UNREAD_RESERVED) {
			struct journal_copy copy = copy_of(entry);

			if (is_written)
				options->clean(options->context, &copy);
			unread_table_remove(table, entry);
		}
		entry = next;
	}
}
