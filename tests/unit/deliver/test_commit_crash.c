/* A commit that fails, or is killed, at each of its durable steps; then a restart; and a client that retries.
 *
 * For every step and every kind of trouble: no "done" without all files in new/; after the retry each mailbox has the
 * message exactly once, whole; and nothing stays in tmp/ beyond what the sweep takes. A failure at one step is also
 * followed by a kill at each later one, so that taking back is cut off too; and a kill by a start that is itself cut
 * off, by another kill of the retry (a third of the pairs), and by another boot that finds less in the mailboxes.
 *
 * On failure: cmocka names the line; the step is printed before it, and the temporary folder stays.
 */

/* The steps of lib/durable_file.c with their hooks, in place of the archive's. */
#ifndef TIDEGATE_TEST_HOOKS
#define TIDEGATE_TEST_HOOKS
#endif
#include "lib/durable_file.c" /* NOLINT(bugprone-suspicious-include) */

#include "tests/unit/deliver/mailroom.h"

#include <sys/wait.h>

enum { STEPS_MAX = 200, KILLED = 250, NO_STEP_LEFT = 251, LIED = 252 };
enum { SAME_BOOT = 1, OTHER_BOOT = 2 };

static const char *const mailboxes[] = { "new/alice", "bob", NULL };

/* What a client sees: an outcome, or (KILLED) a connection that breaks. */
struct trial {
	unsigned long fail_at;
	int error;
	unsigned long kill_at;
	bool has_reader; /* it takes what is in new/ between the attempts */
	bool restarts;   /* also without a kill */
	bool is_each;    /* each recipient stands for itself */
};

/* What the client still has to send, and how the attempt went for the worst of them. */
struct attempted {
	const char *left[3];
	enum commit_outcome outcome;
	bool has_lied; /* somebody was told that a message is there that is not */
};

static void
build_bob(struct house *house)
{
	/* One mailbox is there already, the other will be made. */
	assert_true(maildir_create(&house->roots, 0, "bob"));
}

static bool
is_good(enum commit_outcome outcome)
{
	return outcome == COMMIT_DONE || outcome == COMMIT_DONE_BEFORE;
}

/* As house_count, of a mailbox's new/, cur/ or tmp/. */
static int
count_in(const struct house *house, const char *mailbox, const char *inner, char *name)
{
	char folder[128];

	(void)snprintf(folder, sizeof folder, "%s/%s", mailbox, inner);
	return house_count(house, folder, name);
}

static bool
has_message(const struct house *house, const char *mailbox)
{
	return count_in(house, mailbox, "new", NULL) == 1 || count_in(house, mailbox, "cur", NULL) == 1;
}

/* One attempt for these recipients. In the one mode all are sent again when it fails, in the other those that failed.
 */
static struct attempted
commit(struct mailroom *room, const struct trial *trial, const char *const *paths)
{
	struct attempted attempted = { .outcome = COMMIT_DONE };
	size_t left = 0;
	struct commit_result result = trial->is_each ? mailroom_commit_each(room, MAILROOM_BODY, paths)
						     : mailroom_commit(room, MAILROOM_BODY, paths);

	for (size_t i = 0; paths[i]; i++) {
		enum commit_outcome outcome = result.outcome_count ? result.outcomes[i] : result.outcome;

		attempted.has_lied = attempted.has_lied || (is_good(outcome) && !has_message(room->house, paths[i]));
		if (is_good(outcome))
			continue;
		attempted.outcome = outcome;
		attempted.left[left++] = paths[i];
	}
	return attempted;
}

/* In a child: a start of deliver, one commit with trouble armed, and (unless it is to be killed) one retry without.
 * Exits with the outcome of the last attempt, or NO_STEP_LEFT when the trouble never came. */
static _Noreturn void
attempt(struct house *house, const struct trial *trial)
{
	struct mailroom room;

	durable_hook_arm(trial->fail_at, trial->error, trial->kill_at);
	mailroom_open(&room, house, SAME_BOOT);
	struct attempted first = commit(&room, trial, mailboxes);
	bool has_failed = trial->fail_at && durable_hook_steps() >= trial->fail_at;
	durable_hook_arm(0, 0, 0);
	if (!has_failed || trial->kill_at)
		_exit(NO_STEP_LEFT);
	if (first.has_lied)
		_exit(LIED);
	if (is_good(first.outcome) || trial->restarts)
		_exit((int)first.outcome);
	if (trial->has_reader && house_count(house, "bob/new", NULL) == 1)
		mailroom_read(house, "bob");
	struct attempted second = commit(&room, trial, first.left);
	_exit(second.has_lied ? LIED : (int)second.outcome);
}

