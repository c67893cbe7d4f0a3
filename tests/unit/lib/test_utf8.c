/* lib/utf8.c and span_is_ascii.
 * On failure: cmocka names the line, and the text at fault stands above it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/utf8.h"

static void
finds_every_high_byte(void **state)
{
	char text[40];

	(void)state;
	memset(text, 'a', sizeof text);
	for (size_t length = 0; length <= sizeof text; length++) {
		assert_true(span_is_ascii(span_make(text, length)));
		for (size_t at = 0; at < length; at++) {
			text[at] = (char)0x80;
			assert_false(span_is_ascii(span_make(text, length)));
			text[at] = 0x7f;
			assert_true(span_is_ascii(span_make(text, length)));
			text[at] = 'a';
		}
	}
}

static void
takes_text(void **state)
{
	static const char *const good[] = { "", "alice", "jörg", "用户", "\xf0\x9f\x93\xa7", "\xc2\xa0",
		"\xf4\x8f\xbf\xbd", "\xef\xbf\xbd", "a\tb\x7f" };

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		if (!utf8_is_text(span_of(good[i])))
			fail_msg("refused: %s", good[i]);
	assert_true(utf8_is_text(SPAN("a\0ü")));
}

static void
refuses_what_is_none(void **state)
{
	static const char *const bad[] = { "\xff", "\xfe", "\x80", "\xc3", "\xc3(", "a\xe4", "\xe2\x82", "\xf0\x9f\x93",
		"ü\xff",
		/* overlong */
		"\xc0\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xe0\x9f\xbf", "\xf0\x80\x80\xaf",
		"\xf0\x8f\xbf\xbf",
		/* surrogates, and what lies behind Unicode */
		"\xed\xa0\x80", "\xed\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80",
		/* C1 controls, line and paragraph separator */
		"\xc2\x80", "\xc2\x9b", "\xc2\x9f", "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (utf8_is_text(span_of(bad[i])))
			fail_msg("text %zu was taken", i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_every_high_byte),
		cmocka_unit_test(takes_text),
		cmocka_unit_test(refuses_what_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
