/* Commits of deliver/commit.h.
 *
 * On failure: see deliver/commit.h.
 */
#include "deliver/commit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "deliver/digest.h"
#include "deliver/text.h"

/* The mailboxes of a long alias get their sweep when one of them is written to alone. */
enum { SWEPT_A_COMMIT = 8 };

/* A commit under way. */
struct work {
	const struct delivery *delivery;
	struct scratch *scratch;
	struct commit *commit;
	struct commit_result *result;
	struct copy *copies;
	size_t count;
	uint64_t *serials; /* room for one a copy */
	bool is_rememberable;
	uint8_t digest[SHA256_BYTES];
};

static bool end(struct work *work, enum commit_outcome outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Sets the result; always false, so that a step can return it. */
static bool
end(struct work *work, enum commit_outcome outcome, const char *format, ...)
{
	va_list arguments;

	work->result->outcome = outcome;
	va_start(arguments, format);
	(void)vsnprintf(work->result->text, sizeof work->result->text, format, arguments);
	va_end(arguments);
	return false;
}

static bool
end_by_error(struct work *work, const struct copy *copy, const char *what, int error)
{
	bool is_full = error == ENOSPC || error == EDQUOT;

	return end(work, is_full ? COMMIT_NO_ROOM : COMMIT_TROUBLE, "%s for %.*s: %s", what, SPAN_ARG(copy->to.address),
	    folders_problem(error));
}

static bool
is_well_formed(struct work *work)
{
	const struct message *message = &work->commit->message;
	const char *why;

	if (!text_is_address(message->mailfrom))
		return end(work, COMMIT_REFUSED, "MAIL FROM holds a control character");
	if (!text_is_header(message->trace))
		return end(work, COMMIT_REFUSED, "the trace fields are not whole header fields");
	if (!body_check(&message->body, &why))
		return end(work, COMMIT_REFUSED, "%s", why);
	return true;
}

/* Reads the whole body once: it must have the digest that smtpd gave, and gets the one it will be known by. */
static bool
judge(struct work *work)
{
	const struct message *message = &work->commit->message;
	struct scratch *scratch = work->scratch;
	struct body_reading reading = body_read(&message->body, scratch->in);
	uint8_t whole[SHA256_BYTES];
	struct digest digest;
	struct span piece;

	if (!is_well_formed(work))
		return false;
	sha256_begin(scratch->whole);
	digest_begin(&digest, scratch->message, message->mailfrom);
	for (piece = body_next(&reading); piece.length; piece = body_next(&reading)) {
		sha256_add(scratch->whole, piece);
		digest_add(&digest, piece);
	}
	work->is_rememberable = digest_end(&digest, work->digest);
	if (reading.error)
		return end(work, COMMIT_TROUBLE, "the body cannot be read: %s", strerror(reading.error));
	if (!sha256_end(scratch->whole, whole))
		return end(work, COMMIT_TROUBLE, "the body cannot be hashed");
	if (!body_is_whole(&reading) || memcmp(whole, message->body.digest, sizeof whole) != 0)
		return end(work, COMMIT_REFUSED, "the body is not the one that was judged: its digest differs");
	return true;
}

static bool
lay_out(struct work *work)
{
	struct redeemed *redeemed = &work->commit->redeemed;

	work->count = redeemed->count;
	work->copies = arena_alloc(&redeemed->arena, work->count * sizeof *work->copies);
	work->serials = arena_alloc(&redeemed->arena, work->count * sizeof *work->serials);
	if (!work->copies || !work->serials)
		return end(work, COMMIT_TROUBLE, "out of memory");
	for (size_t i = 0; i < work->count; i++)
		work->copies[i].to = redeemed->destinations[i];
	return true;
}

/* Gives back what is reserved and was not recorded. */
static void
cancel(struct work *work)
{
	for (size_t i = 0; i < work->count; i++) {
		struct copy *copy = &work->copies[i];

		if (copy->is_remembered && copy->place != COPY_BEFORE)
			unread_cancel(work->delivery->unread, copy->unread.serial);
		copy->is_remembered = copy->is_remembered && copy->place == COPY_BEFORE;
	}
}

static bool
reserve_one(struct work *work, struct copy *copy, uint64_t now_seconds)
{
	switch (unread_reserve(
	    work->delivery->unread, work->digest, copy->to.root, copy->to.path, now_seconds, &copy->unread)) {
	case UNREAD_FRESH:
		copy->is_remembered = true;
		return true;
	case UNREAD_BEFORE:
		copy->is_remembered = true;
		copy->place = COPY_BEFORE;
		return true;
	case UNREAD_BUSY:
		return end(work, COMMIT_TROUBLE, "the same message for %.*s is being delivered right now; try again",
		    SPAN_ARG(copy->to.address));
	case UNREAD_NO_ROOM:
		break;
	}
	return end(work, COMMIT_TROUBLE, "out of memory");
}

static bool
reserve(struct work *work)
{
	uint64_t now_seconds = clock_wall_us() / 1000000u;

	if (!work->is_rememberable)
		return true;
	for (size_t i = 0; i < work->count; i++) {
		if (reserve_one(work, &work->copies[i], now_seconds))
			continue;
		cancel(work);
		return false;
	}
	return true;
}

/* A copy of an earlier attempt that may not have come to its fsync gets it now, before anybody is told 250. If that
 * fails, nobody knows what the disk holds: it is forgotten, and the next attempt makes a copy. */
static bool
make_old_ones_durable(struct work *work)
{
	struct unread *unread = work->delivery->unread;

	for (size_t i = 0; i < work->count; i++) {
		struct copy *copy = &work->copies[i];

		if (copy->place != COPY_BEFORE || !copy->unread.needs_sync)
			continue;
		if (maildir_sync(work->delivery->roots, copy->to.root, copy->to.path)) {
			unread_keep(unread, copy->unread.serial, true);
			continue;
		}
		int error = errno;
		(void)unread_void(unread, &copy->unread.serial, 1);
		return end_by_error(work, copy, "cannot make an earlier delivery durable", error);
	}
	return true;
}

static void
remove_prepared(struct work *work)
{
	for (size_t i = 0; i < work->count; i++)
		if (work->copies[i].place == COPY_IN_TMP)
			copy_remove(work->delivery, &work->copies[i]);
}

static bool
is_late(const struct commit *commit)
{
	return clock_monotonic_ms() >= commit->deadline_ms;
}

static bool
prepare_one(struct work *work, struct copy *copy)
{
	struct commit *commit = work->commit;

	if (is_late(commit))
		return end(work, COMMIT_LATE, "the deadline passed while the copies were written");
	switch (copy_write(work->delivery, work->scratch, &commit->message, &commit->redeemed.arena, copy)) {
	case COPY_OK:
		return true;
	case COPY_FAILED:
		return end_by_error(work, copy, "cannot write a copy", errno);
	case COPY_BODY_CHANGED:
		break;
	}
	return end(work, COMMIT_REFUSED, "the body changed after it was judged");
}

static bool
prepare(struct work *work)
{
	for (size_t i = 0; i < work->count; i++)
		if (work->copies[i].place == COPY_NOT_WRITTEN && !prepare_one(work, &work->copies[i]))
			return false;
	return true;
}

static bool
claim(struct work *work)
{
	const struct commit *commit = work->commit;

	if (is_late(commit))
		return end(work, COMMIT_LATE, "the deadline passed before the commit could begin");
	if (!claim_take(commit->claims, commit->claim_slot, CLAIM_COMMITTING))
		return end(work, COMMIT_LATE, "smtpd had given up before the commit could begin");
	return true;
}

/* The serials of the remembered copies in this place; how many. */
static size_t
list_serials(struct work *work, enum copy_place place)
{
	size_t count = 0;

	for (size_t i = 0; i < work->count; i++)
		if (work->copies[i].is_remembered && work->copies[i].place == place)
			work->serials[count++] = work->copies[i].unread.serial;
	return count;
}

static bool
record(struct work *work)
{
	struct arena *arena = &work->commit->redeemed.arena;
	struct unread_file *files;
	size_t count = 0;

	if (!work->is_rememberable)
		return true;
	files = arena_alloc(arena, work->count * sizeof *files);
	if (!files)
		return end(work, COMMIT_TROUBLE, "out of memory");
	for (size_t i = 0; i < work->count; i++)
		if (work->copies[i].place == COPY_IN_TMP)
			files[count++] = (struct unread_file){ work->copies[i].unread.serial, work->copies[i].final };
	if (count == 0 || unread_record(work->delivery->unread, work->digest, files, count, clock_wall_us() / 1000000u))
		return true;
	return end(work, errno == ENOSPC || errno == EDQUOT ? COMMIT_NO_ROOM : COMMIT_TROUBLE,
	    "the unread-250 journal cannot be written: %s", strerror(errno));
}

static bool
move(struct work *work)
{
	for (size_t i = 0; i < work->count; i++) {
		struct copy *copy = &work->copies[i];

		if (copy->place == COPY_IN_TMP && copy_move(work->delivery, copy) != COPY_OK)
			return end_by_error(work, copy, "cannot move a copy into new/", errno);
	}
	for (size_t i = 0; i < work->count; i++) {
		struct copy *copy = &work->copies[i];

		if (copy->place == COPY_IN_NEW && copy_sync(work->delivery, copy) != COPY_OK)
			return end_by_error(work, copy, "cannot make a copy in new/ durable", errno);
	}
	return true;
}

/* A failure after the record. The order matters: a file that is in the journal may leave tmp/ only when the journal
 * says that it is void, because after a restart one that is gone from there counts as delivered. */
static void
take_back(struct work *work)
{
	struct unread *unread = work->delivery->unread;

	for (size_t i = 0; i < work->count; i++) {
		struct copy *copy = &work->copies[i];

		if (copy->place == COPY_IN_NEW)
			copy_take_back(work->delivery, copy);
		if (copy->place == COPY_IN_NEW && copy->is_remembered)
			unread_keep(unread, copy->unread.serial, false);
	}
	size_t count = list_serials(work, COPY_IN_TMP);
	if (count == 0 || unread_void(unread, work->serials, count))
		remove_prepared(work);
}

static void
keep(struct work *work)
{
	struct unread *unread = work->delivery->unread;
	struct commit_result *result = work->result;
	size_t count = 0;

	result->outcome = COMMIT_DONE_BEFORE;
	for (size_t i = 0; i < work->count; i++) {
		struct copy *copy = &work->copies[i];

		if (copy->place == COPY_IN_NEW) {
			result->outcome = COMMIT_DONE;
			result->copies++;
		}
		if (!copy->is_remembered)
			continue;
		work->serials[count++] = copy->unread.serial;
		if (copy->place == COPY_IN_NEW)
			unread_keep(unread, copy->unread.serial, true);
	}
	if (result->copies < work->count)
		(void)snprintf(result->text, sizeof result->text,
		    "%zu of %zu copies had been delivered by an attempt whose 250 was not read",
		    work->count - result->copies, work->count);
	result->receipt = unread_receipt(unread, work->commit->edge, work->serials, count);
}

void
commit_run(
    const struct delivery *delivery, struct scratch *scratch, struct commit *commit, struct commit_result *result)
{
	struct work work = { .delivery = delivery, .scratch = scratch, .commit = commit, .result = result };

	*result = (struct commit_result){ 0 };
	if (!judge(&work) || !lay_out(&work) || !reserve(&work))
		return;
	if (!make_old_ones_durable(&work) || !prepare(&work) || !claim(&work) || !record(&work)) {
		remove_prepared(&work);
		cancel(&work);
		return;
	}
	if (move(&work))
		keep(&work);
	else
		take_back(&work);
}

void
commit_sweep(const struct delivery *delivery, const struct commit *commit)
{
	for (size_t i = 0; i < commit->redeemed.count && i < SWEPT_A_COMMIT; i++) {
		const struct destination *to = &commit->redeemed.destinations[i];
		struct folders *folders = folders_acquire(delivery->folders, to->root, to->path, FOLDERS_AS_THEY_ARE);

		if (!folders)
			continue;
		if (folders_wants_sweep(delivery->folders, folders))
			(void)maildir_sweep(folders->tmp, delivery->namer->host, clock_wall_us() / 1000000u);
		folders_release(delivery->folders, folders);
	}
}

const char *
commit_outcome_name(enum commit_outcome outcome)
{
	static const char *const names[] = {
		[COMMIT_DONE] = "done",
		[COMMIT_DONE_BEFORE] = "done-before",
		[COMMIT_NO_ROOM] = "no-room",
		[COMMIT_TROUBLE] = "trouble",
		[COMMIT_LATE] = "late",
		[COMMIT_REFUSED] = "refused",
	};

	return names[outcome];
}
