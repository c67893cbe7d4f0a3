/* smtpd/dotstream.c: only CRLF.CRLF ends a message, only a dot behind CRLF is undone, and what the text holds is
 * noticed; each case with its bytes cut in every way into two and three reads, and one by one.
 * On failure: cmocka names the line, and the case stands above it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "smtpd/dotstream.h"
#include "tests/unit/smtpd/findings_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { TEXT_BYTES = 16384 };

struct reading {
	struct dotstream stream;
	char text[TEXT_BYTES];
	size_t text_length;
	size_t taken;
	bool ended;
};

/* Feeds one piece from a copy of exactly its size into room of exactly the promised size, so that a sanitizer sees a
 * byte too far on either side. */
static void
feed_piece(struct reading *reading, struct span piece)
{
	char *in = malloc(piece.length + 1);
	char *out = malloc(piece.length + 1);
	size_t out_length;
	size_t taken;

	assert_non_null(in);
	assert_non_null(out);
	if (piece.length)
		memcpy(in + 1, piece.data, piece.length);
	reading->ended = dotstream_feed(&reading->stream, span_make(in + 1, piece.length), out, &out_length, &taken);
	assert_true(out_length <= piece.length + 1);
	assert_true(reading->text_length + out_length <= TEXT_BYTES);
	assert_true(reading->ended || taken == piece.length);
	memcpy(reading->text + reading->text_length, out, out_length);
	reading->text_length += out_length;
	reading->taken += taken;
	free(in);
	free(out);
}

/* Reads the input cut at two places. */
static void
read_cut(struct span input, size_t first, size_t second, struct reading *reading)
{
	const struct span pieces[] = { span_take(input, first), span_take(span_skip(input, first), second - first),
		span_skip(input, second) };

	reading->text_length = 0;
	reading->taken = 0;
	reading->ended = false;
	dotstream_begin(&reading->stream);
	for (size_t i = 0; i < COUNT(pieces) && !reading->ended; i++)
		feed_piece(reading, pieces[i]);
}

static void
assert_same(const struct reading *a, const struct reading *b)
{
	assert_int_equal(a->ended, b->ended);
	assert_int_equal(a->taken, b->taken);
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
	for (size_t first = 0; first <= input.length; first++) {
		read_cut(input, first, input.length, &cut);
		assert_same(&whole, &cut);
		for (size_t second = first; second <= input.length; second += step) {
			read_cut(input, first, second, &cut);
			assert_same(&whole, &cut);
		}
	}
	cut = (struct reading){ 0 };
	dotstream_begin(&cut.stream);
	for (size_t i = 0; i < input.length && !cut.ended; i++)
		feed_piece(&cut, span_make(input.data + i, 1));
	assert_same(&whole, &cut);
	return &whole;
}

static void
assert_text(struct span input, struct span text, bool ended, size_t left)
{
	const struct reading *reading = read_all(input);

	assert_int_equal(reading->ended, ended);
	assert_int_equal(input.length - reading->taken, left);
	assert_int_equal(reading->text_length, text.length);
	assert_memory_equal(reading->text, text.data, text.length);
}

static void
ends_at_crlf_dot_crlf(void **state)
{
	(void)state;
	assert_text(SPAN("a\r\n.\r\n"), SPAN("a\r\n"), true, 0);
	assert_text(SPAN("a\r\n\r\nb\r\n.\r\n"), SPAN("a\r\n\r\nb\r\n"), true, 0);
	assert_text(SPAN("a\r\n"), SPAN("a\r\n"), false, 0);
	assert_text(SPAN("a\r\n.\r\nQUIT\r\n"), SPAN("a\r\n"), true, 6);
	assert_text(SPAN("a\r\n.\r\n.\r\n\0\n"), SPAN("a\r\n"), true, 5);
}

static void
a_lone_dot_at_the_start_ends_an_empty_message(void **state)
{
	(void)state;
	assert_text(SPAN(".\r\n"), SPAN(""), true, 0);
	assert_text(SPAN(".\r\nRSET\r\n"), SPAN(""), true, 6);
	assert_text(SPAN("\r\n.\r\n"), SPAN("\r\n"), true, 0);
	assert_text(SPAN(""), SPAN(""), false, 0);
}

static void
undoes_dots_behind_crlf_only(void **state)
{
	(void)state;
	assert_text(SPAN("..a\r\n..\r\n...\r\n.b\r\n.\r\n"), SPAN(".a\r\n.\r\n..\r\nb\r\n"), true, 0);
	assert_text(SPAN("a.\r\nb..c\r\n"), SPAN("a.\r\nb..c\r\n"), false, 0);
	assert_text(SPAN("a\n..b\r..c\n.d\r\n"), SPAN("a\n..b\r..c\n.d\r\n"), false, 0);
	assert_text(SPAN(".\r.\r\n"), SPAN("\r.\r\n"), false, 0);
	assert_text(SPAN(".\n.\r\n"), SPAN("\n.\r\n"), false, 0);
}

