/* The canonical form of addresses: case, quotes, NFC, A-labels, and the bases of sub-addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "lookup/mail_address.h"

struct example {
	const char *written;
	const char *canonical;
};

static const struct example folded[] = {
	{ "alice@example.org", "alice@example.org" },
	{ "ALICE@Example.ORG", "alice@example.org" },
	{ "\"alice\"@example.org", "alice@example.org" },
	{ "\"a\\lice\"@example.org", "alice@example.org" },
	{ "\"a.b\"@example.org", "a.b@example.org" },
	{ "\"a..b\"@example.org", "\"a..b\"@example.org" },
	{ "\".a\"@example.org", "\".a\"@example.org" },
	{ "\"a b\"@example.org", "\"a b\"@example.org" },
	{ "\"A@B\"@example.org", "\"a@b\"@example.org" },
	{ "\"a\\\"b\\\\c\"@example.org", "\"a\\\"b\\\\c\"@example.org" },
	{ "\"\"@example.org", "\"\"@example.org" },
	{ "o'neil+x=y/z@example.org", "o'neil+x=y/z@example.org" },
	{ "user%host@example.org", "user%host@example.org" },
	{ "a@_under.example", "a@_under.example" },
	{ "a@[192.0.2.1]", "a@[192.0.2.1]" },
	{ "a@[IPv6:2001:DB8::1]", "a@[ipv6:2001:db8::1]" },
	/* u + combining diaeresis and the one-character form are the same; so are capitals. */
	{ "ju\xcc\x88rgen@example.org", "j\xc3\xbcrgen@example.org" },
	{ "J\xc3\x9cRGEN@example.org", "j\xc3\xbcrgen@example.org" },
	{ "a@b\xc3\xbc"
	  "cher.example",
	    "a@xn--bcher-kva.example" },
	{ "a@B\xc3\x9c"
	  "CHER.Example",
	    "a@xn--bcher-kva.example" },
	{ "a@bu\xcc\x88"
	  "cher.example",
	    "a@xn--bcher-kva.example" },
	{ "a@XN--BCHER-KVA.example", "a@xn--bcher-kva.example" },
	/* Case is folded in no language, and no letter becomes two. */
	{ "STRAẞE@example.org", "straße@example.org" },
	{ "STRASSE@example.org", "strasse@example.org" },
	{ "ΟΔΥΣΣΕΥΣ@example.org", "οδυσσευς@example.org" },
	{ "ИВАН.ПЕТРОВ+Почта@почта.example", "иван.петров+почта@xn--80a1acny.example" },
	{ "用户@例子.example", "用户@xn--fsqu00a.example" },
	{ "\"Ü ber\"@example.org", "\"ü ber\"@example.org" },
	{ "\"jürgen\"@example.org", "jürgen@example.org" },
	{ "می\xe2\x80\x8cخواهم@example.org", "می\xe2\x80\x8cخواهم@example.org" },
	/* Full-width and Kelvin letters: only what NFC itself does. */
	{ "ａ@example.org", "ａ@example.org" },
	{ "\xe2\x84\xaa@example.org", "k@example.org" },
	/* NFC turns the Greek question mark into a semicolon, which needs quotes. */
	{ "a\xcd\xbe@example.org", "\"a;\"@example.org" },
};

static const struct example kept[] = {
	{ "Alice@Example.ORG", "Alice@example.org" },
	{ "\"Alice\"@example.org", "Alice@example.org" },
	{ "J\xc3\x9cRGEN@example.org", "J\xc3\x9cRGEN@example.org" },
	{ "POSTmaster@example.org", "postmaster@example.org" },
	{ "\"Abuse\"@example.org", "abuse@example.org" },
};

