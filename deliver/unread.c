/* The set of deliver/unread.h: one lock, one table by (digest, mailbox) and one by serial.
 *
 * What is settled is forgotten at once in memory; in the journal with the next commit's line (one write for both) or at
 * the next unread_flush. A kill in between brings those entries back, and the same message sent on purpose a second
 * time would then be taken for a retry: one in a very long while, and only of a message that the mailbox has.
 *
 * On failure: see deliver/unread.h.
 */
#include "deliver/unread.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/bug.h"
#include "lib/log.h"
#include "deliver/journal_file.h"
#include "deliver/lock.h"
#include "deliver/receipts.h"
#include "deliver/unread_table.h"

enum {
	LINES_LIMIT_BYTES = 64 << 20,      /* before one commit */
	ALL_LINES_LIMIT_BYTES = 512 << 20, /* UNREAD_ENTRIES_MAX lines of the longest paths */
	FORGOTTEN_LIMIT_BYTES = 4 << 20
};

struct unread {
	pthread_mutex_t lock;
	struct journal_file journal;
	uint8_t boot[JOURNAL_BOOT_BYTES];
	uint64_t life_seconds;
	struct unread_table *table;
	uint64_t last_serial;
	struct receipts *receipts;
	struct buf forgotten; /* a "-" line without its end; empty when there is nothing to write */
	struct buf lines;     /* being built for the journal */
};

static struct unread *
unread_new(const struct unread_options *options)
{
	struct unread *unread = calloc(1, sizeof *unread);

	if (!unread)
		return NULL;
	lock_init(&unread->lock);
	unread->journal = (struct journal_file){ .folder = options->folder, .fd = -1 };
	memcpy(unread->boot, options->boot, sizeof unread->boot);
	unread->life_seconds = options->life_seconds;
	unread->forgotten = BUF_LIMIT(FORGOTTEN_LIMIT_BYTES);
	unread->lines = BUF_LIMIT(LINES_LIMIT_BYTES);
	unread->table = unread_table_new();
	unread->receipts = receipts_new();
	if (unread->table && unread->receipts)
		return unread;
	unread_close(unread);
	return NULL;
}

void
unread_close(struct unread *unread)
{
	if (!unread)
		return;
	journal_file_close(&unread->journal);
	unread_table_free(unread->table);
	receipts_free(unread->receipts);
	buf_free(&unread->forgotten);
	buf_free(&unread->lines);
	(void)pthread_mutex_destroy(&unread->lock);
	free(unread);
}

/* Writes the journal anew from what is remembered. */
static bool
rewrite(struct unread *unread)
{
	struct buf lines = BUF_LIMIT(ALL_LINES_LIMIT_BYTES);
	struct unread_entry *entry = unread_table_next(unread->table, NULL);

	for (; entry; entry = unread_table_next(unread->table, entry)) {
		if (entry->state == UNREAD_RESERVED)
			continue;
		journal_append_head(&lines, entry->digest, unread->boot, entry->seconds, 1);
		journal_append_copy(&lines, entry->serial, entry->root, entry->path, entry->file);
		journal_append_end(&lines);
	}
	errno = ENOMEM;
	bool ok = buf_ok(&lines) && journal_file_rewrite(&unread->journal, buf_span(&lines));
	if (ok)
		buf_reset(&unread->forgotten);
	buf_free(&lines);
	return ok;
}

struct unread *
unread_open(const struct unread_options *options)
{
	struct unread *unread = unread_new(options);

	if (!unread)
		return NULL;
	if (!unread_load(options, unread->table, &unread->last_serial)) {
		log_error(
		    "the unread-250 journal in the state folder cannot be read: %s; set its rights right, or move "
		    "it away (then a retry of a message whose 250 got lost makes a second copy)",
		    strerror(errno));
		unread_close(unread);
		return NULL;
	}
	bool is_written = rewrite(unread);
	if (!is_written)
		log_warning(
		    "the unread-250 journal cannot be written: %s; until it can, mail is deferred", strerror(errno));
	unread_load_end(options, unread->table, is_written);
	return unread;
}

