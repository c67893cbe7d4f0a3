/* Tests of deliver/journal.c: lines written are lines read, and no cut or broken line is taken.
 *
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "deliver/journal.h"

static const uint8_t a_digest[JOURNAL_DIGEST_BYTES] = { 1, 2, 0xab, [31] = 0xff };
static const uint8_t a_boot[JOURNAL_BOOT_BYTES] = { 9, [15] = 0x10 };

static void
build_commit(struct buf *line)
{
	journal_append_head(line, a_digest, a_boot, 1700000000, 2);
	journal_append_copy(line, 41, 0, "example.org/alice", "1.M2P3Q4.mx,S=5");
	journal_append_copy(line, 42, 3, "a b%\xc3\xbc\n/c", "x y");
	journal_append_end(line);
}

/* The line without its LF. */
static struct span
content(const struct buf *line)
{
	assert_int_equal(line->data[line->length - 1], '\n');
	return span_make(line->data, line->length - 1);
}

static void
a_commit_is_read_as_written(void **state)
{
	struct buf line = BUF_LIMIT(4096);
	struct journal_record record;
	struct journal_copy copy;
	uint64_t serial;

	(void)state;
	build_commit(&line);
	assert_int_equal(span_find(content(&line), '\n'), content(&line).length);
	assert_true(journal_parse(content(&line), &record));
	assert_int_equal(record.kind, JOURNAL_REMEMBER);
	assert_memory_equal(record.digest, a_digest, sizeof a_digest);
	assert_memory_equal(record.boot, a_boot, sizeof a_boot);
	assert_int_equal(record.seconds, 1700000000);
	assert_int_equal(record.count, 2);
	assert_false(journal_next_serial(&record, &serial));
	assert_true(journal_next_copy(&record, &copy));
	assert_int_equal(copy.serial, 41);
	assert_int_equal(copy.root, 0);
	assert_string_equal(copy.path, "example.org/alice");
	assert_string_equal(copy.file, "1.M2P3Q4.mx,S=5");
	assert_true(journal_next_copy(&record, &copy));
	assert_int_equal(copy.serial, 42);
	assert_int_equal(copy.root, 3);
	assert_string_equal(copy.path, "a b%\xc3\xbc\n/c");
	assert_string_equal(copy.file, "x y");
	assert_false(journal_next_copy(&record, &copy));
	buf_free(&line);
}

static void
serials_are_read_as_written(void **state)
{
	struct buf line = BUF_LIMIT(4096);
	struct journal_record record;
	uint64_t serial;

	(void)state;
	journal_append_forget(&line);
	journal_append_serial(&line, 7);
	journal_append_serial(&line, 123456789012345678);
	journal_append_end(&line);
	assert_string_equal(buf_text(&line), "- 7 123456789012345678 .\n");
	assert_true(journal_parse(content(&line), &record));
	assert_int_equal(record.kind, JOURNAL_FORGET);
	assert_true(journal_next_serial(&record, &serial));
	assert_int_equal(serial, 7);
	assert_true(journal_next_serial(&record, &serial));
	assert_int_equal(serial, 123456789012345678);
	assert_false(journal_next_serial(&record, &serial));
	buf_free(&line);
}

static void
a_line_that_was_cut_off_is_none(void **state)
{
	struct buf line = BUF_LIMIT(4096);
	struct journal_record record;

	(void)state;
	build_commit(&line);
	struct span whole = content(&line);
	for (size_t length = 0; length < whole.length; length++)
		assert_false(journal_parse(span_take(whole, length), &record));
	buf_free(&line);
}

static void
nonsense_is_no_line(void **state)
{
	static const char *const lines[] = {
		"",
		".",
		"+",
		"-",
		"- ",
		"- 1",
		"- 1.",
		"- 1  .",
		"- x .",
		"- 1 . ",
		"- 1234567890123456789 .",
		"* 1 .",
		"- -1 .",
		"+ 00 00 1 0 .",
		/* A count that is greater, or less, than the copies. */
		"+ 0000000000000000000000000000000000000000000000000000000000000000 00000000000000000000000000000000 1 "
		"2 "
		"1 0 a b .",
		"+ 0000000000000000000000000000000000000000000000000000000000000000 00000000000000000000000000000000 1 "
		"0 "
		"1 0 a b .",
		/* An escaped NUL, and escapes that are cut off or no hex. */
		"+ 0000000000000000000000000000000000000000000000000000000000000000 00000000000000000000000000000000 1 "
		"1 "
		"1 0 a%00 b .",
		"+ 0000000000000000000000000000000000000000000000000000000000000000 00000000000000000000000000000000 1 "
		"1 "
		"1 0 a%4 b .",
		"+ 0000000000000000000000000000000000000000000000000000000000000000 00000000000000000000000000000000 1 "
		"1 "
		"1 0 a%gg b .",
		"+ 0000000000000000000000000000000000000000000000000000000000000000 00000000000000000000000000000000 1 "
		"1 "
		"1 256 a b .",
	};
	struct journal_record record;

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		assert_false(journal_parse(span_of(lines[i]), &record));
	assert_true(journal_parse(SPAN("+ 0000000000000000000000000000000000000000000000000000000000000000 "
				       "00000000000000000000000000000000 1 1 1 255 a b ."),
	    &record));
	assert_true(journal_parse(SPAN("- ."), &record));
}

static void
names_that_are_too_long_are_refused(void **state)
{
	struct buf line = BUF_LIMIT(8192);
	struct journal_record record;
	char path[JOURNAL_PATH_SIZE + 1];

	(void)state;
	memset(path, 'p', sizeof path);
	path[JOURNAL_PATH_SIZE - 1] = '\0';
	journal_append_head(&line, a_digest, a_boot, 1, 1);
	journal_append_copy(&line, 1, 0, path, "f");
	journal_append_end(&line);
	assert_true(journal_parse(content(&line), &record));
	buf_reset(&line);
	path[JOURNAL_PATH_SIZE - 1] = 'p';
	path[JOURNAL_PATH_SIZE] = '\0';
	journal_append_head(&line, a_digest, a_boot, 1, 1);
	journal_append_copy(&line, 1, 0, path, "f");
	journal_append_end(&line);
	assert_false(journal_parse(content(&line), &record));
	buf_free(&line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_commit_is_read_as_written),
		cmocka_unit_test(serials_are_read_as_written),
		cmocka_unit_test(a_line_that_was_cut_off_is_none),
		cmocka_unit_test(nonsense_is_no_line),
		cmocka_unit_test(names_that_are_too_long_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
