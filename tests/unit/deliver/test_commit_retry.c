/* Tests of deliver/commit.c with unread.c: what the same message finds when it comes again.
 *
 * On failure: cmocka names the line; the temporary folder stays.
 */
#include "tests/unit/deliver/commit_fixture.h"

#include <sys/resource.h>

static void
restart(struct test *test, uint8_t boot)
{
	mailroom_close(&test->room);
	mailroom_open(&test->room, &test->house, boot);
}

static void
what_was_read_may_come_again(void **state)
{
	struct test *test = *state;

	for (int i = 1; i <= 3; i++) {
		struct commit_result result = mailroom_commit(&test->room, MAILROOM_BODY, alice);

		assert_int_equal(result.outcome, COMMIT_DONE);
		assert_true(unread_settle(test->room.unread, MAILROOM_EDGE, result.receipt));
		assert_false(unread_settle(test->room.unread, MAILROOM_EDGE, result.receipt));
		assert_int_equal(house_count(&test->house, "alice/new", NULL), i);
	}
	assert_int_equal(unread_count(test->room.unread), 0);
}

static void
what_was_not_read_comes_once(void **state)
{
	struct test *test = *state;
	struct commit_result result = mailroom_commit(&test->room, MAILROOM_BODY, alice);

	assert_int_equal(result.outcome, COMMIT_DONE);
	result = mailroom_commit(&test->room, "Received: by another hop\r\n" MAILROOM_BODY, alice);
	assert_int_equal(result.outcome, COMMIT_DONE_BEFORE);
	assert_int_equal(result.copies, 0);
	assert_string_not_equal(result.text, "");
	assert_int_equal(house_count(&test->house, "alice/new", NULL), 1);
	/* Another message, another mailbox, are other things. */
	assert_int_equal(mailroom_commit(&test->room, MAILROOM_BODY "more\r\n", alice).outcome, COMMIT_DONE);
	assert_int_equal(house_count(&test->house, "alice/new", NULL), 2);
	/* The receipt of the retry settles it as well. */
	assert_true(unread_settle(test->room.unread, MAILROOM_EDGE, result.receipt));
	assert_int_equal(mailroom_commit(&test->room, MAILROOM_BODY, alice).outcome, COMMIT_DONE);
	assert_int_equal(house_count(&test->house, "alice/new", NULL), 3);
}

static void
only_what_is_missing_is_delivered(void **state)
{
	struct test *test = *state;

	assert_int_equal(mailroom_commit(&test->room, MAILROOM_BODY, alice).outcome, COMMIT_DONE);
	struct commit_result result = mailroom_commit(&test->room, MAILROOM_BODY, alice_and_bob);
	assert_int_equal(result.outcome, COMMIT_DONE);
	assert_int_equal(result.copies, 1);
	assert_int_equal(house_count(&test->house, "alice/new", NULL), 1);
	assert_int_equal(house_count(&test->house, "bob/new", NULL), 1);
	assert_true(unread_settle(test->room.unread, MAILROOM_EDGE, result.receipt));
	assert_int_equal(unread_count(test->room.unread), 0);
}

static void
without_identity_nothing_is_remembered(void **state)
{
	static const char body[] = "Subject: s\r\n\r\nhello\r\n";
	struct test *test = *state;
	struct commit_result result = mailroom_commit(&test->room, body, alice);

	assert_int_equal(result.outcome, COMMIT_DONE);
	assert_int_equal(result.receipt, 0);
	assert_int_equal(mailroom_commit(&test->room, body, alice).outcome, COMMIT_DONE);
	assert_int_equal(house_count(&test->house, "alice/new", NULL), 2);
}

static void
a_restart_remembers_and_the_edge_does_not(void **state)
{
	struct test *test = *state;
	struct commit_result result = mailroom_commit(&test->room, MAILROOM_BODY, alice);

	unread_edge_gone(test->room.unread, MAILROOM_EDGE);
	assert_false(unread_settle(test->room.unread, MAILROOM_EDGE, result.receipt));
	restart(test, 1);
	assert_int_equal(unread_count(test->room.unread), 1);
	mailroom_read(&test->house, "alice");
	assert_int_equal(mailroom_commit(&test->room, MAILROOM_BODY, alice).outcome, COMMIT_DONE_BEFORE);
	assert_int_equal(house_count(&test->house, "alice/new", NULL), 0);
	/* Settled and flushed: forgotten for good. */
	result = mailroom_commit(&test->room, MAILROOM_BODY, alice);
	assert_true(unread_settle(test->room.unread, MAILROOM_EDGE, result.receipt));
	assert_true(unread_flush(test->room.unread));
	restart(test, 1);
	assert_int_equal(unread_count(test->room.unread), 0);
}

static void
after_another_boot_only_what_is_found_counts(void **state)
{
	struct test *test = *state;
	char name[256];
	char path[1024];

	assert_int_equal(mailroom_commit(&test->room, MAILROOM_BODY, alice).outcome, COMMIT_DONE);
	mailroom_read(&test->house, "alice");
	restart(test, 2);
	assert_int_equal(mailroom_commit(&test->room, MAILROOM_BODY, alice).outcome, COMMIT_DONE_BEFORE);
	assert_int_equal(house_count(&test->house, "alice/cur", name), 1);
	(void)snprintf(path, sizeof path, "%s/root/alice/cur/%s", test->house.folder.path, name);
	assert_int_equal(unlink(path), 0);
	restart(test, 3);
	assert_int_equal(unread_count(test->room.unread), 0);
	assert_int_equal(mailroom_commit(&test->room, MAILROOM_BODY, alice).outcome, COMMIT_DONE);
	/* An unknown boot is never the same. */
	restart(test, 0);
	assert_int_equal(unread_count(test->room.unread), 1);
	assert_int_equal(house_count(&test->house, "alice/new", name), 1);
	(void)snprintf(path, sizeof path, "%s/root/alice/new/%s", test->house.folder.path, name);
	assert_int_equal(unlink(path), 0);
	restart(test, 0);
	assert_int_equal(unread_count(test->room.unread), 0);
}

