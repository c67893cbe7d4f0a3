/* Tests of deliver/copy.c and folders.c: who hears of an fsync of new/ that has failed.
 *
 * The kernel tells of a failed write once, to the descriptors that were open then. Commits that share a mailbox share
 * its descriptors, so one of them hears of it for all.
 *
 * On failure: cmocka names the line; the temporary folder stays.
 */

/* The steps of lib/durable_file.c with their hooks, in place of the archive's. */
#ifndef TIDEGATE_TEST_HOOKS
#define TIDEGATE_TEST_HOOKS
#endif
#include "lib/durable_file.c" /* NOLINT(bugprone-suspicious-include) */

#include "tests/unit/deliver/commit_fixture.h"

enum { OTHERS = 40 /* mailboxes; more than the fixture's cache keeps open */ };

/* A copy that has come into new/ and waits for its fsync. */
static void
bring_into_new(struct test *test, struct commit *commit, struct copy *copy, const char *path)
{
	const char *const paths[] = { path, NULL };

	mailroom_prepare(&test->room, commit, MAILROOM_BODY, paths);
	*copy = (struct copy){ .to = commit->redeemed.destinations[0] };
	assert_int_equal(
	    copy_write(&test->room.delivery, test->room.scratch, &commit->message, &commit->redeemed.arena, copy),
	    COPY_OK);
	assert_int_equal(copy_move(&test->room.delivery, copy), COPY_OK);
}

static void
open_others(struct test *test)
{
	for (unsigned i = 0; i < OTHERS; i++) {
		char path[32];

		(void)snprintf(path, sizeof path, "other%u", i);
		struct folders *folders = folders_acquire(test->room.folders, 0, path, FOLDERS_MAKE_MISSING);
		assert_non_null(folders);
		folders_release(test->room.folders, folders);
	}
}

static void
fail_to_sync(struct test *test, struct copy *copy)
{
	durable_hook_arm(1, EIO, 0);
	assert_int_equal(copy_sync(&test->room.delivery, copy), COPY_FAILED);
	durable_hook_arm(0, 0, 0);
}

static void
all_who_were_moved_before_hear_of_it(void **state)
{
	static const char *const paths[] = { "alice", "alice", "bob", "alice" };
	struct test *test = *state;
	struct commit commits[4];
	struct copy copies[4];

	for (size_t i = 0; i < 3; i++)
		bring_into_new(test, &commits[i], &copies[i], paths[i]);
	fail_to_sync(test, &copies[0]);
	/* The mailbox is opened afresh now, and the kernel has told already. */
	bring_into_new(test, &commits[3], &copies[3], paths[3]);
	assert_int_equal(copy_sync(&test->room.delivery, &copies[3]), COPY_OK);
	assert_int_equal(copy_sync(&test->room.delivery, &copies[1]), COPY_FAILED);
	assert_int_equal(errno, EIO);
	/* Another mailbox, whose descriptors have stayed open, would have heard of its own. */
	assert_int_equal(copy_sync(&test->room.delivery, &copies[2]), COPY_OK);
	for (size_t i = 0; i < 4; i++)
		arena_reset(&commits[i].redeemed.arena);
}

static void
a_mailbox_that_made_room_meanwhile_is_synced_all_the_same(void **state)
{
	struct test *test = *state;
	struct commit commit;
	struct copy copy;

	bring_into_new(test, &commit, &copy, "alice");
	open_others(test);
	assert_int_equal(copy_sync(&test->room.delivery, &copy), COPY_OK);
	arena_reset(&commit.redeemed.arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_who_were_moved_before_hear_of_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_mailbox_that_made_room_meanwhile_is_synced_all_the_same, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