/* Notes for the journal that a copy is no longer remembered. */
static void
note_forgotten(struct unread *unread, uint64_t serial)
{
	if (unread->forgotten.length == 0)
		journal_append_forget(&unread->forgotten);
	journal_append_serial(&unread->forgotten, serial);
	/* Over its cap: the journal could not be written for a long time, and will remember too much. */
	if (!buf_ok(&unread->forgotten))
		buf_reset(&unread->forgotten);
}

static void
forget(struct unread *unread, struct unread_entry *entry)
{
	note_forgotten(unread, entry->serial);
	unread_table_remove(unread->table, entry);
}

/* Begins lines for the journal with what was forgotten since the last ones. */
static void
begin_lines(struct unread *unread)
{
	buf_reset(&unread->lines);
	buf_append(&unread->lines, buf_span(&unread->forgotten));
	if (unread->forgotten.length)
		journal_append_end(&unread->lines);
}

static bool
write_lines(struct unread *unread)
{
	errno = ENOMEM;
	if (!buf_ok(&unread->lines) || (unread->journal.fd < 0 && !rewrite(unread)))
		return false;
	if (unread->lines.length && !journal_file_append(&unread->journal, buf_span(&unread->lines)))
		return false;
	buf_reset(&unread->forgotten);
	return true;
}

static void
rewrite_when_long(struct unread *unread)
{
	if (unread->journal.length_bytes < unread->journal.long_bytes)
		return;
	if (!rewrite(unread))
		log_warning("the unread-250 journal could not be rewritten: %s; it grows until the state folder can be "
			    "written again",
		    strerror(errno));
}

static bool
is_over(const struct unread *unread, const struct unread_entry *entry, uint64_t now_seconds)
{
	return entry->state == UNREAD_KEPT && now_seconds > entry->seconds &&
	       now_seconds - entry->seconds > unread->life_seconds;
}

/* Under the lock. */
static enum unread_answer
reserve(struct unread *unread, const uint8_t *digest, unsigned root, const char *path, uint64_t now_seconds,
    struct unread_copy *copy)
{
	struct unread_entry *entry = unread_table_find(unread->table, digest, root, path);

	if (entry && is_over(unread, entry, now_seconds)) {
		forget(unread, entry);
		entry = NULL;
	}
	if (entry) {
		*copy = (struct unread_copy){ entry->serial, entry->needs_sync };
		return entry->state == UNREAD_KEPT ? UNREAD_BEFORE : UNREAD_BUSY;
	}
	entry = unread_table_add(unread->table, unread->last_serial + 1, digest, root, path);
	if (!entry)
		return UNREAD_NO_ROOM;
	unread->last_serial++;
	entry->seconds = now_seconds;
	*copy = (struct unread_copy){ .serial = entry->serial };
	return UNREAD_FRESH;
}

enum unread_answer
unread_reserve(struct unread *unread, const uint8_t digest[static JOURNAL_DIGEST_BYTES], unsigned root,
    const char *path, uint64_t now_seconds, struct unread_copy *copy)
{
	(void)pthread_mutex_lock(&unread->lock);
	enum unread_answer answer = reserve(unread, digest, root, path, now_seconds, copy);
	(void)pthread_mutex_unlock(&unread->lock);
	return answer;
}

void
unread_cancel(struct unread *unread, uint64_t serial)
{
	(void)pthread_mutex_lock(&unread->lock);
	struct unread_entry *entry = unread_table_find_serial(unread->table, serial);
	if (!entry || entry->state != UNREAD_RESERVED)
		BUG("a reservation was given back that is none");
	unread_table_remove(unread->table, entry);
	(void)pthread_mutex_unlock(&unread->lock);
}

/* Makes room for what is about to be remembered: the oldest delivered ones go. */
static void
drop_oldest(struct unread *unread)
{
	struct unread_entry *entry = unread_table_next(unread->table, NULL);

	while (entry && unread_table_count(unread->table) > UNREAD_ENTRIES_MAX) {
		struct unread_entry *next = unread_table_next(unread->table, entry);

		if (entry->state == UNREAD_KEPT)
			forget(unread, entry);
		entry = next;
	}
}

