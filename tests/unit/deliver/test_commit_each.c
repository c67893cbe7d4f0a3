/* Tests of deliver/commit.c where each recipient stands for itself (PRDR): who gets the message, what each is told, and
 * what a retry finds.
 *
 * On failure: cmocka names the line; the temporary folder stays.
 */
#include "tests/unit/deliver/mailroom.h"

static const char *const three[] = { "alice", "bob", "carol", NULL };
static const char *const bob[] = { "bob", NULL };

struct test {
	struct house house;
	struct mailroom room;
};

static int
set_up(void **state)
{
	static struct test test;

	house_build(&test.house);
	mailroom_open(&test.room, &test.house, 1);
	*state = &test;
	return 0;
}

static int
tear_down(void **state)
{
	struct test *test = *state;

	mailroom_close(&test->room);
	house_tear_down(&test->house);
	return 0;
}

/* Nothing can be delivered to a mailbox that is a link. */
static void
break_mailbox(struct test *test, const char *name)
{
	char place[64];
	char path[1024];

	(void)snprintf(place, sizeof place, "root/%s", name);
	assert_int_equal(symlink("/tmp", house_path(&test->house, place, path)), 0);
}

static void
mend_mailbox(struct test *test, const char *name)
{
	char place[64];
	char path[1024];

	(void)snprintf(place, sizeof place, "root/%s", name);
	assert_int_equal(unlink(house_path(&test->house, place, path)), 0);
}

/* A letter an outcome: D done, B done before, R no room, T trouble, L late, X refused. */
static void
check_outcomes(const struct commit_result *result, const char *expected)
{
	static const char letters[] = "DBRTLX";
	char text[16] = "";

	assert_true(result->outcome_count < sizeof text);
	for (size_t i = 0; i < result->outcome_count; i++)
		text[i] = letters[result->outcomes[i]];
	assert_string_equal(text, expected);
}

static void
check_counts(struct test *test, int alice_new, int bob_new, int carol_new)
{
	assert_int_equal(house_count(&test->house, "alice/new", NULL), alice_new);
	assert_int_equal(house_count(&test->house, "bob/new", NULL), bob_new);
	assert_int_equal(house_count(&test->house, "carol/new", NULL), carol_new);
	assert_true(house_count(&test->house, "alice/tmp", NULL) <= 0);
	assert_true(house_count(&test->house, "bob/tmp", NULL) <= 0);
	assert_true(house_count(&test->house, "carol/tmp", NULL) <= 0);
}

static void
all_get_it_when_all_can(void **state)
{
	struct test *test = *state;
	struct commit_result result = mailroom_commit_each(&test->room, MAILROOM_BODY, three);

	assert_int_equal(result.outcome, COMMIT_DONE);
	assert_int_equal(result.copies, 3);
	check_outcomes(&result, "DDD");
	assert_string_equal(result.text, "");
	check_counts(test, 1, 1, 1);
	assert_true(unread_settle(test->room.unread, MAILROOM_EDGE, result.receipt));
	assert_int_equal(unread_count(test->room.unread), 0);
}

static void
one_that_cannot_takes_nobody_with_it(void **state)
{
	struct test *test = *state;

	break_mailbox(test, "bob");
	struct commit_result result = mailroom_commit_each(&test->room, MAILROOM_BODY, three);
	assert_int_equal(result.outcome, COMMIT_DONE);
	assert_int_equal(result.copies, 2);
	check_outcomes(&result, "DTD");
	assert_non_null(strstr(result.text, "bob@example.org"));
	check_counts(test, 1, -1, 1);
	/* What was delivered waits for its receipt, what was not is not remembered. */
	assert_int_equal(unread_count(test->room.unread), 2);
	assert_true(unread_settle(test->room.unread, MAILROOM_EDGE, result.receipt));
	assert_int_equal(unread_count(test->room.unread), 0);
	/* The retry is for the one alone, and brings nobody a second copy. */
	mend_mailbox(test, "bob");
	result = mailroom_commit_each(&test->room, MAILROOM_BODY, bob);
	check_outcomes(&result, "D");
	check_counts(test, 1, 1, 1);
}

static void
a_reply_that_was_cut_off_makes_no_second_copy(void **state)
{
	struct test *test = *state;

	break_mailbox(test, "bob");
	(void)mailroom_commit_each(&test->room, MAILROOM_BODY, three);
	/* All come again, as nobody has heard anything: first with the same trouble, then without. */
	struct commit_result result = mailroom_commit_each(&test->room, MAILROOM_BODY, three);
	assert_int_equal(result.outcome, COMMIT_DONE_BEFORE);
	assert_int_equal(result.copies, 0);
	check_outcomes(&result, "BTB");
	assert_int_not_equal(result.receipt, 0);
	mend_mailbox(test, "bob");
	result = mailroom_commit_each(&test->room, MAILROOM_BODY, three);
	assert_int_equal(result.outcome, COMMIT_DONE);
	check_outcomes(&result, "BDB");
	check_counts(test, 1, 1, 1);
	/* In the other mode, too. */
	result = mailroom_commit(&test->room, MAILROOM_BODY, three);
	assert_int_equal(result.outcome, COMMIT_DONE_BEFORE);
	assert_int_equal(result.outcome_count, 0);
	check_counts(test, 1, 1, 1);
	assert_true(unread_settle(test->room.unread, MAILROOM_EDGE, result.receipt));
	assert_int_equal(unread_count(test->room.unread), 0);
}

