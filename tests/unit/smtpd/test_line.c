/* smtpd/line.c: what is a command line and what is not, however the bytes arrive.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "smtpd/line.h"

struct taken {
	enum line_result result;
	struct span line;
	size_t bytes;
};

static struct taken
take(struct span bytes)
{
	struct taken taken;
	size_t scanned = 0;

	taken.result = line_take(bytes, LINE_LIMIT_BYTES, &scanned, &taken.line, &taken.bytes);
	if (taken.result != LINE_PARTIAL)
		assert_int_equal(scanned, 0);
	return taken;
}

/* The same, one more byte at a time, as a slow client sends it. */
static struct taken
take_slowly(struct span bytes)
{
	struct taken taken = { .result = LINE_PARTIAL };
	size_t scanned = 0;

	for (size_t n = 1; n <= bytes.length && taken.result == LINE_PARTIAL; n++)
		taken.result = line_take(span_take(bytes, n), LINE_LIMIT_BYTES, &scanned, &taken.line, &taken.bytes);
	return taken;
}

static void
assert_line(struct span bytes, struct span line)
{
	struct taken whole = take(bytes);
	struct taken slow = take_slowly(bytes);

	assert_int_equal(whole.result, LINE_WHOLE);
	assert_true(span_equal(whole.line, line));
	assert_int_equal(whole.bytes, line.length + 2);
	assert_int_equal(slow.result, LINE_WHOLE);
	assert_true(span_equal(slow.line, line));
	assert_int_equal(slow.bytes, line.length + 2);
}

static void
assert_no_line(struct span bytes, enum line_result result)
{
	assert_int_equal(take(bytes).result, result);
	assert_int_equal(take(bytes).bytes, 0);
	assert_int_equal(take_slowly(bytes).result, result);
}

static void
cuts_a_line_at_its_crlf(void **state)
{
	(void)state;
	assert_line(SPAN("QUIT\r\n"), SPAN("QUIT"));
	assert_line(SPAN("\r\n"), SPAN(""));
	assert_line(SPAN("NOOP\r\nQUIT\r\n"), SPAN("NOOP"));
	assert_line(SPAN(" a\tb \xc3\xa4\r\n"), SPAN(" a\tb \xc3\xa4"));
}

static void
leaves_the_next_line_alone(void **state)
{
	(void)state;
	assert_line(SPAN("DATA\r\nbare\nthere"), SPAN("DATA"));
	assert_line(SPAN("DATA\r\n\r\r\0"), SPAN("DATA"));
}

static void
waits_for_more(void **state)
{
	(void)state;
	assert_no_line(SPAN("QUI"), LINE_PARTIAL);
	assert_no_line(SPAN("QUIT\r"), LINE_PARTIAL);
	assert_int_equal(take(SPAN("")).result, LINE_PARTIAL);
}

static void
refuses_bare_newlines_and_nul(void **state)
{
	static const struct span broken[] = { SPAN("QUIT\n"), SPAN("\n"), SPAN("QU\nIT\r\n"), SPAN("QU\rIT\r\n"),
		SPAN("QUIT\r\r\n"), SPAN("\rQUIT"), SPAN("\r\r"), SPAN("QUIT\n\r"), SPAN("QU\0IT\r\n"), SPAN("\0"),
		SPAN("QUIT\r\0\n"), SPAN("QUIT\0\r\n") };

	(void)state;
	for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
		assert_no_line(broken[i], LINE_BROKEN);
}

static void
finds_a_cr_and_its_lf_in_two_reads(void **state)
{
	struct span line;
	size_t scanned = 0;
	size_t taken;

	(void)state;
	assert_int_equal(line_take(SPAN("QUIT\r"), LINE_LIMIT_BYTES, &scanned, &line, &taken), LINE_PARTIAL);
	assert_int_equal(scanned, 4);
	assert_int_equal(line_take(SPAN("QUIT\r\n"), LINE_LIMIT_BYTES, &scanned, &line, &taken), LINE_WHOLE);
	assert_int_equal(taken, 6);
	assert_true(span_equal(line, SPAN("QUIT")));
}

/* What was judged is not looked at again: the second call would see the NUL that has come in its place. */
static void
looks_at_each_byte_once(void **state)
{
	struct span line;
	size_t scanned = 0;
	size_t taken;

	(void)state;
	assert_int_equal(line_take(SPAN("NOOP"), LINE_LIMIT_BYTES, &scanned, &line, &taken), LINE_PARTIAL);
	assert_int_equal(line_take(SPAN("\0\0\0\0\r\n"), LINE_LIMIT_BYTES, &scanned, &line, &taken), LINE_WHOLE);
}