/* The heart of SMTP smuggling: each of these has ended a message somewhere. The CRLF.CRLF at the end is the only one.
 */
static void
nothing_else_ends_a_message(void **state)
{
	static const struct span marks[] = { SPAN("\n.\n"), SPAN("\n.\r\n"), SPAN("\r\n.\n"), SPAN("\r.\r"),
		SPAN("\r\n.\r"), SPAN("\r.\r\n"), SPAN("\n.\r"), SPAN("\r.\n"), SPAN("\r\n\0.\r\n"),
		SPAN("\r\n.\0\r\n"), SPAN("\r\n.\r\0\n"), SPAN("\r\0\n.\r\n"), SPAN("\r\n.\r\r\n"), SPAN("\r\n.\n\r\n"),
		SPAN("\r\n. \r\n"), SPAN("\r\n .\r\n"), SPAN("\r\n..\r\n"), SPAN("\n\r.\r\n"), SPAN("\n\n.\n\n"),
		SPAN("\r\r.\r\r"), SPAN("\r\n.\r \n"), SPAN("\n\r\n\r.\r\n"), SPAN("\0\n.\0\n"), SPAN("\r\n\r.\r\n"),
		SPAN("\r\n\n.\r\n"), SPAN("\x8d\n.\r\x8a"), SPAN("\r\x8a.\r\n"), SPAN("\r\n.\x8d\n") };

	(void)state;
	for (size_t i = 0; i < COUNT(marks); i++) {
		struct buf input = BUF_LIMIT(256);

		buf_append_text(&input, "S: a\r\n\r\nb");
		buf_append(&input, marks[i]);
		buf_append_text(&input, "MAIL FROM:<x>\r\n.\r\n");
		const struct reading *reading = read_all(buf_span(&input));
		if (!reading->ended || reading->taken != input.length)
			fail_msg("mark %zu ended the message", i);
		bool is_odd = span_find(marks[i], '\0') < marks[i].length || reading->stream.found.bare_newline_line ||
			      reading->stream.found.has_8bit;
		bool is_harmless = span_equal(marks[i], SPAN("\r\n. \r\n")) ||
				   span_equal(marks[i], SPAN("\r\n .\r\n")) || span_equal(marks[i], SPAN("\r\n..\r\n"));
		assert_int_equal(is_odd, !is_harmless);
		buf_free(&input);
	}
}

static void
a_bare_newline_before_the_true_end_changes_nothing(void **state)
{
	(void)state;
	assert_text(SPAN("a\n\r\n.\r\n"), SPAN("a\n\r\n"), true, 0);
	assert_text(SPAN("a\r\r\n.\r\n"), SPAN("a\r\r\n"), true, 0);
	assert_text(SPAN(".\r\r\n.\r\n"), SPAN("\r\r\n"), true, 0);
}