static void
expect(const struct example *example, bool keeps_case)
{
	struct mail_address address;

	if (mail_address_canonical(span_of(example->written), keeps_case, &address) != MAIL_ADDRESS_OK)
		fail_msg("refused: %s", example->written);
	if (!span_equal(mail_address_span(&address), span_of(example->canonical)))
		fail_msg("%s became %.*s", example->written, SPAN_ARG(mail_address_span(&address)));
	assert_int_equal(address.bytes[address.local_length], '@');
	/* It is its own canonical form. */
	struct mail_address again;
	assert_int_equal(mail_address_canonical(mail_address_span(&address), keeps_case, &again), MAIL_ADDRESS_OK);
	assert_true(span_equal(mail_address_span(&address), mail_address_span(&again)));
}

static void
test_canonical(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof folded / sizeof folded[0]; i++)
		expect(&folded[i], false);
	for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
		expect(&kept[i], true);
}

struct refusal {
	const char *written;
	enum mail_address_result result;
};

#define LOCAL_64 "a234567890b234567890c234567890d234567890e234567890f234567890g234"
#define LABEL_63 "a234567890b234567890c234567890d234567890e234567890f234567890g23"

static const struct refusal refusals[] = {
	{ "", MAIL_ADDRESS_NO_DOMAIN },
	{ "alice", MAIL_ADDRESS_NO_DOMAIN },
	{ "@example.org", MAIL_ADDRESS_NO_LOCAL_PART },
	{ "alice@", MAIL_ADDRESS_BAD_DOMAIN },
	{ "alice@example..org", MAIL_ADDRESS_BAD_DOMAIN },
	{ "alice@example.org.", MAIL_ADDRESS_BAD_DOMAIN },
	{ "alice@.org", MAIL_ADDRESS_BAD_DOMAIN },
	{ "alice@-a.org", MAIL_ADDRESS_BAD_DOMAIN },
	{ "alice@a-.org", MAIL_ADDRESS_BAD_DOMAIN },
	{ "alice@exa mple.org", MAIL_ADDRESS_BAD_DOMAIN },
	{ "alice@a\xff.org", MAIL_ADDRESS_BAD_DOMAIN },
	{ "alice@" LABEL_63 "4.org", MAIL_ADDRESS_BAD_DOMAIN },
	{ "alice@" LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63, MAIL_ADDRESS_BAD_DOMAIN },
	{ "alice@[192.0.2.1", MAIL_ADDRESS_BAD_DOMAIN },
	{ "alice@[]", MAIL_ADDRESS_BAD_DOMAIN },
	{ "alice@[a]b]", MAIL_ADDRESS_BAD_DOMAIN },
	{ "al ice@example.org", MAIL_ADDRESS_BAD_LOCAL_PART },
	{ "a@b@example.org", MAIL_ADDRESS_BAD_LOCAL_PART },
	{ ".alice@example.org", MAIL_ADDRESS_BAD_LOCAL_PART },
	{ "alice.@example.org", MAIL_ADDRESS_BAD_LOCAL_PART },
	{ "a..b@example.org", MAIL_ADDRESS_BAD_LOCAL_PART },
	{ "\"a\nb\"@example.org", MAIL_ADDRESS_BAD_LOCAL_PART },
	{ "\"a\"b\"@example.org", MAIL_ADDRESS_BAD_LOCAL_PART },
	{ "\"a\\\"@example.org", MAIL_ADDRESS_BAD_LOCAL_PART },
	{ "\"@example.org", MAIL_ADDRESS_BAD_LOCAL_PART },
	{ "\"a\"b@example.org", MAIL_ADDRESS_BAD_LOCAL_PART },
	{ LOCAL_64 "5@example.org", MAIL_ADDRESS_LONG_LOCAL_PART },
	{ "a\xff@example.org", MAIL_ADDRESS_BAD_UTF8 },
	{ "a\xc3@example.org", MAIL_ADDRESS_BAD_UTF8 },
	{ "\xc0\xaf@example.org", MAIL_ADDRESS_BAD_UTF8 },
	{ "\xed\xa0\x80@example.org", MAIL_ADDRESS_BAD_UTF8 },
	{ "a\xc2\x9b@example.org", MAIL_ADDRESS_STRANGE_LOCAL_PART },
	{ "a\xe2\x80\x8b@example.org", MAIL_ADDRESS_STRANGE_LOCAL_PART },
	{ "a\xe2\x80\xae@example.org", MAIL_ADDRESS_STRANGE_LOCAL_PART },
	{ "a\xe2\x80\xa8@example.org", MAIL_ADDRESS_STRANGE_LOCAL_PART },
	{ "\xef\xbb\xbf@example.org", MAIL_ADDRESS_STRANGE_LOCAL_PART },
	{ "\xee\x80\x80@example.org", MAIL_ADDRESS_STRANGE_LOCAL_PART },
	{ "\xcd\xb8@example.org", MAIL_ADDRESS_STRANGE_LOCAL_PART },
	{ "\"a\xe2\x80\x8b\"@example.org", MAIL_ADDRESS_STRANGE_LOCAL_PART },
};

