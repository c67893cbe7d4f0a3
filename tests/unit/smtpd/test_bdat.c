/* smtpd/bdat.c: the argument of BDAT; line ends of all kinds become CRLF; what the text holds is noticed; each case
 * with its octets cut in every way into two and three reads, and one by one. On failure: cmocka names the line, and the
 * case stands above it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "smtpd/bdat.h"
#include "tests/unit/smtpd/findings_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { TEXT_BYTES = 16384 };

struct reading {
	struct bdat_stream stream;
	char text[TEXT_BYTES];
	size_t text_length;
};

static void
keep(struct reading *reading, const char *out, size_t length)
{
	assert_true(reading->text_length + length <= TEXT_BYTES);
	memcpy(reading->text + reading->text_length, out, length);
	reading->text_length += length;
}

/* Feeds one piece from a copy of exactly its size into room of exactly the promised size, so that a sanitizer sees a
 * byte too far on either side. */
static void
feed_piece(struct reading *reading, struct span piece)
{
	char *in = malloc(piece.length + 1);
	char *out = malloc(2 * piece.length + 1);

	assert_non_null(in);
	assert_non_null(out);
	if (piece.length)
		memcpy(in + 1, piece.data, piece.length);
	size_t length = bdat_feed(&reading->stream, span_make(in + 1, piece.length), out + 1);
	assert_true(length <= 2 * piece.length);
	keep(reading, out + 1, length);
	free(in);
	free(out);
}

static void
finish(struct reading *reading)
{
	char out[2];

	keep(reading, out, bdat_finish(&reading->stream, out));
}

static void
read_cut(struct span input, size_t first, size_t second, struct reading *reading)
{
	reading->text_length = 0;
	bdat_begin(&reading->stream);
	feed_piece(reading, span_take(input, first));
	feed_piece(reading, span_take(span_skip(input, first), second - first));
	feed_piece(reading, span_skip(input, second));
	finish(reading);
}

static void
assert_same(const struct reading *a, const struct reading *b)
{
	assert_int_equal(a->text_length, b->text_length);
	assert_memory_equal(a->text, b->text, a->text_length);
	assert_same_findings(&a->stream.found, &b->stream.found);
}

/* Reads the input whole, and makes sure that no way of cutting it changes anything. */
static const struct reading *
read_all(struct span input)
{
	static struct reading whole;
	static struct reading cut;
	size_t step = input.length > 64 ? input.length / 32 : 1;

	read_cut(input, input.length, input.length, &whole);
	assert_int_equal(whole.stream.found.text_bytes, whole.text_length);
	for (size_t first = 0; first <= input.length; first++)
		for (size_t second = first; second <= input.length; second += step) {
			read_cut(input, first, second, &cut);
			assert_same(&whole, &cut);
		}
	cut.text_length = 0;
	bdat_begin(&cut.stream);
	for (size_t i = 0; i < input.length; i++)
		feed_piece(&cut, span_make(input.data + i, 1));
	finish(&cut);
	assert_same(&whole, &cut);
	return &whole;
}

static void
takes_octets_and_last(void **unused)
{
	static const struct {
		const char *argument;
		uint64_t octets;
		bool is_last;
	} good[] = {
		{ "0", 0, false },
		{ "0 LAST", 0, true },
		{ "86", 86, false },
		{ "00086 last", 86, true },
		{ "86   LaSt", 86, true },
		{ "18446744073709551614", UINT64_MAX - 1, false },
		{ "18446744073709551615", UINT64_MAX, false },
		{ "18446744073709551616 LAST", UINT64_MAX, true },
		{ "99999999999999999999999999999999999999", UINT64_MAX, false },
	};

	(void)unused;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct bdat_chunk chunk;

		assert_true(bdat_parse(span_of(good[i].argument), &chunk));
		assert_true(chunk.octets == good[i].octets);
		assert_int_equal(chunk.is_last, good[i].is_last);
	}
}

static void
takes_nothing_else(void **unused)
{
	static const char *const bad[] = { "", "LAST", "LAST 5", "-1", "+1", "0x10", "1e3", "5LAST", "5 LAST LAST",
		"5 6", "5\tLAST", "5 LASTS", "5.0", "5,", "\xb2", "5 L" };

	(void)unused;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct bdat_chunk chunk = { .octets = 77, .is_last = true };

		if (bdat_parse(span_of(bad[i]), &chunk))
			fail_msg("\"%s\" was taken", bad[i]);
		assert_true(chunk.octets == 77 && chunk.is_last);
	}
}