/* In a child: a start of deliver with trouble armed, and its end. */
static _Noreturn void
start(struct house *house, const struct trial *trial)
{
	struct mailroom room;

	durable_hook_arm(trial->fail_at, EIO, trial->kill_at);
	mailroom_open(&room, house, SAME_BOOT);
	_exit(trial->kill_at || durable_hook_steps() < trial->fail_at ? NO_STEP_LEFT : 0);
}

static int
run_child(
    void (*child_runs)(struct house *house, const struct trial *trial), struct house *house, const struct trial *trial)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0)
		child_runs(house, trial);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGKILL);
		return KILLED;
	}
	return WEXITSTATUS(status);
}

/* How often the mailbox has the message, in new/ and cur/; each time it must be whole. */
static int
count_whole(const struct house *house, const char *mailbox)
{
	static const char *const inner[] = { "new", "cur" };
	int count = 0;

	for (size_t i = 0; i < 2; i++) {
		char folder[128];
		char name[256];
		int there = count_in(house, mailbox, inner[i], name);
		if (there <= 0)
			continue;
		(void)snprintf(folder, sizeof folder, "%s/%s", mailbox, inner[i]);
		char *text = house_read(house, folder, name);
		assert_non_null(strstr(text, "\nSubject: s\n\nhello\n"));
		free(text);
		count += there;
	}
	return count;
}

/* After a restart: the retry succeeds, each mailbox has it once, and the sweep leaves nothing in tmp/. */
static void
check_retry(struct house *house, uint8_t boot)
{
	struct mailroom room;

	mailroom_open(&room, house, boot);
	struct commit_result result = mailroom_commit(&room, MAILROOM_BODY, mailboxes);
	assert_true(is_good(result.outcome));
	for (size_t i = 0; mailboxes[i]; i++) {
		struct folders *folders = folders_acquire(room.folders, 0, mailboxes[i], FOLDERS_AS_THEY_ARE);

		assert_non_null(folders);
		(void)maildir_sweep(
		    folders->tmp, "mx.example.org", clock_wall_us() / 1000000u + MAILDIR_SWEEP_SECONDS + 1);
		folders_release(room.folders, folders);
		assert_int_equal(count_whole(house, mailboxes[i]), 1);
		assert_int_equal(count_in(house, mailboxes[i], "tmp", NULL), 0);
	}
	/* And once the client has read it, the same bytes are a new message. */
	assert_true(unread_settle(room.unread, MAILROOM_EDGE, result.receipt));
	assert_int_equal(mailroom_commit(&room, MAILROOM_BODY, mailboxes).copies, 2);
	mailroom_close(&room);
}

/* One trial in a fresh house. False when there was no such step. */
static bool
try(const struct trial *trial)
{
	struct house house;

	print_message("fail at %lu (%d), kill at %lu, reader %d, restart %d, each %d\n", trial->fail_at, trial->error,
	    trial->kill_at, trial->has_reader, trial->restarts, trial->is_each);
	house_build_fast(&house);
	build_bob(&house);
	int outcome = run_child(attempt, &house, trial);
	bool is_done = is_good((enum commit_outcome)outcome);
	assert_int_not_equal(outcome, LIED);
	/* With the process alive, the retry must already have gone well. */
	assert_true(is_done || trial->kill_at || trial->restarts || outcome == NO_STEP_LEFT);
	if (is_done)
		for (size_t i = 0; mailboxes[i]; i++)
			assert_int_equal(count_whole(&house, mailboxes[i]), 1);
	if (trial->has_reader && house_count(&house, "bob/new", NULL) == 1)
		mailroom_read(&house, "bob");
	if (outcome != NO_STEP_LEFT)
		check_retry(&house, SAME_BOOT);
	house_tear_down(&house);
	return outcome != NO_STEP_LEFT;
}

static void
killed_at_every_step(void **state)
{
	bool is_each = *(bool *)*state;

	for (int has_reader = 0; has_reader <= 1; has_reader++) {
		unsigned long step;

		for (step = 1; step < STEPS_MAX; step++) {
			const struct trial trial = {
				.kill_at = step, .has_reader = has_reader != 0, .is_each = is_each
			};

			if (!try(&trial))
				break;
		}
		assert_in_range(step, 20, STEPS_MAX - 1);
	}
}

static void
failed_at_every_step(void **state)
{
	static const int errors[] = { EIO, ENOSPC };
	bool is_each = *(bool *)*state;

	for (int kind = 0; kind < 8; kind++) {
		unsigned long step;

		for (step = 1; step < STEPS_MAX; step++) {
			const struct trial trial = { .fail_at = step,
				.error = errors[kind & 1],
				.has_reader = (kind & 2) != 0,
				.restarts = (kind & 4) != 0,
				.is_each = is_each };

			if (!try(&trial))
				break;
		}
		assert_in_range(step, 20, STEPS_MAX - 1);
	}
}