static void
test_refusals(void **state)
{
	struct mail_address address;

	(void)state;
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		enum mail_address_result result = mail_address_canonical(span_of(refusals[i].written), false, &address);

		if (result != refusals[i].result)
			fail_msg("%s: %d", refusals[i].written, (int)result);
		assert_true(strlen(mail_address_problem(result)) > 20);
	}
	assert_int_equal(
	    mail_address_canonical(SPAN("a\0b@example.org"), false, &address), MAIL_ADDRESS_BAD_LOCAL_PART);
	assert_int_equal(mail_address_canonical(SPAN("a@example\0.org"), false, &address), MAIL_ADDRESS_BAD_DOMAIN);
}

/* Names that only look alike. */
static void
test_homographs(void **state)
{
	static const char *const pairs[][2] = { { "аlice@example.org", "alice@example.org" },
		{ "οscar@example.org", "oscar@example.org" }, { "ı@example.org", "i@example.org" },
		{ "straße@example.org", "strasse@example.org" }, { "poſtmaster@example.org", "postmaster@example.org" },
		{ "ａlice@example.org", "alice@example.org" }, { "ﬁ@example.org", "fi@example.org" } };
	struct mail_address one;
	struct mail_address other;

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		assert_int_equal(mail_address_canonical(span_of(pairs[i][0]), false, &one), MAIL_ADDRESS_OK);
		assert_int_equal(mail_address_canonical(span_of(pairs[i][1]), false, &other), MAIL_ADDRESS_OK);
		if (span_equal(mail_address_span(&one), mail_address_span(&other)))
			fail_msg("%s and %s became one", pairs[i][0], pairs[i][1]);
		assert_false(mail_address_is_role(&one));
	}
}

static void
expect_a_labels(const char *written, const char *expected)
{
	char room[MAIL_ADDRESS_BYTES];
	struct span made = mail_address_with_a_labels(span_of(written), room);

	if (!span_equal(made, span_of(expected)))
		fail_msg("%s became %.*s", written, SPAN_ARG(made));
}

static void
test_a_labels(void **state)
{
	char room[MAIL_ADDRESS_BYTES];
	struct span ascii = SPAN("Alice@Example.ORG");
	char long_local[MAIL_ADDRESS_BYTES];

	(void)state;
	assert_ptr_equal(mail_address_with_a_labels(ascii, room).data, ascii.data);
	expect_a_labels("", "");
	expect_a_labels("postmaster", "postmaster");
	expect_a_labels("Jörg@example.org", "Jörg@example.org");
	expect_a_labels("Jörg@BÜCHER.example", "Jörg@xn--bcher-kva.example");
	expect_a_labels("\"a@ü\"@bücher.example", "\"a@ü\"@xn--bcher-kva.example");
	expect_a_labels("a@☕.example", "a@☕.example");
	(void)snprintf(long_local, sizeof long_local, "%0300d@bücher.example", 0);
	expect_a_labels(long_local, long_local);
	assert_true(span_equal(mail_address_written_domain(SPAN("a@b@c")), SPAN("c")));
	assert_int_equal(mail_address_written_domain(SPAN("abc")).length, 0);
}