/* Under the lock: gives the entries their files and builds their line. */
static bool
build_record(
    struct unread *unread, const uint8_t *digest, const struct unread_file *files, size_t count, uint64_t now_seconds)
{
	begin_lines(unread);
	journal_append_head(&unread->lines, digest, unread->boot, now_seconds, count);
	for (size_t i = 0; i < count; i++) {
		struct unread_entry *entry = unread_table_find_serial(unread->table, files[i].serial);

		if (!entry || entry->state != UNREAD_RESERVED)
			BUG("a copy is recorded that was not reserved");
		if (!unread_table_name(entry, files[i].file))
			return false;
		journal_append_copy(&unread->lines, entry->serial, entry->root, entry->path, entry->file);
	}
	journal_append_end(&unread->lines);
	return true;
}

bool
unread_record(struct unread *unread, const uint8_t digest[static JOURNAL_DIGEST_BYTES], const struct unread_file *files,
    size_t count, uint64_t now_seconds)
{
	(void)pthread_mutex_lock(&unread->lock);
	drop_oldest(unread);
	errno = ENOMEM;
	bool ok = build_record(unread, digest, files, count, now_seconds) && write_lines(unread);
	int error = errno;
	for (size_t i = 0; i < count && ok; i++)
		unread_table_find_serial(unread->table, files[i].serial)->state = UNREAD_RECORDED;
	if (ok)
		rewrite_when_long(unread);
	(void)pthread_mutex_unlock(&unread->lock);
	errno = error;
	return ok;
}

void
unread_keep(struct unread *unread, uint64_t serial, bool is_durable)
{
	(void)pthread_mutex_lock(&unread->lock);
	struct unread_entry *entry = unread_table_find_serial(unread->table, serial);
	if (entry) {
		entry->state = UNREAD_KEPT;
		entry->needs_sync = !is_durable;
	}
	(void)pthread_mutex_unlock(&unread->lock);
}

bool
unread_void(struct unread *unread, const uint64_t *serials, size_t count)
{
	(void)pthread_mutex_lock(&unread->lock);
	for (size_t i = 0; i < count; i++) {
		struct unread_entry *entry = unread_table_find_serial(unread->table, serials[i]);

		if (entry)
			forget(unread, entry);
	}
	begin_lines(unread);
	bool ok = write_lines(unread);
	(void)pthread_mutex_unlock(&unread->lock);
	return ok;
}

void
unread_edge_open(struct unread *unread, uint32_t edge)
{
	(void)pthread_mutex_lock(&unread->lock);
	receipts_edge_open(unread->receipts, edge);
	(void)pthread_mutex_unlock(&unread->lock);
}

void
unread_edge_gone(struct unread *unread, uint32_t edge)
{
	(void)pthread_mutex_lock(&unread->lock);
	receipts_edge_gone(unread->receipts, edge);
	(void)pthread_mutex_unlock(&unread->lock);
}

uint32_t
unread_receipt(struct unread *unread, uint32_t edge, const uint64_t *serials, size_t count)
{
	(void)pthread_mutex_lock(&unread->lock);
	uint32_t receipt = receipts_give(unread->receipts, edge, serials, count);
	(void)pthread_mutex_unlock(&unread->lock);
	return receipt;
}

static void
settle_serial(void *context, uint64_t serial)
{
	struct unread *unread = context;
	struct unread_entry *entry = unread_table_find_serial(unread->table, serial);

	if (entry && entry->state == UNREAD_KEPT)
		forget(unread, entry);
}

bool
unread_settle(struct unread *unread, uint32_t edge, uint32_t receipt)
{
	(void)pthread_mutex_lock(&unread->lock);
	bool found = receipts_take(unread->receipts, edge, receipt, settle_serial, unread);
	(void)pthread_mutex_unlock(&unread->lock);
	return found;
}

bool
unread_flush(struct unread *unread)
{
	(void)pthread_mutex_lock(&unread->lock);
	begin_lines(unread);
	bool ok = unread->lines.length == 0 || write_lines(unread);
	(void)pthread_mutex_unlock(&unread->lock);
	return ok;
}

void
unread_set_life(struct unread *unread, uint64_t life_seconds)
{
	(void)pthread_mutex_lock(&unread->lock);
	unread->life_seconds = life_seconds;
	(void)pthread_mutex_unlock(&unread->lock);
}

size_t
unread_count(struct unread *unread)
{
	(void)pthread_mutex_lock(&unread->lock);
	size_t count = unread_table_count(unread->table);
	(void)pthread_mutex_unlock(&unread->lock);
	return count;
}