static void
failed_at_one_step_and_killed_at_a_later_one(void **state)
{
	unsigned long last = 20;
	bool is_each = *(bool *)*state;

	for (unsigned long fail_at = 1; fail_at < last; fail_at++) {
		unsigned long kill_at;

		for (kill_at = fail_at + 1; kill_at < STEPS_MAX; kill_at++) {
			const struct trial trial = {
				.fail_at = fail_at, .error = EIO, .kill_at = kill_at, .is_each = is_each
			};

			if (!try(&trial))
				break;
		}
		if (kill_at > last)
			last = kill_at;
	}
}

/* A commit that is killed and what comes behind it, with trouble of its own; false when that one has no such step, or
 * the commit none where it was to be killed. */
static bool
try_both(unsigned long killed_at, void (*next)(struct house *house, const struct trial *trial),
    const struct trial *trial, bool *was_killed)
{
	struct house house;

	print_message("killed at %lu, then fail at %lu, kill at %lu\n", killed_at, trial->fail_at, trial->kill_at);
	house_build_fast(&house);
	build_bob(&house);
	*was_killed = run_child(attempt, &house, &(struct trial){ .kill_at = killed_at }) == KILLED;
	if (trial->has_reader && house_count(&house, "bob/new", NULL) == 1)
		mailroom_read(&house, "bob");
	bool has_step = *was_killed && run_child(next, &house, trial) != NO_STEP_LEFT;
	if (has_step)
		check_retry(&house, SAME_BOOT);
	house_tear_down(&house);
	return has_step;
}

static void
killed_and_then_the_start_is_cut_off(void **state)
{
	bool was_killed = true;

	(void)state;
	for (unsigned long killed_at = 1; killed_at < STEPS_MAX && was_killed; killed_at++) {
		for (unsigned long step = 1; step < STEPS_MAX; step++) {
			if (!try_both(killed_at, start, &(struct trial){ .kill_at = step }, &was_killed) ||
			    !try_both(killed_at, start, &(struct trial){ .fail_at = step }, &was_killed))
				break;
		}
	}
	assert_false(was_killed);
}

static void
killed_twice(void **state)
{
	bool was_killed = true;

	(void)state;
	for (unsigned long first = 1; first < STEPS_MAX && was_killed; first++) {
		for (unsigned long second = 1 + first % 3; second < STEPS_MAX; second += 3) {
			const struct trial trial = { .kill_at = second, .has_reader = second % 2 != 0 };

			if (!try_both(first, attempt, &trial, &was_killed))
				break;
		}
	}
	assert_false(was_killed);
}

static void
lose_files(const struct house *house, const char *folder)
{
	char name[256];
	char path[1024];

	while (house_count(house, folder, name) > 0) {
		(void)snprintf(path, sizeof path, "%s/root/%.200s/%s", house->folder.path, folder, name);
		assert_int_equal(unlink(path), 0);
	}
}

static bool
try_power_cut(unsigned long step, unsigned lost)
{
	static const char *const folders[] = { "new/alice/new", "bob/tmp", "bob/new" };
	struct house house;

	print_message("power cut at %lu, lost %u\n", step, lost);
	house_build_fast(&house);
	build_bob(&house);
	bool was_killed = run_child(attempt, &house, &(struct trial){ .kill_at = step }) == KILLED;
	for (unsigned i = 0; i < 3 && was_killed; i++)
		if (lost & 1u << i)
			lose_files(&house, folders[i]);
	if (was_killed)
		check_retry(&house, OTHER_BOOT);
	house_tear_down(&house);
	return was_killed;
}

/* Nobody has heard 250 yet: whichever folders have nothing of it after another boot, the retry puts it there. */
static void
power_cut_at_every_step(void **state)
{
	bool has_step = true;

	(void)state;
	for (unsigned trial = 0; trial < 8 * STEPS_MAX && has_step; trial++)
		has_step = try_power_cut(1 + trial / 8, trial % 8);
	assert_false(has_step);
}

int
main(void)
{
	static bool all = false;
	static bool each = true;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(killed_at_every_step, &all),
		cmocka_unit_test_prestate(killed_at_every_step, &each),
		cmocka_unit_test_prestate(failed_at_every_step, &all),
		cmocka_unit_test_prestate(failed_at_every_step, &each),
		cmocka_unit_test_prestate(failed_at_one_step_and_killed_at_a_later_one, &all),
		cmocka_unit_test_prestate(failed_at_one_step_and_killed_at_a_later_one, &each),
		cmocka_unit_test(killed_and_then_the_start_is_cut_off),
		cmocka_unit_test(killed_twice),
		cmocka_unit_test(power_cut_at_every_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
