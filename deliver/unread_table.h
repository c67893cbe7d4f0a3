/* The memory of the unread-250 set: copies by (digest, mailbox) and by serial, oldest first. No locks, no files.
 *
 * Trust: filled by deliver alone.
 * On failure: NULL without memory; the table is then as it was.
 */
#ifndef TIDEGATE_DELIVER_UNREAD_TABLE_H
#define TIDEGATE_DELIVER_UNREAD_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deliver/journal.h"

enum unread_state {
	UNREAD_RESERVED, /* nothing in the journal yet */
	UNREAD_RECORDED, /* in the journal, on its way into new/ */
	UNREAD_KEPT      /* delivered */
};

struct unread_entry {
	uint64_t serial;
	uint64_t seconds; /* wall clock, when it was reserved */
	enum unread_state state;
	bool needs_sync; /* delivered, but perhaps not durable */
	uint8_t digest[JOURNAL_DIGEST_BYTES];
	unsigned root;
	const char *path; /* the entry's */
	char *file;       /* name in new/; the entry's, NULL until unread_table_name */
};

struct unread_table;

struct unread_table *unread_table_new(void);
void unread_table_free(struct unread_table *table);
size_t unread_table_count(const struct unread_table *table);

/* serial and (digest, root, path) must be new to the table. */
struct unread_entry *unread_table_add(struct unread_table *table, uint64_t serial,
    const uint8_t digest[static JOURNAL_DIGEST_BYTES], unsigned root, const char *path);
bool unread_table_name(struct unread_entry *entry, const char *file);
void unread_table_remove(struct unread_table *table, struct unread_entry *entry);

struct unread_entry *unread_table_find(const struct unread_table *table,
    const uint8_t digest[static JOURNAL_DIGEST_BYTES], unsigned root, const char *path);
struct unread_entry *unread_table_find_serial(const struct unread_table *table, uint64_t serial);
/* Oldest first: NULL gives the first, the last gives NULL. Take the next before removing one. */
struct unread_entry *unread_table_next(const struct unread_table *table, const struct unread_entry *entry);

#endif
