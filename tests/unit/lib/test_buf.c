/* lib/buf.c: a buffer that never passes its cap and whose error sticks.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/buf.h"

const char *__asan_default_options(void);

/* Tells a sanitizer to let malloc fail, as it does without one. */
const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void
assert_content(const struct buf *buf, const char *expected)
{
	assert_true(buf_ok(buf));
	assert_int_equal(buf->length, strlen(expected));
	assert_memory_equal(buf_span(buf).data, expected, strlen(expected));
}

static void
begins_empty(void **state)
{
	struct buf buf = BUF_LIMIT(10);

	(void)state;
	assert_content(&buf, "");
	assert_non_null(buf_span(&buf).data);
	buf_append(&buf, span_make(NULL, 0));
	buf_append_text(&buf, "");
	assert_content(&buf, "");
	assert_null(buf.data);
	buf_free(&buf);
}

static void
appends_of_every_kind(void **state)
{
	struct buf buf = BUF_LIMIT(1000);

	(void)state;
	buf_append(&buf, SPAN("a"));
	buf_append_text(&buf, "bc");
	buf_append_char(&buf, 'd');
	buf_printf(&buf, "%s-%d", "e", 5);
	buf_append_u64(&buf, 0);
	buf_append_char(&buf, ' ');
	buf_append_u64(&buf, UINT64_MAX);
	buf_append_char(&buf, ' ');
	buf_append_u64(&buf, 1000);
	assert_content(&buf, "abcde-50 18446744073709551615 1000");
	buf_free(&buf);
}

static void
holds_exactly_its_limit(void **state)
{
	struct buf buf = BUF_LIMIT(100);

	(void)state;
	for (int i = 0; i < 100; i++)
		buf_append_char(&buf, 'x');
	assert_true(buf_ok(&buf));
	assert_int_equal(buf.length, 100);
	buf_append_char(&buf, 'x');
	assert_false(buf_ok(&buf));
	assert_int_equal(buf.length, 100);
	buf_free(&buf);
}

static void
an_error_sticks(void **state)
{
	struct buf buf = BUF_LIMIT(5);

	(void)state;
	buf_append_text(&buf, "abc");
	buf_append_text(&buf, "def");
	assert_false(buf_ok(&buf));
	buf_append_text(&buf, "d");
	buf_printf(&buf, "d");
	buf_append_u64(&buf, 1);
	buf_append_escaped(&buf, SPAN("d"));
	assert_null(buf_reserve(&buf, 1));
	assert_null(buf_text(&buf));
	assert_int_equal(buf.length, 3);
	assert_memory_equal(buf.data, "abc", 3);
	buf_reset(&buf);
	buf_append_text(&buf, "vwxyz");
	assert_content(&buf, "vwxyz");
	buf_free(&buf);
}

static void
sizes_do_not_overflow(void **state)
{
	struct buf buf = BUF_LIMIT(10);

	(void)state;
	buf_append_text(&buf, "abc");
	assert_null(buf_reserve(&buf, SIZE_MAX));
	assert_false(buf_ok(&buf));
	buf_reset(&buf);
	buf_append_text(&buf, "abc");
	assert_null(buf_reserve(&buf, SIZE_MAX - 2));
	assert_int_equal(buf.length, 3);
	buf_free(&buf);
}

/* A cap that memory cannot meet: the failure is the buffer's, not the process's. */
static void
fails_without_memory(void **state)
{
	struct buf buf = BUF_LIMIT(SIZE_MAX);

	(void)state;
	buf_append_text(&buf, "abc");
	assert_null(buf_reserve(&buf, SIZE_MAX / 2));
	assert_false(buf_ok(&buf));
	assert_int_equal(buf.length, 3);
	assert_memory_equal(buf.data, "abc", 3);
	buf_free(&buf);
}

static void
printf_that_does_not_fit_leaves_nothing(void **state)
{
	struct buf buf = BUF_LIMIT(8);

	(void)state;
	buf_printf(&buf, "%s", "abc");
	buf_printf(&buf, "%s", "123456");
	assert_false(buf_ok(&buf));
	assert_int_equal(buf.length, 3);
	buf_free(&buf);
}

static void
printf_fills_it_to_the_limit(void **state)
{
	struct buf buf = BUF_LIMIT(8);

	(void)state;
	buf_printf(&buf, "%s", "abc");
	buf_printf(&buf, "%s", "12345");
	assert_content(&buf, "abc12345");
	buf_free(&buf);
}

static void
text_has_a_nul_that_does_not_count(void **state)
{
	struct buf buf = BUF_LIMIT(4);

	(void)state;
	assert_string_equal(buf_text(&buf), "");
	buf_append_text(&buf, "abc");
	assert_string_equal(buf_text(&buf), "abc");
	assert_int_equal(buf.length, 3);
	buf_append_char(&buf, 'd');
	assert_content(&buf, "abcd");
	assert_string_equal(buf_text(&buf), "abcd");
	assert_true(buf_ok(&buf));
	buf_free(&buf);
}

static void
escapes_all_but_plain_ascii(void **state)
{
	struct buf buf = BUF_LIMIT(1000);

	(void)state;
	buf_append_escaped(&buf, SPAN(" a~\x7f\"\\\r\n\0\xc3\xa4=z"));
	assert_content(&buf, " a~\\x7f\\x22\\x5c\\x0d\\x0a\\x00\\xc3\\xa4=z");
	buf_reset(&buf);
	buf_append_escaped(&buf, SPAN(""));
	buf_append_escaped(&buf, SPAN("plain"));
	assert_content(&buf, "plain");
	buf_free(&buf);
}

