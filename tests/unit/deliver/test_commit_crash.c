/* A commit that fails, or is killed, at each of its durable steps; then a restart; and a client that retries.
 *
 * For every step and every kind of trouble: no "done" without all files in new/; after the retry each mailbox has the
 * message exactly once, whole; and nothing stays in tmp/ beyond what the sweep takes. A failure at one step is also
 * followed by a kill at each later one, so that taking back is cut off too.
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

enum { STEPS_MAX = 200, KILLED = 250, NO_STEP_LEFT = 251 };

static const char *const mailboxes[] = { "new/alice", "bob", NULL };

/* What a client sees: an outcome, or (KILLED) a connection that breaks. */
struct trial {
	unsigned long fail_at;
	int error;
	unsigned long kill_at;
	bool has_reader; /* it takes what is in new/ between the attempts */
	bool restarts;   /* also without a kill */
};

static void
build_bob(struct house *house)
{
	/* One mailbox is there already, the other will be made. */
	assert_true(maildir_create(&house->roots, 0, "bob"));
}

/* In a child: a start of deliver, one commit with trouble armed, and (unless it is to be killed) one retry without.
 * Exits with the outcome of the last attempt, or NO_STEP_LEFT when the trouble never came. */
static _Noreturn void
attempt(struct house *house, const struct trial *trial)
{
	struct mailroom room;

	durable_hook_arm(trial->fail_at, trial->error, trial->kill_at);
	mailroom_open(&room, house, 1);
	struct commit_result result = mailroom_commit(&room, MAILROOM_BODY, mailboxes);
	bool has_failed = trial->fail_at && durable_hook_steps() >= trial->fail_at;
	durable_hook_arm(0, 0, 0);
	if (!has_failed || trial->kill_at)
		_exit(NO_STEP_LEFT);
	bool is_done = result.outcome == COMMIT_DONE || result.outcome == COMMIT_DONE_BEFORE;
	if (is_done)
		_exit(COMMIT_DONE);
	if (trial->restarts)
		_exit((int)result.outcome);
	if (trial->has_reader && house_count(house, "bob/new", NULL) == 1)
		mailroom_read(house, "bob");
	result = mailroom_commit(&room, MAILROOM_BODY, mailboxes);
	_exit((int)result.outcome);
}

static int
run_attempt(struct house *house, const struct trial *trial)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0)
		attempt(house, trial);
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

		(void)snprintf(folder, sizeof folder, "%s/%s", mailbox, inner[i]);
		int there = house_count(house, folder, name);
		if (there <= 0)
			continue;
		char *text = house_read(house, folder, name);
		assert_non_null(strstr(text, "\nSubject: s\n\nhello\n"));
		free(text);
		count += there;
	}
	return count;
}

static int
count_in_tmp(const struct house *house, const char *mailbox)
{
	char folder[128];

	(void)snprintf(folder, sizeof folder, "%s/tmp", mailbox);
	return house_count(house, folder, NULL);
}

/* After a restart: the retry succeeds, each mailbox has it once, and the sweep leaves nothing in tmp/. */
static void
check_retry(struct house *house)
{
	struct mailroom room;

	mailroom_open(&room, house, 1);
	struct commit_result result = mailroom_commit(&room, MAILROOM_BODY, mailboxes);
	assert_true(result.outcome == COMMIT_DONE || result.outcome == COMMIT_DONE_BEFORE);
	for (size_t i = 0; mailboxes[i]; i++) {
		struct folders *folders = folders_acquire(room.folders, 0, mailboxes[i], FOLDERS_AS_THEY_ARE);

		assert_non_null(folders);
		(void)maildir_sweep(
		    folders->tmp, "mx.example.org", clock_wall_us() / 1000000u + MAILDIR_SWEEP_SECONDS + 1);
		folders_release(room.folders, folders);
		assert_int_equal(count_whole(house, mailboxes[i]), 1);
		assert_int_equal(count_in_tmp(house, mailboxes[i]), 0);
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

	print_message("fail at %lu (%d), kill at %lu, reader %d, restart %d\n", trial->fail_at, trial->error,
	    trial->kill_at, trial->has_reader, trial->restarts);
	house_build_fast(&house);
	build_bob(&house);
	int outcome = run_attempt(&house, trial);
	bool is_done = outcome == COMMIT_DONE || outcome == COMMIT_DONE_BEFORE;
	/* With the process alive, the retry must already have gone well. */
	assert_true(is_done || trial->kill_at || trial->restarts || outcome == NO_STEP_LEFT);
	if (is_done)
		for (size_t i = 0; mailboxes[i]; i++)
			assert_int_equal(count_whole(&house, mailboxes[i]), 1);
	if (trial->has_reader && house_count(&house, "bob/new", NULL) == 1)
		mailroom_read(&house, "bob");
	if (outcome != NO_STEP_LEFT)
		check_retry(&house);
	house_tear_down(&house);
	return outcome != NO_STEP_LEFT;
}

static void
killed_at_every_step(void **state)
{
	(void)state;
	for (int has_reader = 0; has_reader <= 1; has_reader++) {
		unsigned long step;

		for (step = 1; step < STEPS_MAX; step++) {
			const struct trial trial = { .kill_at = step, .has_reader = has_reader != 0 };

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

	(void)state;
	for (int kind = 0; kind < 8; kind++) {
		unsigned long step;

		for (step = 1; step < STEPS_MAX; step++) {
			const struct trial trial = { .fail_at = step,
				.error = errors[kind & 1],
				.has_reader = (kind & 2) != 0,
				.restarts = (kind & 4) != 0 };

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

	(void)state;
	for (unsigned long fail_at = 1; fail_at < last; fail_at++) {
		unsigned long kill_at;

		for (kill_at = fail_at + 1; kill_at < STEPS_MAX; kill_at++) {
			const struct trial trial = { .fail_at = fail_at, .error = EIO, .kill_at = kill_at };

			if (!try(&trial))
				break;
		}
		if (kill_at > last)
			last = kill_at;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_at_every_step),
		cmocka_unit_test(failed_at_every_step),
		cmocka_unit_test(failed_at_one_step_and_killed_at_a_later_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
