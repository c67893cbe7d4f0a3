/* smtpd/reply: every text in the list fits its lines; details are cleaned and never break a reply.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "smtpd/reply.h"

enum { ROOM_BYTES = 16384, LINE_BYTES = 512 /* with CRLF (RFC 5321 4.5.3.1.5) */ };

static const struct config no_contact = { .contact = "", .contact_url = "" };

/* Checks the form of RFC 5321 4.2 line by line, and returns how many lines there are. */
static unsigned
check_lines(struct span text, unsigned code, const char *enhanced)
{
	unsigned lines = 0;
	char begin[32];

	while (text.length) {
		size_t length = span_find(text, '\n');

		assert_true(length < text.length && length >= 1 && text.data[length - 1] == '\r');
		assert_true(length + 1 <= LINE_BYTES);
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

/* A contact as long and as bad as can be: the configuration would not let it pass. */
static struct config
hostile_contact(void)
{
	static char text[2000];

	for (size_t i = 0; i + 1 < sizeof text; i++)
		text[i] = "call us\r\n250 \t\x80{}-"[i % 18];
	return (struct config){ .contact = text, .contact_url = text };
}

static void
every_reply_is_well_formed_whatever_its_details(void **unused)
{
	static char hostile[2000];
	struct config hostile_config = hostile_contact();
	const struct config *const configs[] = { &no_contact, &hostile_config };
	struct buf out = BUF_LIMIT(ROOM_BYTES);

	(void)unused;
	for (size_t i = 0; i < sizeof hostile; i++)
		hostile[i] = "250 ok\r\n\0\t\x80{}-"[i % 14];
	for (unsigned id = REPLY_NONE + 1; id < REPLY_COUNT; id++) {
		struct reply reply = { .id = (enum reply_id)id };

		for (unsigned variant = 0; variant < 4; variant++) {
			for (unsigned i = 0; variant & 1 && i < REPLY_DETAILS; i++)
				reply.details[i] = span_make(hostile, sizeof hostile);
			buf_reset(&out);
			reply_format(&reply, configs[variant / 2], &out);
			assert_true(buf_ok(&out));
			assert_true(check_lines(buf_span(&out), reply_code(reply.id), reply_enhanced(reply.id)) >= 1);
		}
	}
	buf_free(&out);
}

/* Who gets it in a bounce reads why, and what to do. The map's own words are the administrator's. */
static void
every_refusal_says_cause_and_remedy(void **unused)
{
	struct buf out = BUF_LIMIT(ROOM_BYTES);

	(void)unused;
	for (unsigned id = REPLY_NONE + 1; id < REPLY_COUNT; id++) {
		struct reply reply = { .id = (enum reply_id)id };

		if (reply_code(reply.id) < 400 || id == REPLY_CLOSED_IN_WORDS || id == REPLY_DEFERRED_IN_WORDS)
			continue;
		buf_reset(&out);
		reply_format(&reply, &no_contact, &out);
		if (!strstr(buf_text(&out), "; "))
			fail_msg("\"%s\" does not say what to do", out.data);
	}
	buf_free(&out);
}

static void
a_contact_stands_behind_refusals_only(void **unused)
{
	const struct config config = { .contact = "Questions? Call 12345.", .contact_url = "https://example.org/mail" };
	struct reply refusal = { .id = REPLY_UNKNOWN_USER, .details = { SPAN("x@example.org") } };
	struct reply deferral = { .id = REPLY_PROBE_TROUBLE };
	struct reply taken = { .id = REPLY_RECIPIENT_TAKEN };
	struct buf out = BUF_LIMIT(ROOM_BYTES);

	(void)unused;
	reply_format(&refusal, &config, &out);
	reply_format(&deferral, &config, &out);
	reply_format(&taken, &config, &out);
	assert_string_equal(buf_text(&out),
	    "550-5.1.1 There is no address x@example.org here; check its spelling\r\n"
	    "550-5.1.1 Questions? Call 12345.\r\n550 5.1.1 See https://example.org/mail\r\n"
	    "451-4.3.0 Delivery does not work now; try again later\r\n"
	    "451-4.3.0 Questions? Call 12345.\r\n451 4.3.0 See https://example.org/mail\r\n"
	    "250 2.1.5 Recipient taken\r\n");
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
	reply_format(&reply, &no_contact, &out);
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
	reply_format(&reply, &no_contact, &out);
	assert_string_equal(buf_text(&out), "250-mx.example.org\r\n250-PIPELINING\r\n250 SIZE 52428800\r\n");
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reply_is_well_formed_whatever_its_details),
		cmocka_unit_test(every_refusal_says_cause_and_remedy),
		cmocka_unit_test(a_contact_stands_behind_refusals_only),
		cmocka_unit_test(codes_agree),
		cmocka_unit_test(a_long_explanation_is_cut_into_lines_at_spaces),
		cmocka_unit_test(our_own_lines_follow_the_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
