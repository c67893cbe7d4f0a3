/* Tests of deliver/digest.c: what makes two attempts the same message, and what does not.
 *
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "deliver/digest.h"

#define IDENTITY "Message-ID: <1@example.net>\r\n"

/* The digest in pieces of so many bytes; false when the message is not to be remembered. */
static bool
digest_of(const char *mailfrom, const char *text, size_t piece_bytes, uint8_t result[static SHA256_BYTES])
{
	struct sha256 *hash = sha256_new();
	struct digest digest;
	struct span rest = span_of(text);

	assert_non_null(hash);
	digest_begin(&digest, hash, span_of(mailfrom));
	for (; rest.length; rest = span_skip(rest, piece_bytes))
		digest_add(&digest, span_take(rest, piece_bytes));
	bool ok = digest_end(&digest, result);
	sha256_free(hash);
	return ok;
}

static bool
same(const char *a, const char *b)
{
	uint8_t left[SHA256_BYTES];
	uint8_t right[SHA256_BYTES];

	assert_true(digest_of("bob@example.net", a, 4096, left));
	assert_true(digest_of("bob@example.net", b, 4096, right));
	return memcmp(left, right, sizeof left) == 0;
}

static void
fields_that_change_on_the_way_do_not_count(void **state)
{
	static const char *const fields[] = {
		"Received: from a by b; today\r\n",
		"RECEIVED: from a\r\n\tby b;\r\n today\r\n",
		"DKIM-Signature: v=1; b=abc\r\n",
		"ARC-Seal: i=1\r\n",
		"arc-message-signature: i=1\r\n\tb=abc\r\n",
		"Authentication-Results: mx; spf=pass\r\n",
		"X-Anything-At-All-With-A-Name-Longer-Than-The-Machine-Keeps: 1\r\n",
		"x-y:\r\n  folded\r\n\tagain\r\n",
		"Received : from a\r\n",
	};
	static const char plain[] = IDENTITY "Subject: s\r\n\r\nbody\r\n";
	char with[512];

	(void)state;
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		(void)snprintf(with, sizeof with, "%s%s", fields[i], plain);
		assert_true(same(plain, with));
		(void)snprintf(with, sizeof with, IDENTITY "%sSubject: s\r\n\r\nbody\r\n", fields[i]);
		assert_true(same(plain, with));
	}
}

static void
everything_else_counts(void **state)
{
	static const char plain[] = IDENTITY "Subject: s\r\n\r\nbody\r\n";

	(void)state;
	assert_false(same(plain, IDENTITY "Subject: t\r\n\r\nbody\r\n"));
	assert_false(same(plain, IDENTITY "Subject: s\r\n\r\nBody\r\n"));
	assert_false(same(plain, IDENTITY "Subject: s\r\n\r\nbody\r\n\r\n"));
	assert_false(same(plain, IDENTITY "Subject: s\r\n folded\r\n\r\nbody\r\n"));
	assert_false(same(plain, IDENTITY "Subject: s\r\nXY: 1\r\n\r\nbody\r\n"));
	assert_false(same(plain, IDENTITY "Subject: s\r\nReceived-SPF: none\r\n\r\nbody\r\n"));
	assert_false(same(plain, "Message-ID: <2@example.net>\r\nSubject: s\r\n\r\nbody\r\n"));
	/* In the body such names are text. */
	assert_false(same(plain, IDENTITY "Subject: s\r\n\r\nReceived: x\r\nbody\r\n"));
	/* A line without a colon does not carry a skipped field on. */
	assert_false(same(IDENTITY "X-A: 1\r\nnonsense\r\n\r\n", IDENTITY "X-A: 1\r\n\r\n"));
}

static void
the_sender_counts(void **state)
{
	uint8_t left[SHA256_BYTES];
	uint8_t right[SHA256_BYTES];

	(void)state;
	assert_true(digest_of("a@example.net", IDENTITY "\r\n", 99, left));
	assert_true(digest_of("b@example.net", IDENTITY "\r\n", 99, right));
	assert_memory_not_equal(left, right, sizeof left);
	assert_true(digest_of("", IDENTITY "\r\n", 99, right));
	assert_memory_not_equal(left, right, sizeof left);
}

static void
pieces_do_not_matter(void **state)
{
	static const char text[] =
	    "Received: a\r\n\tb\r\nDate: now\r\nX-1: 2\r\n 3\r\nno colon here, but a line longer than "
	    "any field name\r\nSubject: s\r\n t\r\n\r\nX-Body: 1\r\nbody\r\n";
	uint8_t whole[SHA256_BYTES];
	uint8_t pieces[SHA256_BYTES];

	(void)state;
	assert_true(digest_of("a@b", text, sizeof text, whole));
	for (size_t piece = 1; piece < 40; piece++) {
		assert_true(digest_of("a@b", text, piece, pieces));
		assert_memory_equal(whole, pieces, sizeof whole);
	}
}

static void
without_message_id_and_date_nothing_is_remembered(void **state)
{
	uint8_t result[SHA256_BYTES];

	(void)state;
	assert_false(digest_of("a@b", "Subject: s\r\n\r\nMessage-ID: <1@b>\r\nDate: x\r\n", 99, result));
	assert_false(digest_of("a@b", "", 99, result));
	assert_false(digest_of("a@b", "Subject: s\r\n Date: x\r\n\r\n", 99, result));
	assert_true(digest_of("a@b", "dAtE: x\r\n\r\n", 99, result));
	assert_true(digest_of("a@b", "message-id : <1@b>\r\n\r\n", 99, result));
	assert_false(digest_of("a@b", "Dates: x\r\n\r\n", 99, result));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_that_change_on_the_way_do_not_count),
		cmocka_unit_test(everything_else_counts),
		cmocka_unit_test(the_sender_counts),
		cmocka_unit_test(pieces_do_not_matter),
		cmocka_unit_test(without_message_id_and_date_nothing_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
