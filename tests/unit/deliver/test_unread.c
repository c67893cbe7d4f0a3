/* Tests of deliver/unread.c with its table and its file.
 *
 * On failure: cmocka names the line; the temporary folder stays.
 */
#include "tests/unit/deliver/house.h"

#include "deliver/journal_file.h"
#include "deliver/unread.h"

enum { EDGE = 1, NOW = 1700000000, LIFE = 1000 };

static const uint8_t a_digest[JOURNAL_DIGEST_BYTES] = { 1, 2, 3 };
static const uint8_t b_digest[JOURNAL_DIGEST_BYTES] = { 4, 5, 6 };

/* What the looks shall answer, and what they were asked. */
struct looks {
	bool answer;
	unsigned count;
	bool did_gone_count;
	struct journal_copy last;
};

struct test {
	struct house house;
	struct looks looks;
	struct unread *unread;
};

static bool
look(const void *context, const struct journal_copy *copy, bool does_gone_count)
{
	struct looks *looks = (struct looks *)(uintptr_t)context;

	looks->count++;
	looks->did_gone_count = does_gone_count;
	looks->last = *copy;
	return looks->answer;
}

static void
clean(const void *context, const struct journal_copy *copy)
{
	(void)context;
	(void)copy;
}

static void
open_set(struct test *test, uint8_t boot, uint64_t now_seconds)
{
	struct unread_options options = { .folder = test->house.journal,
		.boot = { boot },
		.life_seconds = LIFE,
		.now_seconds = now_seconds,
		.look = look,
		.clean = clean,
		.context = &test->looks };

	test->looks.count = 0;
	test->unread = unread_open(&options);
	assert_non_null(test->unread);
	unread_edge_open(test->unread, EDGE);
}

static int
set_up(void **state)
{
	static struct test test;

	memset(&test, 0, sizeof test);
	house_build_fast(&test.house);
	test.looks.answer = true;
	open_set(&test, 1, NOW);
	*state = &test;
	return 0;
}

static int
tear_down(void **state)
{
	struct test *test = *state;

	unread_close(test->unread);
	house_tear_down(&test->house);
	return 0;
}

static void
restart(struct test *test, uint8_t boot, uint64_t now_seconds)
{
	unread_close(test->unread);
	open_set(test, boot, now_seconds);
}

/* Reserves, records and keeps one copy; its serial. */
static uint64_t
deliver(struct test *test, const uint8_t *digest, const char *path, uint64_t now_seconds)
{
	struct unread_copy copy;

	assert_int_equal(unread_reserve(test->unread, digest, 0, path, now_seconds, &copy), UNREAD_FRESH);
	const struct unread_file file = { copy.serial, "1.M2P3Q4.mx,S=5" };
	assert_true(unread_record(test->unread, digest, &file, 1, now_seconds));
	unread_keep(test->unread, copy.serial, true);
	return copy.serial;
}

static enum unread_answer
ask(struct test *test, const uint8_t *digest, const char *path, uint64_t now_seconds)
{
	struct unread_copy copy;
	enum unread_answer answer = unread_reserve(test->unread, digest, 0, path, now_seconds, &copy);

	if (answer == UNREAD_FRESH)
		unread_cancel(test->unread, copy.serial);
	return answer;
}

static void
a_copy_goes_through_its_states(void **state)
{
	struct test *test = *state;
	struct unread_copy copy;
	struct unread_copy other;

	assert_int_equal(unread_reserve(test->unread, a_digest, 0, "alice", NOW, &copy), UNREAD_FRESH);
	assert_int_equal(unread_reserve(test->unread, a_digest, 0, "alice", NOW, &other), UNREAD_BUSY);
	assert_int_equal(ask(test, a_digest, "bob", NOW), UNREAD_FRESH);
	assert_int_equal(ask(test, b_digest, "alice", NOW), UNREAD_FRESH);
	assert_int_equal(unread_reserve(test->unread, a_digest, 1, "alice", NOW, &other), UNREAD_FRESH);
	unread_cancel(test->unread, other.serial);
	const struct unread_file file = { copy.serial, "1.M2P3Q4.mx,S=5" };
	assert_true(unread_record(test->unread, a_digest, &file, 1, NOW));
	assert_int_equal(unread_reserve(test->unread, a_digest, 0, "alice", NOW, &other), UNREAD_BUSY);
	unread_keep(test->unread, copy.serial, true);
	assert_int_equal(unread_reserve(test->unread, a_digest, 0, "alice", NOW, &other), UNREAD_BEFORE);
	assert_int_equal(other.serial, copy.serial);
	assert_false(other.needs_sync);
	assert_true(unread_void(test->unread, &copy.serial, 1));
	assert_int_equal(ask(test, a_digest, "alice", NOW), UNREAD_FRESH);
	assert_int_equal(unread_count(test->unread), 0);
}

