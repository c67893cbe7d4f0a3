/* Tests of deliver/commit.c with copy.c, folders.c and unread.c: what lands in mailboxes, all or nothing, and what a
 * retry finds.
 *
 * On failure: cmocka names the line; the temporary folder stays.
 */
#include "tests/unit/deliver/mailroom.h"

#include <sys/mman.h>

static const char *const alice[] = { "alice", NULL };
static const char *const alice_and_bob[] = { "alice", "bob", NULL };

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

static void
restart(struct test *test, uint8_t boot)
{
	mailroom_close(&test->room);
	mailroom_open(&test->room, &test->house, boot);
}

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
	(void)snprintf(path, sizeof path, "%s/root/alice/new/%s", test->house.path, name);
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

/* A body of so many bytes with a Message-ID, in a memory file (all seals) or an unlinked file. */
static int
make_body_file(const struct house *house, size_t length, bool in_memory, int write_to[static 1])
{
	char path[1024];
	char *text = malloc(length);

	assert_non_null(text);
	for (size_t i = 0; i < length; i++)
		text[i] = i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : 'a';
	memcpy(text, MAILROOM_BODY, sizeof MAILROOM_BODY - 1);
	house_path(house, "spool", path);
	int fd = in_memory ? memfd_create("body", MFD_CLOEXEC | MFD_ALLOW_SEALING)
			   : open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, length), (ssize_t)length);
	free(text);
	if (in_memory)
		return fd;
	int reader = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(reader >= 0);
	assert_int_equal(unlink(path), 0);
	*write_to = fd;
	return reader;
}

static void
give_file(struct commit *commit, int fd)
{
	struct sha256 *hash = sha256_new();
	char piece[4096];
	ssize_t got;
	off_t at = 0;

	sha256_begin(hash);
	for (got = pread(fd, piece, sizeof piece, at); got > 0; got = pread(fd, piece, sizeof piece, at)) {
		sha256_add(hash, span_make(piece, (size_t)got));
		at += got;
	}
	commit->message.body.bytes = span_make("", 0);
	commit->message.body.fd = fd;
	commit->message.body.length_bytes = (uint64_t)at;
	assert_true(sha256_end(hash, commit->message.body.digest));
	sha256_free(hash);
}