static void
consumes_from_the_front(void **state)
{
	struct buf buf = BUF_LIMIT(10);

	(void)state;
	buf_consume(&buf, 0);
	buf_append_text(&buf, "abcdef");
	buf_consume(&buf, 0);
	assert_content(&buf, "abcdef");
	buf_consume(&buf, 2);
	assert_content(&buf, "cdef");
	buf_append_text(&buf, "ghijkl");
	assert_content(&buf, "cdefghijkl");
	buf_consume(&buf, 10);
	assert_content(&buf, "");
	buf_append_text(&buf, "x");
	buf_consume(&buf, SIZE_MAX);
	assert_content(&buf, "");
	buf_free(&buf);
}

static void
reserved_room_can_be_written(void **state)
{
	struct buf buf = BUF_LIMIT(5000);
	char *room = buf_reserve(&buf, 5000);

	(void)state;
	assert_non_null(room);
	assert_int_equal(buf.length, 0);
	memset(room, 'x', 5000);
	buf.length += 5000;
	assert_true(buf_ok(&buf));
	assert_null(buf_reserve(&buf, 1));
	buf_free(&buf);
	assert_content(&buf, "");
	assert_int_equal(buf.limit_bytes, 5000);
}

static void
numbers_are_big_endian(void **state)
{
	struct buf buf = BUF_LIMIT(12);
	uint64_t value = 0;

	(void)state;
	buf_append_number(&buf, 0x1234, 2);
	buf_append_number(&buf, 0xff, 1);
	buf_append_number(&buf, UINT64_C(0x8000000000000001), 8);
	assert_int_equal(buf.length, 11);
	assert_memory_equal(buf.data, "\x12\x34\xff\x80\0\0\0\0\0\0\x01", 11);
	struct span rest = buf_span(&buf);
	assert_true(span_take_number(&rest, 2, &value) && value == 0x1234);
	assert_true(span_take_number(&rest, 1, &value) && value == 0xff);
	assert_true(span_take_number(&rest, 8, &value) && value == UINT64_C(0x8000000000000001));
	assert_false(span_take_number(&rest, 1, &value));
	rest = buf_span(&buf);
	rest.length = 3;
	assert_false(span_take_number(&rest, 4, &value));
	assert_int_equal(rest.length, 3);
	buf_free(&buf);
}

static void
a_decimal_number_is_read_whole_or_not_at_all(void **state)
{
	static const struct {
		const char *digits;
		uint64_t number;
	} good[] = { { "0", 0 }, { "007", 7 }, { "18446744073709551615", UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX }, { "99999999999999999999999", UINT64_MAX } };
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "1k", "0x1" };
	uint64_t number;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(span_read_decimal(span_of(good[i].digits), &number) && number == good[i].number);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(span_read_decimal(span_of(bad[i]), &number));
}

static bool
holds(const struct buf *buf, const char *text)
{
	return memmem(buf->data, buf->capacity, text, strlen(text)) != NULL;
}

static void
secrets_are_overwritten(void **state)
{
	struct buf buf = BUF_LIMIT(5000);

	(void)state;
	buf.holds_secrets = true;
	memset(buf_reserve(&buf, 64), 0, 64);
	buf_append_text(&buf, "secret-one, secret-two");
	buf_consume(&buf, 10);
	assert_content(&buf, ", secret-two");
	assert_false(holds(&buf, "secret-one"));
	buf_consume(&buf, 2);
	/* The tail of what was moved to the front. */
	assert_false(holds(&buf, "two two"));
	assert_int_equal(buf.data[11], '\0');
	buf_consume(&buf, SIZE_MAX);
	assert_false(holds(&buf, "secret"));
	buf_append_text(&buf, "secret-three");
	buf_reset(&buf);
	assert_false(holds(&buf, "secret"));
	buf_append_text(&buf, "abc");
	for (unsigned i = 0; i < 400; i++)
		buf_append_text(&buf, "0123456789");
	assert_int_equal(buf.length, 4003);
	assert_memory_equal(buf.data, "abc0123456789", 13);
	buf_free(&buf);
	assert_true(buf.holds_secrets);
	assert_int_equal(buf.limit_bytes, 5000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_empty),
		cmocka_unit_test(appends_of_every_kind),
		cmocka_unit_test(holds_exactly_its_limit),
		cmocka_unit_test(an_error_sticks),
		cmocka_unit_test(sizes_do_not_overflow),
		cmocka_unit_test(fails_without_memory),
		cmocka_unit_test(printf_that_does_not_fit_leaves_nothing),
		cmocka_unit_test(printf_fills_it_to_the_limit),
		cmocka_unit_test(text_has_a_nul_that_does_not_count),
		cmocka_unit_test(escapes_all_but_plain_ascii),
		cmocka_unit_test(consumes_from_the_front),
		cmocka_unit_test(numbers_are_big_endian),
		cmocka_unit_test(secrets_are_overwritten),
		cmocka_unit_test(reserved_room_can_be_written),
		cmocka_unit_test(a_decimal_number_is_read_whole_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
