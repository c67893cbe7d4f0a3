/* smtpd/sasl: base64 to the letter, the message of PLAIN, LOGIN's challenges.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <string.h>

#include "smtpd/sasl.h"

static char decoded[SASL_TEXT_BYTES];

static void
base64_of_rfc_4648(void **unused)
{
	static const struct {
		const char *text;
		const char *bytes;
	} cases[] = { { "", "" }, { "Zg==", "f" }, { "Zm8=", "fo" }, { "Zm9v", "foo" }, { "Zm9vYg==", "foob" },
		{ "Zm9vYmE=", "fooba" }, { "Zm9vYmFy", "foobar" }, { "+/+/", "\xfb\xff\xbf" } };
	size_t length;

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_true(sasl_decode(span_of(cases[i].text), decoded, &length));
		assert_true(span_equal(span_make(decoded, length), span_of(cases[i].bytes)));
	}
}

static void
what_is_no_base64(void **unused)
{
	static const char *const cases[] = { "Z", "Zg", "Zg=", "Zg===", "=",
		"==", "===", "====", "Z===", "Zh==", "Zm9=", "Zm9v=", "Zg==Zg==", "Zm=v", "Z g=", " Zg==", "Zg==\t",
		"Zm9v\nZm9v", "Zm9-", "Zm9_", "Zm9*", "Zm9\xff", "Zm9\x80", "@AAA", "[AAA", "`AAA", "{AAA", ":AAA",
		",AAA", "*" };
	size_t length;

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (sasl_decode(span_of(cases[i]), decoded, &length))
			fail_msg("\"%s\" was taken for base64", cases[i]);
	assert_false(sasl_decode(SPAN("Zm9\0"), decoded, &length));
}

/* Every length up to the greatest, every octet: what OpenSSL writes is read back. */
static void
all_lengths_and_octets(void **unused)
{
	static unsigned char bytes[SASL_TEXT_BYTES];
	static unsigned char text[SASL_LINE_BYTES + 1];
	size_t length;

	(void)unused;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)(i * 7 + i / 256);
	for (size_t n = 0; n <= sizeof bytes; n += n < 600 ? 1 : 1723) {
		size_t written = (size_t)EVP_EncodeBlock(text, bytes, (int)n);

		assert_true(sasl_decode(span_make((const char *)text, written), decoded, &length));
		assert_true(span_equal(span_make(decoded, length), span_make((const char *)bytes, n)));
	}
	memset(text, 'A', sizeof text);
	assert_true(sasl_decode(span_make((const char *)text, SASL_LINE_BYTES), decoded, &length));
	assert_int_equal(length, SASL_TEXT_BYTES);
	static char longer[SASL_LINE_BYTES + 4];
	memset(longer, 'A', sizeof longer);
	assert_false(sasl_decode(span_make(longer, sizeof longer), decoded, &length));
}

static void
messages_of_plain(void **unused)
{
	struct sasl_credentials who;

	(void)unused;
	assert_true(sasl_parse_plain(SPAN("\0alice@example.org\0secret"), &who));
	assert_true(span_equal(who.user, SPAN("alice@example.org")));
	assert_true(span_equal(who.password, SPAN("secret")));
	assert_true(sasl_parse_plain(SPAN("Alice@example.org\0alice@example.org\0 s\xc3\xa9 "), &who));
	assert_true(span_equal(who.user, SPAN("alice@example.org")));
	assert_true(span_equal(who.password, SPAN(" s\xc3\xa9 ")));
}

static void
what_is_no_message_of_plain(void **unused)
{
	static const struct span cases[] = { SPAN(""), SPAN("\0"), SPAN("\0\0"), SPAN("alice"), SPAN("\0alice"),
		SPAN("\0alice\0"), SPAN("\0\0secret"), SPAN("\0alice\0secret\0"), SPAN("\0alice\0sec\0ret"),
		SPAN("bob\0alice\0secret"), SPAN("alice\0alice"), SPAN("alice\0\0secret") };
	struct sasl_credentials who;

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (sasl_parse_plain(cases[i], &who))
			fail_msg("case %zu was taken for a message of PLAIN", i);
}

static void
mechanisms_and_their_challenges(void **unused)
{
	enum sasl_mechanism mechanism;
	size_t length;

	(void)unused;
	assert_true(sasl_mechanism_of(SPAN("PLAIN"), &mechanism));
	assert_int_equal(mechanism, SASL_PLAIN);
	assert_true(sasl_mechanism_of(SPAN("login"), &mechanism));
	assert_int_equal(mechanism, SASL_LOGIN);
	assert_false(sasl_mechanism_of(SPAN("CRAM-MD5"), &mechanism));
	assert_false(sasl_mechanism_of(SPAN("PLAIN "), &mechanism));
	assert_false(sasl_mechanism_of(SPAN(""), &mechanism));
	assert_int_equal(sasl_challenge(SASL_PLAIN, 0).length, 0);
	assert_true(sasl_decode(sasl_challenge(SASL_LOGIN, 0), decoded, &length));
	assert_true(span_equal(span_make(decoded, length), SPAN("Username:")));
	assert_true(sasl_decode(sasl_challenge(SASL_LOGIN, 1), decoded, &length));
	assert_true(span_equal(span_make(decoded, length), SPAN("Password:")));
	assert_true(sasl_is_answer(SPAN("x")));
	assert_false(sasl_is_answer(SPAN("")));
	assert_false(sasl_is_answer(SPAN("a\0b")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_of_rfc_4648),
		cmocka_unit_test(what_is_no_base64),
		cmocka_unit_test(all_lengths_and_octets),
		cmocka_unit_test(messages_of_plain),
		cmocka_unit_test(what_is_no_message_of_plain),
		cmocka_unit_test(mechanisms_and_their_challenges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
