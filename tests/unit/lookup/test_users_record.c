/* Records of the compiled users: what is encoded decodes to the same, and nothing else decodes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lookup/users_record.h"

static void
test_user(void **state)
{
	const struct span key = SPAN("alice@example.org");
	struct buf value = BUF_LIMIT(1024);
	struct span hash;

	(void)state;
	users_record_encode(key, SPAN("$6$a$b"), &value);
	assert_true(users_record_decode(key, buf_span(&value), &hash));
	assert_true(span_equal(hash, SPAN("$6$a$b")));
	assert_false(users_record_decode(SPAN("bob@example.org"), buf_span(&value), &hash));
	for (size_t i = 0; i < value.length; i++)
		assert_false(users_record_decode(key, span_take(buf_span(&value), i), &hash));
	for (size_t i = 0; i < value.length * 8; i++) {
		value.data[i / 8] = (char)(value.data[i / 8] ^ 1 << i % 8);
		assert_false(users_record_decode(key, buf_span(&value), &hash));
		value.data[i / 8] = (char)(value.data[i / 8] ^ 1 << i % 8);
	}
	buf_free(&value);
}

static void
test_an_empty_hash_is_none(void **state)
{
	struct buf value = BUF_LIMIT(1024);
	struct span hash;

	(void)state;
	users_record_encode(SPAN("a@b"), span_make("", 0), &value);
	assert_false(users_record_decode(SPAN("a@b"), buf_span(&value), &hash));
	buf_reset(&value);
	users_record_encode(SPAN("a@b"), span_make("a\0b", 3), &value);
	assert_false(users_record_decode(SPAN("a@b"), buf_span(&value), &hash));
	buf_free(&value);
}

static void
test_meta(void **state)
{
	const struct users_totals totals = {
		.built_at_seconds = 1ull << 40, .users = 7, .file_bytes = 99, .stand_in = SPAN("$6$a$b")
	};
	struct users_totals without = { 0 };
	struct users_totals read;
	struct buf value = BUF_LIMIT(1024);
	struct span hash;

	(void)state;
	users_meta_encode(&totals, &value);
	assert_true(users_meta_decode(buf_span(&value), &read));
	assert_true(read.built_at_seconds == totals.built_at_seconds && read.users == 7 && read.file_bytes == 99);
	assert_true(span_equal(read.stand_in, totals.stand_in));
	assert_false(users_record_decode(USERS_META_KEY, buf_span(&value), &hash));
	for (size_t i = 0; i < value.length; i++)
		assert_false(users_meta_decode(span_take(buf_span(&value), i), &read));
	buf_reset(&value);
	users_meta_encode(&without, &value);
	assert_true(users_meta_decode(buf_span(&value), &read));
	/* Users without anything to stand in for those who are not there. */
	without.users = 1;
	buf_reset(&value);
	users_meta_encode(&without, &value);
	assert_false(users_meta_decode(buf_span(&value), &read));
	buf_free(&value);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_user),
		cmocka_unit_test(test_an_empty_hash_is_none),
		cmocka_unit_test(test_meta),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
