/* Map records: what is encoded decodes to the same, and nothing else decodes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "lookup/map_record.h"
#include "tests/unit/values.h"

static struct map_mailbox mailboxes[MAP_MAILBOXES_MAX];

/* Every shortened, lengthened or changed value is refused, and so is one that was another key's. */
static void
refuse_damaged(struct span key, struct buf *value)
{
	struct map_record record;

	for (size_t i = 0; i < value->length; i++)
		assert_false(map_record_decode(key, span_take(buf_span(value), i), &record, mailboxes));
	for (size_t i = 0; i < value->length * 8; i++) {
		value->data[i / 8] = (char)(value->data[i / 8] ^ 1 << i % 8);
		assert_false(map_record_decode(key, buf_span(value), &record, mailboxes));
		value->data[i / 8] = (char)(value->data[i / 8] ^ 1 << i % 8);
	}
	assert_true(map_record_decode(key, buf_span(value), &record, mailboxes));
	assert_false(map_record_decode(SPAN("other@example.org"), buf_span(value), &record, mailboxes));
	buf_append_char(value, '\0');
	assert_false(map_record_decode(key, buf_span(value), &record, mailboxes));
}

static void
test_deliver(void **state)
{
	struct map_mailbox two[2] = { { .path = SPAN("example.org/alice"), .quota_bytes = 1ull << 40, .line = 3 },
		{ .address = SPAN("bob@example.org"), .root = 15, .path = SPAN("b"), .line = 4000000000u } };
	const struct map_record record = {
		.kind = MAP_KIND_DELIVER, .file = 65534, .line = 7, .count = 2, .mailboxes = two
	};
	struct buf value = BUF_LIMIT(4096);
	struct map_record read;

	(void)state;
	map_record_encode(SPAN("info@example.org"), &record, &value);
	assert_true(map_record_decode(SPAN("info@example.org"), buf_span(&value), &read, mailboxes));
	assert_int_equal(read.kind, MAP_KIND_DELIVER);
	assert_int_equal(read.file, 65534);
	assert_int_equal(read.line, 7);
	assert_int_equal(read.count, 2);
	assert_ptr_equal(read.mailboxes, mailboxes);
	assert_int_equal(mailboxes[0].address.length, 0);
	assert_span(mailboxes[0].path, "example.org/alice");
	assert_true(mailboxes[0].quota_bytes == 1ull << 40);
	assert_span(mailboxes[1].address, "bob@example.org");
	assert_int_equal(mailboxes[1].root, 15);
	assert_int_equal(mailboxes[1].line, 4000000000u);
	refuse_damaged(SPAN("info@example.org"), &value);
	buf_free(&value);
}

static void
test_texts(void **state)
{
	const struct map_record record = {
		.kind = MAP_KIND_REFUSE, .line = 1, .text = SPAN("This address is closed.")
	};
	const struct map_record silent = { .kind = MAP_KIND_DEFER, .line = 2 };
	struct buf value = BUF_LIMIT(4096);
	struct map_record read;

	(void)state;
	map_record_encode(SPAN("a@b.org"), &record, &value);
	assert_true(map_record_decode(SPAN("a@b.org"), buf_span(&value), &read, mailboxes));
	assert_int_equal(read.kind, MAP_KIND_REFUSE);
	assert_span(read.text, "This address is closed.");
	assert_int_equal(read.count, 0);
	refuse_damaged(SPAN("a@b.org"), &value);
	buf_reset(&value);
	map_record_encode(SPAN("a@b.org"), &silent, &value);
	assert_true(map_record_decode(SPAN("a@b.org"), buf_span(&value), &read, mailboxes));
	assert_int_equal(read.kind, MAP_KIND_DEFER);
	assert_int_equal(read.text.length, 0);
	buf_free(&value);
}

