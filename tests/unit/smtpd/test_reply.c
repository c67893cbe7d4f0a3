/* smtpd/reply: every text in the list fits its lines; details are cleaned and never break a reply.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "smtpd/reply.h"

enum { ROOM_BYTES = 16384 };

/* Checks the form of RFC 5321 4.2 line by line, and returns how many lines there are. */
static unsigned
check_lines(struct span text, unsigned code, const char *enhanced)
{
	unsigned lines = 0;
	char begin[32];

	while (text.length) {
		size_t length = span_find(text, '\n');

		assert_true(length < text.length && length >= 1 && text.data[length - 1] == '\r');
		assert_true(length + 1 <= REPLY_LINE_BYTES);
		bool is_last = length + 1 == text.length;
		(void)snprintf(
		    begin, sizeof begin, "%u%c%s%s", code, is_last ? ' ' : '-', enhanced, enhanced[0] ? " " : "");
		assert_memory_equal(text.data, begin, strlen(begin));
		for (size_t i = 0; i + 1 < length; i++)
			assert_in_range((unsigned char)text.data[i], 0x20, 0x7e);
		text = span_skip(text, length + 1);
		lines++;
	}
	return lines;
}

static void
every_reply_is_well_formed_whatever_its_details(void **unused)
{
	static char hostile[2000];
	struct buf out = BUF_LIMIT(ROOM_BYTES);

	(void)unused;
	for (size_t i = 0; i < sizeof hostile; i++)
		hostile[i] = "250 ok\r\n\0\t\x80{}-"[i % 14];
	for (unsigned id = REPLY_NONE + 1; id < REPLY_COUNT; id++) {
		struct reply reply = { .id = (enum reply_id)id };

		for (unsigned details = 0; details < 2; details++) {
			buf_reset(&out);
			reply_format(&reply, &out);
			assert_true(buf_ok(&out));
			assert_true(check_lines(buf_span(&out), reply_code(reply.id), reply_enhanced(reply.id)) >= 1);
			for (unsigned i = 0; i < REPLY_DETAILS; i++)
				reply.details[i] = span_make(hostile, sizeof hostile);
		}
	}
	buf_free(&out);
}

/* The first digits of code and enhanced code agree (RFC 3463 2), and each refusal has its reason. */
static void
codes_agree(void **unused)
{
	(void)unused;
	for (unsigned id = REPLY_NONE + 1; id < REPLY_COUNT; id++) {
		enum reply_id reply = (enum reply_id)id;
		unsigned code = reply_code(reply);

		assert_in_range(code, 200, 599);
		if (reply_enhanced(reply)[0])
			assert_int_equal(reply_enhanced(reply)[0], '0' + (int)(code / 100));
		if (code >= 400) {
			assert_true(reply_enhanced(reply)[0] != '\0');
			assert_true(reply_reason(reply)[0] != '\0');
		}
	}
}

static void
a_long_explanation_is_cut_into_lines_at_spaces(void **unused)
{
	struct reply reply = { .id = REPLY_SPF_EXPLAINED, .details = { SPAN("c.example"), SPAN("192.0.2.1") } };
	struct buf out = BUF_LIMIT(ROOM_BYTES);
	char words[1000];

	(void)unused;
	for (size_t i = 0; i < sizeof words; i++)
		words[i] = i % 10 == 9 ? ' ' : 'w';
	reply.details[2] = span_make(words, sizeof words);
	reply_format(&reply, &out);
	assert_int_equal(check_lines(buf_span(&out), 550, "5.7.23"), 3);
	/* No word of nine letters is cut. */
	for (size_t i = 10; i + 2 < out.length; i++)
		if (out.data[i] == '\r')
			assert_memory_equal(out.data + i - 10, " wwwwwwwww", 10);
	buf_free(&out);
}

static void
our_own_lines_follow_the_text(void **unused)
{
	struct reply reply = {
		.id = REPLY_EHLO, .details = { SPAN("mx.example.org") }, .lines = SPAN("\nPIPELINING\nSIZE 52428800")
	};
	struct buf out = BUF_LIMIT(ROOM_BYTES);

	(void)unused;
	reply_format(&reply, &out);
	assert_string_equal(buf_text(&out), "250-mx.example.org\r\n250-PIPELINING\r\n250 SIZE 52428800\r\n");
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reply_is_well_formed_whatever_its_details),
		cmocka_unit_test(codes_agree),
		cmocka_unit_test(a_long_explanation_is_cut_into_lines_at_spaces),
		cmocka_unit_test(our_own_lines_follow_the_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
