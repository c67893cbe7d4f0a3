/* Tests of deliver/commit.c with copy.c and folders.c: what lands in mailboxes, all or nothing, and what prevents it.
 *
 * On failure: cmocka names the line; the temporary folder stays.
 */
#include "tests/unit/clock_ahead.h"
#include "tests/unit/deliver/commit_fixture.h"

static void
a_copy_has_our_fields_and_every_byte(void **state)
{
	static const char expected[] =
	    "Return-Path: <bob@example.net>\nDelivered-To: alice@example.org\n" MAILROOM_TRACE
	    "Message-ID: <1@example.net>\nSubject: s\n\nhello\n";
	struct test *test = *state;
	struct commit_result result = mailroom_commit(&test->room, MAILROOM_BODY, alice);
	char name[256];
	char size[32];
	struct stat about;
	char path[1024];

	assert_int_equal(result.outcome, COMMIT_DONE);
	assert_int_equal(result.copies, 1);
	assert_int_not_equal(result.receipt, 0);
	assert_string_equal(result.text, "");
	assert_int_equal(house_count(&test->house, "alice/new", name), 1);
	assert_int_equal(house_count(&test->house, "alice/tmp", NULL), 0);
	char *text = house_read(&test->house, "alice/new", name);
	assert_string_equal(text, expected);
	free(text);
	(void)snprintf(size, sizeof size, ",S=%zu", strlen(expected));
	assert_non_null(strstr(name, size));
	(void)snprintf(path, sizeof path, "%s/root/alice/new/%s", test->house.folder.path, name);
	assert_int_equal(stat(path, &about), 0);
	assert_int_equal(about.st_mode, S_IFREG | 0600);
}

static void
every_mailbox_gets_its_own_copy(void **state)
{
	struct test *test = *state;
	struct commit_result result = mailroom_commit(&test->room, MAILROOM_BODY, alice_and_bob);
	char name[256];

	assert_int_equal(result.outcome, COMMIT_DONE);
	assert_int_equal(result.copies, 2);
	assert_int_equal(house_count(&test->house, "alice/new", NULL), 1);
	assert_int_equal(house_count(&test->house, "bob/new", name), 1);
	char *text = house_read(&test->house, "bob/new", name);
	assert_non_null(strstr(text, "Delivered-To: bob@example.org\n"));
	assert_null(strstr(text, "alice"));
	free(text);
}

static void
too_late_is_nothing(void **state)
{
	struct test *test = *state;
	struct commit commit;

	mailroom_prepare(&test->room, &commit, MAILROOM_BODY, alice);
	commit.deadline_ms = clock_monotonic_ms();
	assert_int_equal(mailroom_run(&test->room, &commit).outcome, COMMIT_LATE);
	mailroom_prepare(&test->room, &commit, MAILROOM_BODY, alice);
	assert_true(claim_take(test->room.claims, 0, CLAIM_GIVEN_UP));
	assert_int_equal(mailroom_run(&test->room, &commit).outcome, COMMIT_LATE);
	mailroom_prepare(&test->room, &commit, MAILROOM_BODY, alice);
	commit.claim_slot = MAILROOM_CLAIM_SLOTS;
	assert_int_equal(mailroom_run(&test->room, &commit).outcome, COMMIT_LATE);
	assert_int_equal(house_count(&test->house, "alice/new", NULL), 0);
	assert_int_equal(house_count(&test->house, "alice/tmp", NULL), 0);
	/* And the claim was won by us where it was free. */
	mailroom_prepare(&test->room, &commit, MAILROOM_BODY, alice);
	assert_int_equal(mailroom_run(&test->room, &commit).outcome, COMMIT_DONE);
	assert_false(claim_take(test->room.claims, 0, CLAIM_GIVEN_UP));
}

