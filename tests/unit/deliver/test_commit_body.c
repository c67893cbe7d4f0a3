/* Tests of deliver/commit.c: bodies in descriptors, and such as are not what was judged.
 *
 * On failure: cmocka names the line; the temporary folder stays.
 */
#include "tests/unit/deliver/commit_fixture.h"

#include <sys/mman.h>

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bodies_come_from_memory_files_and_spool_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_not_what_it_claims_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(descriptors_that_could_change_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_body_changed_after_judgement_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_body_changed_while_it_is_written_is_refused, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