/* What a correct checksum covers is still checked. */
static void
test_unsound_records(void **state)
{
	struct map_mailbox mailbox = { .path = SPAN("../etc") };
	struct map_record record = { .kind = MAP_KIND_DELIVER, .count = 1, .mailboxes = &mailbox };
	struct buf value = BUF_LIMIT(1 << 20);
	struct map_record read;
	struct span key = SPAN("a@b.org");

	(void)state;
	map_record_encode(key, &record, &value);
	assert_false(map_record_decode(key, buf_span(&value), &read, mailboxes));
	buf_reset(&value);
	mailbox = (struct map_mailbox){ .path = SPAN("a"), .root = MAP_ROOTS_MAX };
	map_record_encode(key, &record, &value);
	assert_false(map_record_decode(key, buf_span(&value), &read, mailboxes));
	buf_reset(&value);
	record.count = 0;
	map_record_encode(key, &record, &value);
	assert_false(map_record_decode(key, buf_span(&value), &read, mailboxes));
	buf_reset(&value);
	map_domain_encode(key, &value);
	assert_false(map_record_decode(key, buf_span(&value), &read, mailboxes));
	assert_true(map_domain_decode(key, buf_span(&value)));
	assert_false(map_domain_decode(SPAN("@c.org"), buf_span(&value)));
	buf_free(&value);
}

static void
test_most_mailboxes(void **state)
{
	struct map_mailbox *many = calloc(MAP_MAILBOXES_MAX + 1, sizeof *many);
	struct map_record record = { .kind = MAP_KIND_DELIVER, .count = MAP_MAILBOXES_MAX, .mailboxes = many };
	struct buf value = BUF_LIMIT(1 << 20);
	struct map_record read;

	(void)state;
	assert_non_null(many);
	for (size_t i = 0; i <= MAP_MAILBOXES_MAX; i++)
		many[i].path = SPAN("a/b");
	map_record_encode(SPAN("k"), &record, &value);
	assert_true(map_record_decode(SPAN("k"), buf_span(&value), &read, mailboxes));
	assert_int_equal(read.count, MAP_MAILBOXES_MAX);
	buf_reset(&value);
	record.count = MAP_MAILBOXES_MAX + 1;
	map_record_encode(SPAN("k"), &record, &value);
	assert_false(map_record_decode(SPAN("k"), buf_span(&value), &read, mailboxes));
	buf_free(&value);
	free(many);
}

static void
test_meta_and_files(void **state)
{
	struct map_totals totals = {
		.built_at_seconds = 1, .addresses = 2, .entries = 3, .records = 4, .file_bytes = 5
	};
	struct map_totals read;
	struct buf value = BUF_LIMIT(4096);
	char key[MAP_FILE_KEY_BYTES];
	struct span name;

	(void)state;
	memset(totals.digest, 0xab, sizeof totals.digest);
	memset(totals.settings, 0x12, sizeof totals.settings);
	map_meta_encode(&totals, &value);
	assert_int_equal(value.length, MAP_META_VALUE_BYTES);
	assert_true(map_meta_decode(buf_span(&value), &read));
	assert_memory_equal(&read, &totals, sizeof read);
	for (size_t i = 0; i < value.length; i++) {
		value.data[i]++;
		assert_false(map_meta_decode(buf_span(&value), &read));
		value.data[i]--;
	}
	buf_reset(&value);
	map_file_key(258, key);
	assert_memory_equal(key, "\0file\1\2", sizeof key);
	map_file_encode(span_make(key, sizeof key), SPAN("/etc/tidegate/recipients"), &value);
	assert_true(map_file_decode(span_make(key, sizeof key), buf_span(&value), &name));
	assert_span(name, "/etc/tidegate/recipients");
	buf_free(&value);
}

static void
test_paths(void **state)
{
	static const char *const safe[] = { "a", "a/b", "...", "a/..b", ".a", "a b/c" };
	static const char *const unsafe[] = { "", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b" };

	(void)state;
	for (size_t i = 0; i < sizeof safe / sizeof safe[0]; i++)
		assert_true(map_path_is_safe(span_of(safe[i])));
	for (size_t i = 0; i < sizeof unsafe / sizeof unsafe[0]; i++)
		assert_false(map_path_is_safe(span_of(unsafe[i])));
	assert_false(map_path_is_safe(SPAN("a\0b")));
	char longest[256];
	memset(longest, 'a', sizeof longest);
	assert_true(map_path_is_safe(span_make(longest, 255)));
	assert_false(map_path_is_safe(span_make(longest, 256)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deliver),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_unsound_records),
		cmocka_unit_test(test_most_mailboxes),
		cmocka_unit_test(test_meta_and_files),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
