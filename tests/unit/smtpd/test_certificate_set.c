/* smtpd/certificate_set: what is written is read, and nothing else.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "smtpd/certificate_set.h"

static struct buf
make_two(void)
{
	struct buf bytes = BUF_LIMIT(CERTIFICATE_SET_BYTES);

	certificate_set_begin(&bytes, 0x01020304, 2);
	certificate_set_add(&bytes, SPAN("mx.example.org"), 5, 3);
	buf_append_text(&bytes, "chainkey");
	certificate_set_add(&bytes, SPAN("mail.example.org"), 1, 0);
	buf_append_text(&bytes, "c");
	assert_true(buf_ok(&bytes));
	return bytes;
}

static void
expect_two(const struct certificate_set *set)
{
	assert_int_equal(set->generation, 0x01020304);
	assert_int_equal(set->count, 2);
	assert_true(span_equal(set->entries[0].name, SPAN("mx.example.org")));
	assert_true(span_equal(set->entries[0].chain, SPAN("chain")));
	assert_true(span_equal(set->entries[0].key, SPAN("key")));
	assert_true(span_equal(set->entries[1].name, SPAN("mail.example.org")));
	assert_true(span_equal(set->entries[1].chain, SPAN("c")));
	assert_int_equal(set->entries[1].key.length, 0);
}

static void
what_is_written_is_read(void **unused)
{
	struct buf bytes = make_two();
	struct certificate_set set;

	(void)unused;
	assert_true(certificate_set_parse(buf_span(&bytes), &set));
	expect_two(&set);
	buf_free(&bytes);
}

static void
a_set_cut_short_or_too_long_is_none(void **unused)
{
	struct buf bytes = make_two();
	struct certificate_set set;

	(void)unused;
	for (size_t length = 0; length < bytes.length; length++)
		assert_false(certificate_set_parse(span_take(buf_span(&bytes), length), &set));
	buf_append_char(&bytes, 'x');
	assert_false(certificate_set_parse(buf_span(&bytes), &set));
	buf_free(&bytes);
}

static void
there_is_a_most_of_everything(void **unused)
{
	struct buf bytes = BUF_LIMIT(2 * CERTIFICATE_SET_BYTES);
	struct certificate_set set;

	(void)unused;
	certificate_set_begin(&bytes, 1, CERTIFICATES_MAX + 1);
	for (size_t i = 0; i <= CERTIFICATES_MAX; i++)
		certificate_set_add(&bytes, SPAN("a"), 0, 0);
	assert_false(certificate_set_parse(buf_span(&bytes), &set));
	buf_reset(&bytes);
	certificate_set_begin(&bytes, 1, 1);
	certificate_set_add(&bytes, SPAN("a"), CERTIFICATE_FILE_BYTES + 1, 0);
	for (size_t i = 0; i <= CERTIFICATE_FILE_BYTES; i++)
		buf_append_char(&bytes, 'c');
	assert_true(buf_ok(&bytes));
	assert_false(certificate_set_parse(buf_span(&bytes), &set));
	buf_free(&bytes);
}

static void
a_file_is_read_whole(void **unused)
{
	struct buf bytes = make_two();
	struct buf read_bytes;
	struct certificate_set set;
	int fd = memfd_create("test", MFD_CLOEXEC);

	(void)unused;
	assert_false(certificate_set_load(fd, &read_bytes, &set));
	assert_int_equal(write(fd, bytes.data, bytes.length), bytes.length);
	assert_true(certificate_set_load(fd, &read_bytes, &set));
	assert_true(read_bytes.holds_secrets);
	expect_two(&set);
	buf_free(&read_bytes);
	assert_int_equal(ftruncate(fd, CERTIFICATE_SET_BYTES + 1), 0);
	assert_false(certificate_set_load(fd, &read_bytes, &set));
	assert_false(certificate_set_load(-1, &read_bytes, &set));
	(void)close(fd);
	buf_free(&bytes);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(a_set_cut_short_or_too_long_is_none),
		cmocka_unit_test(there_is_a_most_of_everything),
		cmocka_unit_test(a_file_is_read_whole),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