static void
test_longest(void **state)
{
	struct mail_address address;

	(void)state;
	assert_int_equal(
	    mail_address_canonical(SPAN(LOCAL_64 "@" LABEL_63 "." LABEL_63 "." LABEL_63
						 ".a234567890b234567890c234567890d234567890e234567890f234567890g"),
		false, &address),
	    MAIL_ADDRESS_OK);
	assert_int_equal(address.length, 64 + 1 + 253);
	/* The worst growth: 31 quoted backslash pairs, kept quoted. */
	char quotes[] = "\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\""
			"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\"@a.org";
	assert_int_equal(mail_address_canonical(span_of(quotes), false, &address), MAIL_ADDRESS_OK);
	assert_true(address.is_quoted);
}

static void
expect_bases(const char *written, const char *separators, const char *const *wanted, size_t count)
{
	struct mail_address address;

	assert_int_equal(mail_address_canonical(span_of(written), false, &address), MAIL_ADDRESS_OK);
	struct mail_bases bases = { .address = &address, .separators = separators };
	for (size_t i = 0; i < count; i++) {
		assert_true(mail_bases_next(&bases));
		if (!span_equal(bases.key, span_of(wanted[i])))
			fail_msg("%s: base %zu is %.*s", written, i, SPAN_ARG(bases.key));
		assert_int_equal(bases.local.length, strchr(wanted[i], '@') - wanted[i]);
	}
	assert_false(mail_bases_next(&bases));
	assert_false(mail_bases_next(&bases));
}

static void
test_bases(void **state)
{
	static const char *const plus[] = { "a+b-c+d@x.org", "a+b-c@x.org", "a@x.org" };
	static const char *const minus[] = { "a+b-c+d@x.org", "a+b@x.org" };
	static const char *const both[] = { "a+b-c+d@x.org", "a+b-c@x.org", "a+b@x.org", "a@x.org" };
	static const char *const none[] = { "a+b-c+d@x.org" };
	static const char *const first[] = { "+a@x.org" };
	static const char *const quoted[] = { "\"a +b\"@x.org" };
	static const char *const utf8[] = { "jörg+ü-x@x.org", "jörg+ü@x.org", "jörg@x.org" };
	static const char *const last[] = { "a+@x.org", "a@x.org" };

	(void)state;
	expect_bases("A+b-c+d@X.org", "+", plus, 3);
	expect_bases("a+b-c+d@x.org", "-", minus, 2);
	expect_bases("a+b-c+d@x.org", "+-", both, 4);
	expect_bases("a+b-c+d@x.org", "", none, 1);
	expect_bases("+a@x.org", "+", first, 1);
	expect_bases("\"a +b\"@x.org", "+", quoted, 1);
	expect_bases("JÖRG+Ü-x@x.org", "+-", utf8, 3);
	expect_bases("a+@x.org", "+", last, 2);
}

static void
test_roles(void **state)
{
	struct mail_address address;

	(void)state;
	assert_int_equal(mail_address_canonical(SPAN("PostMaster@a.org"), true, &address), MAIL_ADDRESS_OK);
	assert_true(mail_address_is_role(&address));
	assert_int_equal(mail_address_canonical(SPAN("abuse@a.org"), false, &address), MAIL_ADDRESS_OK);
	assert_true(mail_address_is_role(&address));
	assert_int_equal(mail_address_canonical(SPAN("abuser@a.org"), false, &address), MAIL_ADDRESS_OK);
	assert_false(mail_address_is_role(&address));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_homographs),
		cmocka_unit_test(test_a_labels),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_bases),
		cmocka_unit_test(test_roles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