static void
trouble_at_one_mailbox_spares_the_others(void **state)
{
	struct test *test = *state;
	char path[1024];
	struct commit_result result;

	assert_int_equal(symlink("/tmp", house_path(&test->house, "root/bob", path)), 0);
	result = mailroom_commit(&test->room, MAILROOM_BODY, alice_and_bob);
	assert_int_equal(result.outcome, COMMIT_TROUBLE);
	assert_non_null(strstr(result.text, "bob@example.org"));
	assert_int_equal(house_count(&test->house, "alice/new", NULL), 0);
	assert_int_equal(house_count(&test->house, "alice/tmp", NULL), 0);
	/* Nothing is remembered of it: the retry delivers to both. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mailroom_commit(&test->room, MAILROOM_BODY, alice_and_bob).outcome, COMMIT_DONE);
	assert_int_equal(house_count(&test->house, "alice/new", NULL), 1);
	assert_int_equal(house_count(&test->house, "bob/new", NULL), 1);
}

static void
a_mailbox_replaced_between_two_messages_is_noticed(void **state)
{
	struct test *test = *state;
	char from[1024];
	char to[1024];

	assert_int_equal(mailroom_commit(&test->room, MAILROOM_BODY, alice).outcome, COMMIT_DONE);
	/* Removed: made anew at once, since writing into it fails. */
	assert_int_equal(rename(house_path(&test->house, "root/alice", from), house_path(&test->house, "gone", to)), 0);
	own_folder_remove(to);
	assert_int_equal(mailroom_commit(&test->room, MAILROOM_BODY "2\r\n", alice).outcome, COMMIT_DONE);
	assert_int_equal(house_count(&test->house, "alice/new", NULL), 1);
	/* Moved away: within a second. That it is still the same is found out as often. */
	clock_ahead_ms += 1100;
	assert_int_equal(mailroom_commit(&test->room, MAILROOM_BODY "2b\r\n", alice).outcome, COMMIT_DONE);
	assert_int_equal(house_count(&test->house, "alice/new", NULL), 2);
	assert_int_equal(rename(from, house_path(&test->house, "root/moved", to)), 0);
	clock_ahead_ms += 1100;
	assert_int_equal(mailroom_commit(&test->room, MAILROOM_BODY "3\r\n", alice).outcome, COMMIT_DONE);
	assert_int_equal(house_count(&test->house, "alice/new", NULL), 1);
	assert_int_equal(house_count(&test->house, "moved/new", NULL), 2);
}

static void
without_rights_nothing_is_written(void **state)
{
	struct test *test = *state;
	char path[1024];

	assert_int_equal(mkdir(house_path(&test->house, "root/alice", path), 0500), 0);
	assert_int_equal(mailroom_commit(&test->room, MAILROOM_BODY, alice).outcome, COMMIT_TROUBLE);
	assert_int_equal(house_count(&test->house, "alice", NULL), 0);
	assert_int_equal(chmod(path, 0700), 0);
	if (geteuid() != 0)
		return;
	/* Another's mailbox, which root could write to. */
	assert_int_equal(chown(path, 65534, 65534), 0);
	struct commit_result result = mailroom_commit(&test->room, MAILROOM_BODY, alice);
	assert_int_equal(result.outcome, COMMIT_TROUBLE);
	assert_non_null(strstr(result.text, "another user"));
	assert_int_equal(house_count(&test->house, "alice", NULL), 0);
}

static void
what_cannot_be_remembered_is_not_delivered(void **state)
{
	struct test *test = *state;
	char path[1024];

	/* Somebody has put a folder where the new journal would be written, and the old one is gone. */
	mailroom_close(&test->room);
	assert_int_equal(unlink(house_path(&test->house, "journal/unread", path)), 0);
	assert_int_equal(mkdir(house_path(&test->house, "journal/unread.fresh", path), 0700), 0);
	mailroom_open(&test->room, &test->house, 1);
	struct commit_result result = mailroom_commit(&test->room, MAILROOM_BODY, alice);
	assert_int_equal(result.outcome, COMMIT_TROUBLE);
	assert_non_null(strstr(result.text, "journal"));
	assert_int_equal(house_count(&test->house, "alice/new", NULL), 0);
	assert_int_equal(house_count(&test->house, "alice/tmp", NULL), 0);
	/* As soon as it can be written again, mail goes on. */
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mailroom_commit(&test->room, MAILROOM_BODY, alice).outcome, COMMIT_DONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_copy_has_our_fields_and_every_byte, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_mailbox_gets_its_own_copy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(too_late_is_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(trouble_at_one_mailbox_spares_the_others, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_mailbox_replaced_between_two_messages_is_noticed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_rights_nothing_is_written, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_cannot_be_remembered_is_not_delivered, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