static void
memory_fades_after_its_time(void **state)
{
	struct test *test = *state;

	assert_int_equal(mailroom_commit(&test->room, MAILROOM_BODY, alice).outcome, COMMIT_DONE);
	mailroom_close(&test->room);
	mailroom_open_at(&test->room, &test->house, 1, clock_wall_us() / 1000000u + MAILROOM_LIFE_SECONDS + 5);
	assert_int_equal(unread_count(test->room.unread), 0);
	assert_int_equal(mailroom_commit(&test->room, MAILROOM_BODY, alice).outcome, COMMIT_DONE);
	assert_int_equal(house_count(&test->house, "alice/new", NULL), 2);
}

/* Whoever cleans tmp/ takes what is 36 hours old: from then on a copy that is gone may never have come into new/. */
static void
what_may_have_been_swept_counts_only_if_found(void **state)
{
	static const uint64_t ages[] = { MAILDIR_SWEEP_SECONDS * 2 / 3, MAILDIR_SWEEP_SECONDS };
	struct test *test = *state;

	for (size_t i = 0; i < 2; i++) {
		char name[256];
		char path[1024];

		assert_int_equal(mailroom_commit(&test->room, MAILROOM_BODY, alice_and_bob).outcome, COMMIT_DONE);
		assert_int_equal(house_count(&test->house, "alice/new", name), 1);
		(void)snprintf(path, sizeof path, "%s/root/alice/new/%s", test->house.folder.path, name);
		assert_int_equal(unlink(path), 0);
		mailroom_close(&test->room);
		mailroom_open_at(&test->room, &test->house, 1, clock_wall_us() / 1000000u + ages[i]);
		assert_int_equal(unread_count(test->room.unread), i == 0 ? 2 : 1);
		struct commit_result result = mailroom_commit(&test->room, MAILROOM_BODY, alice_and_bob);
		assert_int_equal(result.copies, i == 0 ? 0 : 1);
		assert_true(unread_settle(test->room.unread, MAILROOM_EDGE, result.receipt));
		if (i == 0)
			mailroom_read(&test->house, "bob");
	}
}

/* No cur/: nobody has read anything there yet, so nothing in it wants an fsync. */
static void
a_mailbox_without_cur_makes_no_double(void **state)
{
	struct test *test = *state;
	char path[1024];

	assert_int_equal(mailroom_commit(&test->room, MAILROOM_BODY, alice).outcome, COMMIT_DONE);
	assert_int_equal(rmdir(house_path(&test->house, "root/alice/cur", path)), 0);
	restart(test, 1);
	assert_int_equal(mailroom_commit(&test->room, MAILROOM_BODY, alice).outcome, COMMIT_DONE_BEFORE);
	assert_int_equal(house_count(&test->house, "alice/new", NULL), 1);
}

/* An fsync that could not even be tried has lost nothing: the copy stays remembered. */
static void
no_descriptors_make_no_double(void **state)
{
	struct test *test = *state;
	enum commit_outcome outcome = COMMIT_TROUBLE;
	struct rlimit before;
	unsigned spared;

	assert_int_equal(mailroom_commit(&test->room, MAILROOM_BODY, alice).outcome, COMMIT_DONE);
	restart(test, 1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	int first_free = dup(0);
	assert_true(first_free >= 0);
	(void)close(first_free);
	for (spared = 0; spared < 10 && outcome == COMMIT_TROUBLE; spared++) {
		struct rlimit few = { .rlim_cur = (rlim_t)first_free + spared, .rlim_max = before.rlim_max };

		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		outcome = mailroom_commit(&test->room, MAILROOM_BODY, alice).outcome;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	}
	assert_int_equal(outcome, COMMIT_DONE_BEFORE);
	assert_in_range(spared, 2, 9);
	assert_int_equal(house_count(&test->house, "alice/new", NULL), 1);
}

/* The mailbox that was delivered into is not there any more: the retry makes a copy in the one that is. */
static void
a_mailbox_that_was_made_anew_gets_its_copy(void **state)
{
	struct test *test = *state;
	char path[1024];
	char aside[1024];

	assert_int_equal(mailroom_commit(&test->room, MAILROOM_BODY, alice).outcome, COMMIT_DONE);
	restart(test, 1);
	assert_int_equal(
	    rename(house_path(&test->house, "root/alice", path), house_path(&test->house, "root/aside", aside)), 0);
	assert_int_equal(mailroom_commit(&test->room, MAILROOM_BODY, alice).outcome, COMMIT_TROUBLE);
	assert_int_equal(mailroom_commit(&test->room, MAILROOM_BODY, alice).outcome, COMMIT_DONE);
	assert_int_equal(house_count(&test->house, "alice/new", NULL), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_read_may_come_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_not_read_comes_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_what_is_missing_is_delivered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_identity_nothing_is_remembered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_restart_remembers_and_the_edge_does_not, set_up, tear_down),
		cmocka_unit_test_setup_teardown(after_another_boot_only_what_is_found_counts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(memory_fades_after_its_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_may_have_been_swept_counts_only_if_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_mailbox_without_cur_makes_no_double, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_descriptors_make_no_double, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_mailbox_that_was_made_anew_gets_its_copy, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