static void
every_line_end_becomes_crlf(void **unused)
{
	static const struct {
		struct span input;
		struct span text;
		uint64_t bare_newline_line;
	} cases[] = {
		{ SPAN(""), SPAN(""), 0 },
		{ SPAN("a\r\nb\r\n"), SPAN("a\r\nb\r\n"), 0 },
		{ SPAN("a\r\n.\r\n..\r\n"), SPAN("a\r\n.\r\n..\r\n"), 0 },
		{ SPAN("a"), SPAN("a\r\n"), 0 },
		{ SPAN("a\r\n\r\nb"), SPAN("a\r\n\r\nb\r\n"), 0 },
		{ SPAN("a\nb\r\n"), SPAN("a\r\nb\r\n"), 1 },
		{ SPAN("a\r\nb\n"), SPAN("a\r\nb\r\n"), 2 },
		{ SPAN("a\rb\r\n"), SPAN("a\r\nb\r\n"), 1 },
		{ SPAN("a\r\nb\r"), SPAN("a\r\nb\r\n"), 2 },
		{ SPAN("\n"), SPAN("\r\n"), 1 },
		{ SPAN("\r"), SPAN("\r\n"), 1 },
		{ SPAN("\r\n"), SPAN("\r\n"), 0 },
		{ SPAN("a\r\r\nb"), SPAN("a\r\n\r\nb\r\n"), 1 },
		{ SPAN("a\r\n\nb"), SPAN("a\r\n\r\nb\r\n"), 2 },
		{ SPAN("a\n\rb"), SPAN("a\r\n\r\nb\r\n"), 1 },
		{ SPAN("a\n\n\r\r"), SPAN("a\r\n\r\n\r\n\r\n"), 1 },
		{ SPAN("a\r\n\r\r"), SPAN("a\r\n\r\n\r\n"), 2 },
		{ SPAN("a\r\0\nb"), SPAN("a\r\n\0\r\nb\r\n"), 1 },
	};

	(void)unused;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct reading *reading = read_all(cases[i].input);
		struct span text = span_make(reading->text, reading->text_length);

		if (!span_equal(text, cases[i].text))
			fail_msg("case %zu: another text", i);
		if (reading->stream.found.bare_newline_line != cases[i].bare_newline_line)
			fail_msg("case %zu: line %u", i, (unsigned)reading->stream.found.bare_newline_line);
	}
}

/* A CR at the end of what has come so far is not bare yet. */
static void
a_cr_at_the_end_of_a_chunk_may_belong_to_an_lf(void **unused)
{
	struct reading reading = { .text_length = 0 };

	(void)unused;
	bdat_begin(&reading.stream);
	feed_piece(&reading, SPAN("a\r"));
	assert_int_equal(reading.stream.found.bare_newline_line, 0);
	feed_piece(&reading, SPAN(""));
	feed_piece(&reading, SPAN("\nb\r"));
	assert_int_equal(reading.stream.found.bare_newline_line, 0);
	finish(&reading);
	assert_int_equal(reading.stream.found.bare_newline_line, 2);
	assert_int_equal(reading.text_length, 6);
	assert_memory_equal(reading.text, "a\r\nb\r\n", 6);
}

static void
finds_what_dotstream_finds(void **unused)
{
	const struct findings *found =
	    &read_all(SPAN("Received: a\r\n\tb\nRECEIVED:c\rreceived \t : d\n\nReceived: x"))->stream.found;

	(void)unused;
	assert_int_equal(found->received_fields, 3);
	assert_int_equal(found->lines, 6);
	assert_int_equal(found->longest_line, 14);
	assert_int_equal(read_all(SPAN("a\nb\r\n\0\r\n\0\r\n"))->stream.found.nul_line, 3);
	assert_int_equal(read_all(SPAN("\0"))->stream.found.nul_line, 1);
	assert_true(read_all(SPAN("plain text and then: \x80\r\n"))->stream.found.has_8bit);
	assert_false(read_all(SPAN("plain \x7f text\r\n"))->stream.found.has_8bit);
}

static void
finds_long_lines(void **unused)
{
	struct buf input = BUF_LIMIT(TEXT_BYTES);

	(void)unused;
	buf_append_text(&input, "x\n");
	for (size_t i = 0; i < 998; i++)
		buf_append_char(&input, '.');
	assert_int_equal(read_all(buf_span(&input))->stream.found.long_line, 0);
	buf_append_char(&input, '.');
	assert_int_equal(read_all(buf_span(&input))->stream.found.long_line, 2);
	assert_int_equal(read_all(buf_span(&input))->stream.found.longest_line, 999);
	buf_free(&input);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_octets_and_last),
		cmocka_unit_test(takes_nothing_else),
		cmocka_unit_test(every_line_end_becomes_crlf),
		cmocka_unit_test(a_cr_at_the_end_of_a_chunk_may_belong_to_an_lf),
		cmocka_unit_test(finds_what_dotstream_finds),
		cmocka_unit_test(finds_long_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
