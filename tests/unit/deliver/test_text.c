/* Tests of deliver/text.c: header fields of a copy, and CRLF to LF in pieces of every size.
 *
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "deliver/text.h"

static void
fields_name_sender_and_mailbox(void **state)
{
	struct buf out = BUF_LIMIT(1024);

	(void)state;
	assert_true(text_fields(SPAN("bob@example.net"), SPAN("alice@example.org"), &out));
	assert_string_equal(buf_text(&out), "Return-Path: <bob@example.net>\nDelivered-To: alice@example.org\n");
	buf_reset(&out);
	assert_true(text_fields(SPAN(""), SPAN("alice@example.org"), &out));
	assert_string_equal(buf_text(&out), "Return-Path: <>\nDelivered-To: alice@example.org\n");
	buf_free(&out);
}

static void
fields_refuse_what_would_break_out(void **state)
{
	struct buf out = BUF_LIMIT(1024);

	(void)state;
	assert_false(text_fields(SPAN("bob@example.net>\nX-Evil: 1"), SPAN("a@b"), &out));
	assert_false(text_fields(SPAN("bob\r@example.net"), SPAN("a@b"), &out));
	assert_false(text_fields(SPAN("bob\0@example.net"), SPAN("a@b"), &out));
	assert_false(text_fields(SPAN(""), SPAN("a\x7f@b"), &out));
	assert_true(text_is_address(SPAN("\"a b\"@example.org")));
	assert_true(text_is_address(SPAN("J\xc3\xbcrgen@example.org")));
	buf_free(&out);
}

static void
trace_must_be_header_fields(void **state)
{
	(void)state;
	assert_true(text_is_header(SPAN("")));
	assert_true(text_is_header(SPAN("Received: from a\n\tby b\nReceived-SPF: none\n")));
	assert_false(text_is_header(SPAN("Received: from a")));
	assert_false(text_is_header(SPAN("Received: from a\r\n")));
	assert_false(text_is_header(SPAN("Received: from a\n\nbody\n")));
	assert_false(text_is_header(SPAN("\nReceived: from a\n")));
	assert_false(text_is_header(SPAN("Received: \0\n")));
}

/* Converts in pieces of so many bytes and compares. */
static void
check_conversion(struct span in, struct span expected, size_t piece_bytes)
{
	struct text_lines lines = { 0 };
	char out[256];
	size_t used = 0;

	for (size_t at = 0; at < in.length; at += piece_bytes)
		used += text_to_lf(&lines, span_take(span_skip(in, at), piece_bytes), out + used);
	used += text_end(&lines, out + used);
	assert_true(span_equal(span_make(out, used), expected));
}

static void
crlf_becomes_lf_wherever_it_is_cut(void **state)
{
	static const struct {
		struct span in;
		struct span expected;
	} cases[] = {
		{ { "", 0 }, { "", 0 } },
		{ { "a\r\nb\r\n", 6 }, { "a\nb\n", 4 } },
		{ { "\r\n\r\n", 4 }, { "\n\n", 2 } },
		{ { "a\rb\r\n", 5 }, { "a\rb\n", 4 } },
		{ { "a\r\r\nb", 5 }, { "a\r\nb", 4 } },
		{ { "a\nb\r", 4 }, { "a\nb\r", 4 } },
		{ { "\r\r\r", 3 }, { "\r\r\r", 3 } },
		{ { "a\0b\r\n", 5 }, { "a\0b\n", 4 } },
		{ { "\xff\xfe\r\n", 4 }, { "\xff\xfe\n", 3 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (size_t piece = 1; piece <= 7; piece++)
			check_conversion(cases[i].in, cases[i].expected, piece);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_name_sender_and_mailbox),
		cmocka_unit_test(fields_refuse_what_would_break_out),
		cmocka_unit_test(trace_must_be_header_fields),
		cmocka_unit_test(crlf_becomes_lf_wherever_it_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