static void
a_restart_asks_the_mailbox(void **state)
{
	struct test *test = *state;
	struct unread_copy copy;

	uint64_t serial = deliver(test, a_digest, "example.org/a b%", NOW);
	restart(test, 1, NOW);
	assert_int_equal(test->looks.count, 1);
	assert_true(test->looks.did_gone_count);
	assert_string_equal(test->looks.last.path, "example.org/a b%");
	assert_string_equal(test->looks.last.file, "1.M2P3Q4.mx,S=5");
	assert_int_equal(unread_reserve(test->unread, a_digest, 0, "example.org/a b%", NOW, &copy), UNREAD_BEFORE);
	assert_int_equal(copy.serial, serial);
	assert_true(copy.needs_sync);
	/* What is found counts as of this boot from now on. */
	restart(test, 2, NOW);
	assert_false(test->looks.did_gone_count);
	restart(test, 2, NOW);
	assert_true(test->looks.did_gone_count);
	restart(test, 0, NOW);
	restart(test, 0, NOW);
	assert_int_equal(test->looks.count, 1);
	assert_false(test->looks.did_gone_count);
	test->looks.answer = false;
	restart(test, 2, NOW);
	assert_int_equal(unread_count(test->unread), 0);
	restart(test, 2, NOW);
	assert_int_equal(test->looks.count, 0);
}

static void
what_is_settled_is_gone_after_a_flush(void **state)
{
	struct test *test = *state;
	uint64_t serials[2] = { deliver(test, a_digest, "alice", NOW), deliver(test, a_digest, "bob", NOW) };
	uint32_t receipt = unread_receipt(test->unread, EDGE, serials, 2);

	assert_int_not_equal(receipt, 0);
	assert_true(unread_settle(test->unread, EDGE, receipt));
	assert_int_equal(unread_count(test->unread), 0);
	assert_int_equal(ask(test, a_digest, "alice", NOW), UNREAD_FRESH);
	assert_true(unread_flush(test->unread));
	restart(test, 1, NOW);
	assert_int_equal(test->looks.count, 0);
	/* The next commit writes it as well. */
	uint64_t serial = deliver(test, a_digest, "alice", NOW);
	receipt = unread_receipt(test->unread, EDGE, &serial, 1);
	assert_true(unread_settle(test->unread, EDGE, receipt));
	(void)deliver(test, b_digest, "alice", NOW);
	restart(test, 1, NOW);
	assert_int_equal(test->looks.count, 1);
	assert_int_equal(ask(test, a_digest, "alice", NOW), UNREAD_FRESH);
	assert_int_equal(ask(test, b_digest, "alice", NOW), UNREAD_BEFORE);
}

static void
memory_ends(void **state)
{
	struct test *test = *state;

	(void)deliver(test, a_digest, "alice", NOW);
	assert_int_equal(ask(test, a_digest, "alice", NOW + LIFE), UNREAD_BEFORE);
	assert_int_equal(ask(test, a_digest, "alice", NOW - 5), UNREAD_BEFORE); /* a clock set back */
	assert_int_equal(ask(test, a_digest, "alice", NOW + LIFE + 1), UNREAD_FRESH);
	(void)deliver(test, a_digest, "alice", NOW);
	unread_set_life(test->unread, 1);
	assert_int_equal(ask(test, a_digest, "alice", NOW + 2), UNREAD_FRESH);
	(void)deliver(test, a_digest, "alice", NOW);
	restart(test, 1, NOW + LIFE + 1);
	assert_int_equal(unread_count(test->unread), 0);
}

static void
a_broken_journal_loses_no_more_than_its_broken_lines(void **state)
{
	struct test *test = *state;
	char path[1024];
	struct stat about;

	(void)deliver(test, a_digest, "alice", NOW);
	(void)deliver(test, b_digest, "bob", NOW);
	unread_close(test->unread);
	house_path(&test->house, "journal/unread", path);
	assert_int_equal(stat(path, &about), 0);
	/* The last line is cut off; before it somebody's zeros. */
	assert_int_equal(truncate(path, about.st_size - 3), 0);
	open_set(test, 1, NOW);
	assert_int_equal(unread_count(test->unread), 1);
	assert_int_equal(ask(test, a_digest, "alice", NOW), UNREAD_BEFORE);
	unread_close(test->unread);
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	static const char zeros[5000];
	assert_int_equal(write(fd, zeros, sizeof zeros), sizeof zeros);
	assert_int_equal(write(fd, "\n- nonsense\n", 12), 12);
	(void)close(fd);
	open_set(test, 1, NOW);
	assert_int_equal(unread_count(test->unread), 1);
}

