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
#include "deliver/judge.h"

/* Recipients that stand or fall together; see deliver/redeemed.h. */
struct party {
	bool has_failed;
	enum commit_outcome outcome;
};

/* A commit under way. */
struct work {
	const struct delivery *delivery;
	struct scratch *scratch;
	struct commit *commit;
	struct commit_result *result;
	struct copy *copies;
	size_t count;
	struct party *parties; /* one, unless each recipient stands for itself */
	unsigned party_count;
	uint64_t *serials; /* room for one a copy */
	bool has_ended;    /* for everybody: no copy goes any further */
	struct judgement judgement;
};

static bool end(struct work *work, enum commit_outcome outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static bool fail(struct work *work, const struct copy *copy, enum commit_outcome outcome, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The message is delivered to nobody; always false, so that a step can return it. */
static bool
end(struct work *work, enum commit_outcome outcome, const char *format, ...)
{
	va_list arguments;

	work->has_ended = true;
	work->result->outcome = outcome;
	va_start(arguments, format);
	(void)vsnprintf(work->result->text, sizeof work->result->text, format, arguments);
	va_end(arguments);
	return false;
}

static struct party *
party_of(const struct work *work, const struct copy *copy)
{
	return &work->parties[work->commit->is_by_recipient ? copy->to.party : 0];
}

/* The message is not delivered to those who stand or fall with this copy; always false. The first one's words are for
 * the log. */
static bool
fail(struct work *work, const struct copy *copy, enum commit_outcome outcome, const char *format, ...)
{
	struct party *party = party_of(work, copy);
	va_list arguments;

	party->has_failed = true;
	party->outcome = outcome;
	if (work->result->text[0])
		return false;
	va_start(arguments, format);
	(void)vsnprintf(work->result->text, sizeof work->result->text, format, arguments);
	va_end(arguments);
	return false;
}

static bool
fail_by_error(struct work *work, const struct copy *copy, const char *what, int error)
{
	bool is_full = error == ENOSPC || error == EDQUOT;

	return fail(work, copy, is_full ? COMMIT_NO_ROOM : COMMIT_TROUBLE, "%s for %.*s: %s", what,
	    SPAN_ARG(copy->to.address), folders_problem(error));
}

/* Is the copy still to be delivered? */
static bool
stands(const struct work *work, const struct copy *copy)
{
	return !work->has_ended && !party_of(work, copy)->has_failed;
}

/* Takes a step with each copy that stands; one that fails takes those of its party with it. */
static void
each_standing(struct work *work, bool (*step)(struct work *work, struct copy *copy))
{
	for (size_t i = 0; i < work->count; i++)
		if (stands(work, &work->copies[i]))
			(void)step(work, &work->copies[i]);
}

static bool
judge(struct work *work)
{
	struct judgement *found = &work->judgement;

	if (judge_message(&work->commit->message, work->scratch, found))
		return true;
	return end(work, found->outcome, "%s%s%s", found->why, found->error ? ": " : "",
	    found->error ? strerror(found->error) : "");
}

static bool
lay_out(struct work *work)
{
	struct redeemed *redeemed = &work->commit->redeemed;
	struct arena *arena = &redeemed->arena;

	work->count = redeemed->count;
	work->party_count = work->commit->is_by_recipient ? redeemed->party_count : 1;
	work->copies = arena_alloc(arena, work->count * sizeof *work->copies);
	work->parties = arena_alloc(arena, work->party_count * sizeof *work->parties);
	work->serials = arena_alloc(arena, work->count * sizeof *work->serials);
	if (!work->copies || !work->parties || !work->serials)
		return end(work, COMMIT_TROUBLE, "out of memory");
	for (size_t i = 0; i < work->count; i++)
		work->copies[i].to = redeemed->destinations[i];
	/* Until a new copy of it has come into its mailbox. */
	for (unsigned i = 0; i < work->party_count; i++)
		work->parties[i].outcome = COMMIT_DONE_BEFORE;
	return true;
}

static bool
reserve(struct work *work, struct copy *copy)
{
	if (!work->judgement.is_rememberable)
		return true;
	switch (unread_reserve(work->delivery->unread, work->judgement.digest, copy->to.root, copy->to.path,
	    clock_wall_us() / 1000000u, &copy->unread)) {
	case UNREAD_FRESH:
		copy->is_remembered = true;
		return true;
	case UNREAD_BEFORE:
		copy->is_remembered = true;
		copy->place = COPY_BEFORE;
		return true;
	case UNREAD_BUSY:
		return fail(work, copy, COMMIT_TROUBLE,
		    "the same message for %.*s is being delivered right now; try again", SPAN_ARG(copy->to.address));
	case UNREAD_NO_ROOM:
		break;
	}
	return fail(work, copy, COMMIT_TROUBLE, "out of memory");
}

/* A copy of an earlier attempt that may not have come to its fsync gets it now, before anybody is told 250. If that
 * fails, nobody knows what the disk holds: it is forgotten, and the next attempt makes a copy. */
static bool
make_old_one_durable(struct work *work, struct copy *copy)
{
	struct unread *unread = work->delivery->unread;

	if (copy->place != COPY_BEFORE || !copy->unread.needs_sync)
		return true;
	enum maildir_sync result = maildir_sync(work->delivery->roots, copy->to.root, copy->to.path);
	int error = errno;
	if (result == MAILDIR_SYNCED)
		unread_keep(unread, copy->unread.serial, true);
	if (result == MAILDIR_UNSURE)
		(void)unread_void(unread, &copy->unread.serial, 1);
	return result == MAILDIR_SYNCED || fail_by_error(work, copy, "cannot make an earlier delivery durable", error);
}

static bool
is_late(const struct commit *commit)
{
	return clock_monotonic_ms() >= commit->deadline_ms;
}

static bool
prepare(struct work *work, struct copy *copy)
{
	struct commit *commit = work->commit;

	if (copy->place != COPY_NOT_WRITTEN)
		return true;
	if (is_late(commit))
		return end(work, COMMIT_LATE, "the deadline passed while the copies were written");
	switch (copy_write(work->delivery, work->scratch, &commit->message, &commit->redeemed.arena, copy)) {
	case COPY_OK:
		return true;
	case COPY_FAILED:
		return fail_by_error(work, copy, "cannot write a copy", errno);
	case COPY_BODY_CHANGED:
		break;
	}
	return end(work, COMMIT_REFUSED, "the body changed after it was judged");
}

static bool
does_any_stand(const struct work *work)
{
	for (size_t i = 0; i < work->count; i++)
		if (stands(work, &work->copies[i]))
			return true;
	return false;
}

static bool
claim(struct work *work)
{
	const struct commit *commit = work->commit;

	if (!does_any_stand(work))
		return false;
	if (is_late(commit))
		return end(work, COMMIT_LATE, "the deadline passed before the commit could begin");
	if (!claim_take(commit->claims, commit->claim_slot, CLAIM_COMMITTING))
		return end(work, COMMIT_LATE, "smtpd had given up before the commit could begin");
	return true;
}

static bool
record(struct work *work)
{
	struct arena *arena = &work->commit->redeemed.arena;
	struct unread_file *files;
	size_t count = 0;

	if (!work->judgement.is_rememberable)
		return true;
	files = arena_alloc(arena, work->count * sizeof *files);
	if (!files)
		return end(work, COMMIT_TROUBLE, "out of memory");
	for (size_t i = 0; i < work->count; i++) {
		const struct copy *copy = &work->copies[i];

		if (copy->place == COPY_IN_TMP && stands(work, copy))
			files[count++] = (struct unread_file){ copy->unread.serial, copy->final };
	}
	if (count == 0 ||
	    unread_record(work->delivery->unread, work->judgement.digest, files, count, clock_wall_us() / 1000000u))
		return true;
	return end(work, errno == ENOSPC || errno == EDQUOT ? COMMIT_NO_ROOM : COMMIT_TROUBLE,
	    "the unread-250 journal cannot be written: %s", strerror(errno));
}

/* Undoes what was done for the copies that have failed before the record: their files, their reservations. */
static void
clear_away(struct work *work)
{
	for (size_t i = 0; i < work->count; i++) {
		struct copy *copy = &work->copies[i];

		if (stands(work, copy))
			continue;
		if (copy->place == COPY_IN_TMP)
			copy_remove(work->delivery, copy);
		if (copy->is_remembered && copy->place != COPY_BEFORE)
			unread_cancel(work->delivery->unread, copy->unread.serial);
		copy->is_remembered = false;
	}
}

static bool
move(struct work *work, struct copy *copy)
{
	if (copy->place != COPY_IN_TMP || copy_move(work->delivery, copy) == COPY_OK)
		return true;
	return fail_by_error(work, copy, "cannot move a copy into new/", errno);
}

static bool
sync_new(struct work *work, struct copy *copy)
{
	if (copy->place != COPY_IN_NEW || copy_sync(work->delivery, copy) == COPY_OK)
		return true;
	return fail_by_error(work, copy, "cannot make a copy in new/ durable", errno);
}

/* Undoes what can be undone for the copies that have failed after the record. The order matters: a file that is in the
 * journal may leave tmp/ only when the journal says that it is void, because after a restart one that is gone from
 * there counts as delivered. */
static void
take_back(struct work *work)
{
	struct unread *unread = work->delivery->unread;
	size_t count = 0;

	for (size_t i = 0; i < work->count; i++) {
		struct copy *copy = &work->copies[i];

		if (stands(work, copy))
			continue;
		if (copy->place == COPY_IN_NEW)
			copy_take_back(work->delivery, copy);
		if (copy->place == COPY_IN_NEW && copy->is_remembered)
			unread_keep(unread, copy->unread.serial, false);
		if (copy->place == COPY_IN_TMP && copy->is_remembered)
			work->serials[count++] = copy->unread.serial;
	}
	if (count && !unread_void(unread, work->serials, count))
		return;
	for (size_t i = 0; i < work->count; i++)
		if (!stands(work, &work->copies[i]) && work->copies[i].place == COPY_IN_TMP)
			copy_remove(work->delivery, &work->copies[i]);
}

/* What stands now is delivered: it is remembered until its receipt comes back. */
static void
keep(struct work *work)
{
	struct unread *unread = work->delivery->unread;
	struct commit_result *result = work->result;
	size_t before = 0;
	size_t count = 0;

	for (size_t i = 0; i < work->count; i++) {
		const struct copy *copy = &work->copies[i];
		bool is_new = copy->place == COPY_IN_NEW;

		if (!stands(work, copy))
			continue;
		if (is_new)
			party_of(work, copy)->outcome = COMMIT_DONE;
		result->copies += is_new;
		before += !is_new;
		if (!copy->is_remembered)
			continue;
		work->serials[count++] = copy->unread.serial;
		if (is_new)
			unread_keep(unread, copy->unread.serial, true);
	}
	if (before && !result->text[0])
		(void)snprintf(result->text, sizeof result->text,
		    "%zu of %zu copies had been delivered by an attempt whose 250 was not read", before, work->count);
	result->receipt = unread_receipt(unread, work->commit->edge, work->serials, count);
}

/* The outcome of the whole: the best that a party had. In the order of the enum done comes first, and then done before.
 */
static void
conclude(struct work *work)
{
	const struct redeemed *redeemed = &work->commit->redeemed;
	struct commit_result *result = work->result;

	if (work->has_ended)
		return;
	result->outcome = work->parties[0].outcome;
	for (unsigned i = 1; i < work->party_count; i++)
		if (work->parties[i].outcome < result->outcome)
			result->outcome = work->parties[i].outcome;
	if (!work->commit->is_by_recipient)
		return;
	for (size_t i = 0; i < redeemed->handle_count; i++)
		result->outcomes[i] = (uint8_t)work->parties[redeemed->parties[i]].outcome;
	result->outcome_count = redeemed->handle_count;
}

void
commit_run(
    const struct delivery *delivery, struct scratch *scratch, struct commit *commit, struct commit_result *result)
{
	struct work work = { .delivery = delivery, .scratch = scratch, .commit = commit, .result = result };

	*result = (struct commit_result){ 0 };
	if (!judge(&work) || !lay_out(&work))
		return;
	each_standing(&work, reserve);
	each_standing(&work, make_old_one_durable);
	each_standing(&work, prepare);
	bool is_ours = claim(&work) && record(&work);
	clear_away(&work);
	if (is_ours) {
		each_standing(&work, move);
		each_standing(&work, sync_new);
		take_back(&work);
		keep(&work);
	}
	conclude(&work);
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