static void
a_restart_remembers_those_that_were_delivered(void **state)
{
	struct test *test = *state;

	break_mailbox(test, "bob");
	(void)mailroom_commit_each(&test->room, MAILROOM_BODY, three);
	mailroom_close(&test->room);
	mailroom_open(&test->room, &test->house, 1);
	assert_int_equal(unread_count(test->room.unread), 2);
	mend_mailbox(test, "bob");
	struct commit_result result = mailroom_commit_each(&test->room, MAILROOM_BODY, three);
	check_outcomes(&result, "BDB");
	check_counts(test, 1, 1, 1);
}

static void
nobody_can_is_an_outcome_each(void **state)
{
	struct test *test = *state;

	for (size_t i = 0; three[i]; i++)
		break_mailbox(test, three[i]);
	struct commit_result result = mailroom_commit_each(&test->room, MAILROOM_BODY, three);
	assert_int_equal(result.outcome, COMMIT_TROUBLE);
	check_outcomes(&result, "TTT");
	assert_int_equal(result.receipt, 0);
	assert_int_equal(unread_count(test->room.unread), 0);
	/* The claim is still smtpd's. */
	assert_true(claim_take(test->room.claims, 0, CLAIM_GIVEN_UP));
}

/* Recipients: alice; an alias of bob and carol. */
static struct commit_result
commit_alias(struct test *test)
{
	struct commit commit;

	mailroom_prepare(&test->room, &commit, MAILROOM_BODY, three);
	commit.is_by_recipient = true;
	commit.redeemed.destinations[2].party = 1;
	commit.redeemed.handle_count = commit.redeemed.party_count = 2;
	return mailroom_run(&test->room, &commit);
}

static void
copies_of_one_recipient_are_all_or_none(void **state)
{
	struct test *test = *state;

	break_mailbox(test, "carol");
	struct commit_result result = commit_alias(test);
	check_outcomes(&result, "DT");
	assert_int_equal(result.copies, 1);
	assert_int_equal(house_count(&test->house, "alice/new", NULL), 1);
	assert_int_equal(house_count(&test->house, "bob/new", NULL), 0);
	assert_int_equal(house_count(&test->house, "bob/tmp", NULL), 0);
	mend_mailbox(test, "carol");
	result = commit_alias(test);
	check_outcomes(&result, "BD");
	check_counts(test, 1, 1, 1);
}

/* Recipients: alice; bob; and carol, who shares a mailbox with bob. */
static void
those_of_one_party_hear_the_same(void **state)
{
	static const char *const two[] = { "alice", "bob", NULL };
	struct test *test = *state;
	struct commit_result result;

	for (int is_broken = 1; is_broken >= 0; is_broken--) {
		unsigned parties[] = { 0, 1, 1 };
		struct commit commit;

		if (is_broken)
			break_mailbox(test, "bob");
		mailroom_prepare(&test->room, &commit, MAILROOM_BODY, two);
		commit.is_by_recipient = true;
		commit.redeemed.parties = parties;
		commit.redeemed.handle_count = 3;
		result = mailroom_run(&test->room, &commit);
		check_outcomes(&result, is_broken ? "DTT" : "BDD");
		if (is_broken)
			mend_mailbox(test, "bob");
	}
	check_counts(test, 1, 1, -1);
}

static void
what_concerns_the_message_or_the_time_ends_it_for_all(void **state)
{
	struct test *test = *state;
	struct commit commit;

	mailroom_prepare(&test->room, &commit, MAILROOM_BODY, three);
	commit.is_by_recipient = true;
	commit.message.body.digest[0] ^= 1;
	struct commit_result result = mailroom_run(&test->room, &commit);
	assert_int_equal(result.outcome, COMMIT_REFUSED);
	assert_int_equal(result.outcome_count, 0);
	/* Also where one had failed before. */
	break_mailbox(test, "bob");
	mailroom_prepare(&test->room, &commit, MAILROOM_BODY, three);
	commit.is_by_recipient = true;
	assert_true(claim_take(test->room.claims, 0, CLAIM_GIVEN_UP));
	result = mailroom_run(&test->room, &commit);
	assert_int_equal(result.outcome, COMMIT_LATE);
	assert_int_equal(result.outcome_count, 0);
	check_counts(test, 0, -1, 0);
	assert_int_equal(unread_count(test->room.unread), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_get_it_when_all_can, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_cannot_takes_nobody_with_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_reply_that_was_cut_off_makes_no_second_copy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_restart_remembers_those_that_were_delivered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nobody_can_is_an_outcome_each, set_up, tear_down),
		cmocka_unit_test_setup_teardown(copies_of_one_recipient_are_all_or_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(those_of_one_party_hear_the_same, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    what_concerns_the_message_or_the_time_ends_it_for_all, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