static void
count_record(void *context, struct journal_record *record)
{
	unsigned *counts = context;

	counts[record->kind]++;
}

/* A line of which all but the LF was written belongs to a commit that was refused: the next one must not make it whole.
 */
static void
a_line_that_lacks_its_end_is_never_whole(void **state)
{
	struct test *test = *state;
	struct journal_file file = { .folder = test->house.journal, .fd = -1 };
	struct buf line = BUF_LIMIT(4096);
	unsigned counts[2] = { 0 };

	journal_append_head(&line, a_digest, a_digest, NOW, 1);
	journal_append_copy(&line, 1, 0, "alice", "1.M2P3Q4.mx,S=5");
	journal_append_end(&line);
	assert_true(buf_ok(&line));
	for (size_t missing = 1; missing < line.length; missing++) {
		assert_true(journal_file_rewrite(&file, span_take(buf_span(&line), line.length - missing)));
		file.is_torn = true;
		assert_true(journal_file_append(&file, SPAN("- 7 .\n")));
		assert_true(journal_file_append(&file, SPAN("- 8 .\n")));
		counts[JOURNAL_FORGET] = 0;
		assert_true(journal_file_read(file.folder, count_record, counts));
		assert_int_equal(counts[JOURNAL_REMEMBER], 0);
		assert_int_equal(counts[JOURNAL_FORGET], 2);
	}
	journal_file_close(&file);
	buf_free(&line);
}

static void
a_long_journal_is_rewritten(void **state)
{
	struct test *test = *state;
	char path[1024];
	struct stat about;
	char box[900];

	memset(box, 'x', sizeof box);
	box[sizeof box - 1] = '\0';
	/* 40 MB of lines, all settled but one. */
	uint64_t kept = deliver(test, b_digest, "alice", NOW);
	for (unsigned i = 0; i < 40000; i++) {
		uint64_t serial = deliver(test, a_digest, box, NOW);
		uint32_t receipt = unread_receipt(test->unread, EDGE, &serial, 1);
		assert_true(unread_settle(test->unread, EDGE, receipt));
	}
	assert_true(unread_flush(test->unread));
	assert_int_equal(stat(house_path(&test->house, "journal/unread", path), &about), 0);
	assert_true(about.st_size < 20 << 20);
	restart(test, 1, NOW);
	assert_int_equal(test->looks.count, 1);
	assert_int_equal(test->looks.last.serial, kept);
}

/* Long paths, with every byte escaped, do not keep the journal from being written anew. */
static void
a_journal_of_long_lines_is_rewritten(void **state)
{
	enum { COPIES = 28000, LINE_BYTES = 2500 };
	struct test *test = *state;
	char box[900];
	struct stat about;
	char path[1024];

	memset(box, '\xc3', sizeof box);
	for (unsigned i = 0; i < COPIES; i++) {
		(void)snprintf(box + 840, sizeof box - 840, "%u", i);
		(void)deliver(test, a_digest, box, NOW);
	}
	restart(test, 1, NOW);
	assert_int_equal(unread_count(test->unread), COPIES);
	(void)deliver(test, b_digest, "alice", NOW);
	assert_int_equal(stat(house_path(&test->house, "journal/unread", path), &about), 0);
	assert_true(about.st_size > (off_t)COPIES * LINE_BYTES);
}

static void
the_oldest_make_room(void **state)
{
	struct test *test = *state;
	char box[32];

	for (unsigned i = 0; i < UNREAD_ENTRIES_MAX + 10; i++) {
		(void)snprintf(box, sizeof box, "box%u", i);
		(void)deliver(test, a_digest, box, NOW);
	}
	assert_int_equal(unread_count(test->unread), UNREAD_ENTRIES_MAX);
	assert_int_equal(ask(test, a_digest, "box9", NOW), UNREAD_FRESH);
	assert_int_equal(ask(test, a_digest, "box10", NOW), UNREAD_BEFORE);
}

int
main(void)
{
#define IN_HOUSE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		IN_HOUSE(a_copy_goes_through_its_states),
		IN_HOUSE(a_restart_asks_the_mailbox),
		IN_HOUSE(what_is_settled_is_gone_after_a_flush),
		IN_HOUSE(memory_ends),
		IN_HOUSE(a_broken_journal_loses_no_more_than_its_broken_lines),
		IN_HOUSE(a_line_that_lacks_its_end_is_never_whole),
		IN_HOUSE(a_long_journal_is_rewritten),
		IN_HOUSE(a_journal_of_long_lines_is_rewritten),
		IN_HOUSE(the_oldest_make_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