static void
takes_a_line_of_exactly_the_limit(void **state)
{
	char bytes[LINE_LIMIT_BYTES];

	(void)state;
	memset(bytes, 'a', sizeof bytes);
	bytes[sizeof bytes - 2] = '\r';
	bytes[sizeof bytes - 1] = '\n';
	assert_line(span_make(bytes, sizeof bytes), span_make(bytes, sizeof bytes - 2));
}

/* Skips over-long lines as the session does; returns how many bytes they had, CRLF included. */
static size_t
skip_long_line(struct span bytes)
{
	size_t all = bytes.length;
	struct taken taken = take(bytes);

	assert_int_equal(taken.result, LINE_LONG);
	while (taken.result == LINE_LONG) {
		assert_true(taken.bytes > 0);
		bytes = span_skip(bytes, taken.bytes);
		taken = take(bytes);
	}
	assert_int_equal(taken.result, LINE_WHOLE);
	return all - bytes.length + taken.bytes;
}

static void
skips_a_line_over_the_limit(void **state)
{
	char bytes[3 * LINE_LIMIT_BYTES];

	(void)state;
	for (size_t length = LINE_LIMIT_BYTES - 1; length + 3 < sizeof bytes; length++) {
		memset(bytes, 'a', sizeof bytes);
		bytes[length] = '\r';
		bytes[length + 1] = '\n';
		assert_int_equal(skip_long_line(span_make(bytes, sizeof bytes)), length + 2);
	}
}

static void
says_long_as_soon_as_no_crlf_can_come_in_time(void **state)
{
	char bytes[LINE_LIMIT_BYTES + 1];

	(void)state;
	memset(bytes, 'a', sizeof bytes);
	assert_int_equal(take(span_make(bytes, LINE_LIMIT_BYTES - 1)).result, LINE_PARTIAL);
	assert_int_equal(take(span_make(bytes, LINE_LIMIT_BYTES)).result, LINE_LONG);
	assert_int_equal(take_slowly(span_make(bytes, sizeof bytes)).result, LINE_LONG);
	bytes[LINE_LIMIT_BYTES - 1] = '\r';
	bytes[LINE_LIMIT_BYTES] = '\n';
	assert_int_equal(take(span_make(bytes, sizeof bytes)).bytes, LINE_LIMIT_BYTES - 1);
	assert_int_equal(take_slowly(span_make(bytes, sizeof bytes)).bytes, LINE_LIMIT_BYTES - 1);
}

static void
finds_what_is_broken_in_a_long_line(void **state)
{
	char bytes[2 * LINE_LIMIT_BYTES];

	(void)state;
	memset(bytes, 'a', sizeof bytes);
	bytes[100] = '\n';
	assert_no_line(span_make(bytes, sizeof bytes), LINE_BROKEN);
}

static void
the_limit_is_the_callers(void **unused)
{
	static const char text[] = "0123456789\r\n";
	struct span line;
	size_t scanned = 0;
	size_t taken;

	(void)unused;
	assert_int_equal(line_take(span_of(text), 12, &scanned, &line, &taken), LINE_WHOLE);
	assert_int_equal(line_take(span_take(span_of(text), 11), 12, &scanned, &line, &taken), LINE_PARTIAL);
	assert_int_equal(line_take(span_of(text), 12, &scanned, &line, &taken), LINE_WHOLE);
	assert_int_equal(line_take(span_of(text), 11, &scanned, &line, &taken), LINE_LONG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_a_line_at_its_crlf),
		cmocka_unit_test(leaves_the_next_line_alone),
		cmocka_unit_test(waits_for_more),
		cmocka_unit_test(refuses_bare_newlines_and_nul),
		cmocka_unit_test(finds_a_cr_and_its_lf_in_two_reads),
		cmocka_unit_test(looks_at_each_byte_once),
		cmocka_unit_test(takes_a_line_of_exactly_the_limit),
		cmocka_unit_test(skips_a_line_over_the_limit),
		cmocka_unit_test(says_long_as_soon_as_no_crlf_can_come_in_time),
		cmocka_unit_test(finds_what_is_broken_in_a_long_line),
		cmocka_unit_test(the_limit_is_the_callers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