static void
names_the_line_with_a_bare_newline(void **state)
{
	static const struct {
		struct span input;
		uint64_t line;
	} cases[] = {
		{ SPAN("a\r\nb\r\n.\r\n"), 0 },
		{ SPAN("a\n"), 1 },
		{ SPAN("a\r\nb\nc\r\nd\ne\r\n"), 2 },
		{ SPAN("a\r\nb\r\nc\rd\r\n"), 3 },
		{ SPAN("a\r\n\n"), 2 },
		{ SPAN("a\r\n\r\r\n"), 2 },
		{ SPAN("a\r\n.\rb"), 2 },
		{ SPAN("a\r\n.\nb"), 2 },
		{ SPAN("a\r\n.\r\nb\n"), 0 },
		{ SPAN("a\r"), 0 },
		{ SPAN("a\r\n.\r"), 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(read_all(cases[i].input)->stream.found.bare_newline_line, cases[i].line);
}

static void
finds_nul_and_8bit(void **state)
{
	(void)state;
	assert_int_equal(read_all(SPAN("a\r\nb\r\n\0\r\n\0\r\n"))->stream.found.nul_line, 3);
	assert_int_equal(read_all(SPAN("\0"))->stream.found.nul_line, 1);
	assert_int_equal(read_all(SPAN("a\r\n.\0\r\n"))->stream.found.nul_line, 2);
	assert_int_equal(read_all(SPAN("a\r\n.\r\n\0"))->stream.found.nul_line, 0);
	assert_true(read_all(SPAN("plain text and then: \x80\r\n"))->stream.found.has_8bit);
	assert_true(read_all(SPAN("\xff plain text then\r\n"))->stream.found.has_8bit);
	assert_false(read_all(SPAN("plain \x7f text\r\n.\r\n\xc3\xa4"))->stream.found.has_8bit);
}

static void
counts_lines_and_bytes(void **state)
{
	const struct reading *reading = read_all(SPAN("one\r\n..\r\n\r\nfour, not whole"));

	(void)state;
	assert_int_equal(reading->stream.found.lines, 3);
	assert_int_equal(reading->stream.found.longest_line, 15);
	assert_int_equal(reading->stream.found.text_bytes, 5 + 3 + 2 + 15);
	assert_int_equal(read_all(SPAN("ab\r\n.\r\n"))->stream.found.lines, 1);
	assert_int_equal(read_all(SPAN("a\nb\rc\r\n"))->stream.found.longest_line, 5);
	assert_int_equal(read_all(SPAN("ab\r"))->stream.found.longest_line, 2);
}

/* The second line has so many octets behind its stuffed dot, if it has one. */
static const struct findings *
read_second_line(size_t octets, bool is_stuffed)
{
	struct buf input = BUF_LIMIT(TEXT_BYTES);

	buf_append_text(&input, is_stuffed ? "x\r\n." : "x\r\n");
	for (size_t i = 0; i < octets; i++)
		buf_append_char(&input, '.');
	buf_append_text(&input, "\r\n.\r\n");
	const struct reading *reading = read_all(buf_span(&input));
	assert_true(reading->ended);
	buf_free(&input);
	return &reading->stream.found;
}

static void
finds_long_lines(void **state)
{
	(void)state;
	assert_int_equal(read_second_line(998, true)->long_line, 0);
	assert_int_equal(read_second_line(998, true)->longest_line, 998);
	assert_int_equal(read_second_line(999, true)->long_line, 2);
	assert_int_equal(read_second_line(999, false)->long_line, 0);
	assert_int_equal(read_second_line(1000, false)->long_line, 2);
	assert_int_equal(read_second_line(1000, false)->longest_line, 999);
}

static void
counts_received_fields_in_the_header(void **state)
{
	static const struct {
		struct span input;
		unsigned count;
	} cases[] = {
		{ SPAN("Received: a\r\n\tb\r\nRECEIVED:c\r\nreceived \t : d\r\n\r\nx\r\n.\r\n"), 3 },
		{ SPAN("Received: a\r\n\r\nReceived: b\r\n"), 1 },
		{ SPAN("\r\nReceived: b\r\n"), 0 },
		{ SPAN("X-Received: a\r\n Received: b\r\nReceivedX: c\r\nReceived\r\nReceive: d\r\n"), 0 },
		{ SPAN("Received x: a\r\nReceived"), 0 },
		{ SPAN(".Received: a\r\n..Received: b\r\n"), 1 },
		{ SPAN("S: x\nReceived: a\r\n"), 0 },
		{ SPAN("S: x\rReceived: a\r\n"), 0 },
		{ SPAN("\rReceived: a\r\n"), 0 },
		{ SPAN(".\rReceived: a\r\n"), 0 },
		{ SPAN("Recei\rved: a\r\nReceived\r: b\r\nReceived\n: c\r\n"), 0 },
		{ SPAN("Received:Received:Received:\r\nReceived-SPF: x\r\n"), 1 },
		{ SPAN("no header\r\nReceived: a\r\n"), 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unsigned count = read_all(cases[i].input)->stream.found.received_fields;

		if (count != cases[i].count)
			fail_msg("case %zu: %u fields", i, count);
	}
}

static void
takes_nothing_after_the_end(void **state)
{
	struct reading reading = { 0 };

	(void)state;
	dotstream_begin(&reading.stream);
	feed_piece(&reading, SPAN(".\r\n"));
	assert_true(reading.ended);
	feed_piece(&reading, SPAN("more\r\n"));
	assert_true(reading.ended);
	assert_int_equal(reading.taken, 3);
	assert_int_equal(reading.text_length, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_at_crlf_dot_crlf),
		cmocka_unit_test(a_lone_dot_at_the_start_ends_an_empty_message),
		cmocka_unit_test(undoes_dots_behind_crlf_only),
		cmocka_unit_test(nothing_else_ends_a_message),
		cmocka_unit_test(a_bare_newline_before_the_true_end_changes_nothing),
		cmocka_unit_test(names_the_line_with_a_bare_newline),
		cmocka_unit_test(finds_nul_and_8bit),
		cmocka_unit_test(counts_lines_and_bytes),
		cmocka_unit_test(finds_long_lines),
		cmocka_unit_test(counts_received_fields_in_the_header),
		cmocka_unit_test(takes_nothing_after_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