static void
bodies_come_from_memory_files_and_spool_files(void **state)
{
	enum { LENGTH = 3 * BODY_PIECE_BYTES + 62 + 1 }; /* a piece ends between CR and LF; the end is a bare CR */
	struct test *test = *state;

	for (int in_memory = 0; in_memory <= 1; in_memory++) {
		const char *const paths[] = { in_memory ? "m" : "f", "both", NULL };
		struct commit commit;
		char name[256];
		int writer = -1;
		int fd = make_body_file(&test->house, LENGTH, in_memory, &writer);

		if (in_memory)
			assert_int_equal(
			    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
		mailroom_prepare(&test->room, &commit, "", paths);
		give_file(&commit, fd);
		if (in_memory)
			commit.message.mailfrom = SPAN("other@example.net"); /* else `both` would have it already */
		struct commit_result result = mailroom_run(&test->room, &commit);
		assert_string_equal(result.text, "");
		assert_int_equal(result.outcome, COMMIT_DONE);
		assert_int_equal(house_count(&test->house, in_memory ? "m/new" : "f/new", name), 1);
		char *text = house_read(&test->house, in_memory ? "m/new" : "f/new", name);
		const char *body = strstr(text, "Message-ID");
		assert_non_null(body);
		/* Every CRLF is one byte now; the bare CR at the end is still there. */
		size_t pairs = LENGTH / 64 + 3; /* the text over the first 64 bytes has its own */
		assert_true(strlen(body) <= LENGTH - pairs + 2 && strlen(body) >= LENGTH - pairs - 2);
		assert_null(strstr(body, "\r\n"));
		assert_int_equal(body[strlen(body) - 1], '\r');
		free(text);
		(void)close(fd);
		if (writer >= 0)
			(void)close(writer);
	}
	assert_int_equal(house_count(&test->house, "both/new", NULL), 2);
}

static void
check_refused(struct test *test, struct commit *commit)
{
	struct commit_result result = mailroom_run(&test->room, commit);

	assert_int_equal(result.outcome, COMMIT_REFUSED);
	assert_string_not_equal(result.text, "");
	assert_int_equal(result.receipt, 0);
	assert_true(house_count(&test->house, "alice/new", NULL) <= 0);
	assert_true(house_count(&test->house, "alice/tmp", NULL) <= 0);
	assert_int_equal(unread_count(test->room.unread), 0);
}

static void
what_is_not_what_it_claims_is_refused(void **state)
{
	struct test *test = *state;
	struct commit commit;

	mailroom_prepare(&test->room, &commit, MAILROOM_BODY, alice);
	commit.message.body.digest[0] ^= 1;
	check_refused(test, &commit);
	mailroom_prepare(&test->room, &commit, MAILROOM_BODY, alice);
	commit.message.body.length_bytes++;
	check_refused(test, &commit);
	mailroom_prepare(&test->room, &commit, MAILROOM_BODY, alice);
	commit.message.mailfrom = SPAN("a@b>\nX: y");
	check_refused(test, &commit);
	mailroom_prepare(&test->room, &commit, MAILROOM_BODY, alice);
	commit.message.trace = SPAN("Received: x\n\nbody");
	check_refused(test, &commit);
}

static void
descriptors_that_could_change_are_refused(void **state)
{
	struct test *test = *state;
	struct commit commit;
	int pipes[2];
	int writer = -1;

	/* A memory file without seals, and with all but one. */
	int fd = make_body_file(&test->house, 4096, true, &writer);
	mailroom_prepare(&test->room, &commit, "", alice);
	give_file(&commit, fd);
	check_refused(test, &commit);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
	mailroom_prepare(&test->room, &commit, "", alice);
	give_file(&commit, fd);
	check_refused(test, &commit);
	(void)close(fd);
	/* A spool file that may be written to through this very descriptor, a named file, a pipe. */
	int reader = make_body_file(&test->house, 4096, false, &writer);
	mailroom_prepare(&test->room, &commit, "", alice);
	give_file(&commit, writer);
	check_refused(test, &commit);
	(void)close(writer);
	(void)close(reader);
	house_write(&test->house, "named", MAILROOM_BODY);
	char path[1024];
	fd = open(house_path(&test->house, "named", path), O_RDONLY | O_CLOEXEC);
	mailroom_prepare(&test->room, &commit, "", alice);
	give_file(&commit, fd);
	check_refused(test, &commit);
	(void)close(fd);
	assert_int_equal(pipe(pipes), 0);
	mailroom_prepare(&test->room, &commit, "", alice);
	commit.message.body.fd = pipes[0];
	check_refused(test, &commit);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
}

static void
a_body_changed_after_judgement_is_refused(void **state)
{
	struct test *test = *state;
	struct commit commit;
	int writer = -1;
	int fd = make_body_file(&test->house, 4096, false, &writer);

	mailroom_prepare(&test->room, &commit, "", alice);
	give_file(&commit, fd);
	assert_int_equal(pwrite(writer, "B", 1, 4000), 1);
	check_refused(test, &commit);
	mailroom_prepare(&test->room, &commit, "", alice);
	give_file(&commit, fd);
	assert_int_equal(ftruncate(writer, 100), 0);
	check_refused(test, &commit);
	(void)close(fd);
	(void)close(writer);
}

/* Between the judgement and the writing, which only a thread of smtpd's could time. */
static void
a_body_changed_while_it_is_written_is_refused(void **state)
{
	struct test *test = *state;
	struct commit commit;
	struct copy copy = { 0 };
	int writer = -1;
	int fd = make_body_file(&test->house, 3 * BODY_PIECE_BYTES, false, &writer);

	mailroom_prepare(&test->room, &commit, "", alice);
	give_file(&commit, fd);
	copy.to = commit.redeemed.destinations[0];
	assert_int_equal(pwrite(writer, "B", 1, 2 * BODY_PIECE_BYTES), 1);
	assert_int_equal(
	    copy_write(&test->room.delivery, test->room.scratch, &commit.message, &commit.redeemed.arena, &copy),
	    COPY_BODY_CHANGED);
	assert_int_equal(pwrite(writer, "a", 1, 2 * BODY_PIECE_BYTES), 1);
	assert_int_equal(ftruncate(writer, BODY_PIECE_BYTES + 1), 0);
	assert_int_equal(
	    copy_write(&test->room.delivery, test->room.scratch, &commit.message, &commit.redeemed.arena, &copy),
	    COPY_BODY_CHANGED);
	assert_int_equal(copy.place, COPY_NOT_WRITTEN);
	assert_int_equal(house_count(&test->house, "alice/tmp", NULL), 0);
	arena_reset(&commit.redeemed.arena);
	(void)close(fd);
	(void)close(writer);
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
	(void)snprintf(path, sizeof path, "%s/root/alice/cur/%s", test->house.path, name);
	assert_int_equal(unlink(path), 0);
	restart(test, 3);
	assert_int_equal(unread_count(test->room.unread), 0);
	assert_int_equal(mailroom_commit(&test->room, MAILROOM_BODY, alice).outcome, COMMIT_DONE);
	/* An unknown boot is never the same. */
	restart(test, 0);
	assert_int_equal(unread_count(test->room.unread), 1);
	assert_int_equal(house_count(&test->house, "alice/new", name), 1);
	(void)snprintf(path, sizeof path, "%s/root/alice/new/%s", test->house.path, name);
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
	(void)nftw(to, house_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	assert_int_equal(mailroom_commit(&test->room, MAILROOM_BODY "2\r\n", alice).outcome, COMMIT_DONE);
	assert_int_equal(house_count(&test->house, "alice/new", NULL), 1);
	/* Moved away: within a second. That it is still the same is found out as often. */
	(void)usleep(1100 * 1000);
	assert_int_equal(mailroom_commit(&test->room, MAILROOM_BODY "2b\r\n", alice).outcome, COMMIT_DONE);
	assert_int_equal(house_count(&test->house, "alice/new", NULL), 2);
	assert_int_equal(rename(from, house_path(&test->house, "root/moved", to)), 0);
	(void)usleep(1100 * 1000);
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
		cmocka_unit_test_setup_teardown(bodies_come_from_memory_files_and_spool_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_not_what_it_claims_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(descriptors_that_could_change_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_body_changed_after_judgement_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_body_changed_while_it_is_written_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(too_late_is_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_read_may_come_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_not_read_comes_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_what_is_missing_is_delivered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_identity_nothing_is_remembered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_restart_remembers_and_the_edge_does_not, set_up, tear_down),
		cmocka_unit_test_setup_teardown(after_another_boot_only_what_is_found_counts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(memory_fades_after_its_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(trouble_at_one_mailbox_spares_the_others, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_mailbox_replaced_between_two_messages_is_noticed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_rights_nothing_is_written, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_cannot_be_remembered_is_not_delivered, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
