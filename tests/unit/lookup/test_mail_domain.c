/* lookup/mail_domain.c: one name in all its spellings, names that only look alike, and names that cannot be.
 * On failure: cmocka names the line, and the text at fault stands above it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lookup/mail_domain.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define TEN_MIDDLES "中中中中中中中中中中"
#define LABEL_63 "a234567890b234567890c234567890d234567890e234567890f234567890g23"

static const struct {
	const char *written;
	const char *canonical;
} good[] = {
	{ "example.org", "example.org" },
	{ "Example.ORG", "example.org" },
	{ "_dmarc.Example.ORG", "_dmarc.example.org" },
	{ "XN--Bcher-KVA.example", "xn--bcher-kva.example" },
	/* In any case and normal form; and beside A-labels. */
	{ "bücher.example", "xn--bcher-kva.example" },
	{ "BÜCHER.EXAMPLE", "xn--bcher-kva.example" },
	{ "bu\xcc\x88"
	  "cher.example",
	    "xn--bcher-kva.example" },
	{ "bücher.XN--Bcher-KVA.example", "xn--bcher-kva.xn--bcher-kva.example" },
	{ "b_x.bücher.example", "b_x.xn--bcher-kva.example" },
	/* What IDNA 2003 mapped away and IDNA 2008 keeps. */
	{ "straße.example", "xn--strae-oqa.example" },
	{ "strasse.example", "strasse.example" },
	{ "σίσυφος.example", "xn--kxa6ajbbmh.example" },
	{ "σίσυφοσ.example", "xn--kxa6akbbkh.example" },
	/* Right to left, alone and with digits; a joiner where its script needs it. */
	{ "אבג.example", "xn--4dbcd.example" },
	{ "אב1.example", "xn--1-zhcd.example" },
	{ "क्\xe2\x80\x8dष.example", "xn--11b2ezcw70k.example" },
	/* Compatibility forms, as UTS 46 maps them. */
	{ "ａｂｃ.example", "abc.example" },
	{ "bücher。example", "xn--bcher-kva.example" },
	/* 120 octets of UTF-8, 47 of an A-label. */
	{ TEN_MIDDLES TEN_MIDDLES TEN_MIDDLES TEN_MIDDLES ".example",
	    "xn--fiqaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example" },
};

static void
reads_one_name_in_all_its_spellings(void **state)
{
	char out[MAIL_DOMAIN_BYTES];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		size_t length = 0;

		if (mail_domain_read(span_of(good[i].written), out, &length) != MAIL_DOMAIN_OK)
			fail_msg("refused: %s", good[i].written);
		if (!span_equal(span_make(out, length), span_of(good[i].canonical)))
			fail_msg("%s became %.*s", good[i].written, (int)length, out);
		char again[MAIL_DOMAIN_BYTES];
		assert_int_equal(mail_domain_canonical(span_make(out, length), again), length);
		assert_memory_equal(out, again, length);
	}
}

static const struct {
	const char *written;
	enum mail_domain_result result;
} bad[] = {
	{ "", MAIL_DOMAIN_BAD },
	{ ".", MAIL_DOMAIN_BAD },
	{ "a..b", MAIL_DOMAIN_BAD },
	{ "a b", MAIL_DOMAIN_BAD },
	{ "ü..example", MAIL_DOMAIN_BAD },
	{ "。ü", MAIL_DOMAIN_BAD },
	{ "ü.example.", MAIL_DOMAIN_BAD },
	{ "-ü.example", MAIL_DOMAIN_BAD },
	{ "ü-.example", MAIL_DOMAIN_BAD },
	{ "ab--ü.example", MAIL_DOMAIN_BAD },
	{ "⑴.example", MAIL_DOMAIN_BAD },
	{ "xn--zz.ü.example", MAIL_DOMAIN_BAD },
	{ "ü\xff.example", MAIL_DOMAIN_BAD_UTF8 },
	{ "\xc0\xaf.example", MAIL_DOMAIN_BAD_UTF8 },
	{ "\xed\xa0\x80.example", MAIL_DOMAIN_BAD_UTF8 },
	{ "\xc3", MAIL_DOMAIN_BAD_UTF8 },
	{ "☕.example", MAIL_DOMAIN_BAD_CHARACTER },
	{ "\xcd\xb8x.example", MAIL_DOMAIN_BAD_CHARACTER }, /* U+0378 is not assigned */
	{ "a\xe2\x80\x8d"
	  "b.example",
	    MAIL_DOMAIN_BAD_CHARACTER }, /* a joiner that joins nothing */
	{ "\xcc\x81"
	  "a.example",
	    MAIL_DOMAIN_BAD_CHARACTER }, /* begins with a combining accent */
	{ "a\xe2\x80\xae"
	  "b.example",
	    MAIL_DOMAIN_BAD_CHARACTER }, /* U+202E turns the text round */
	{ "ü b.example", MAIL_DOMAIN_BAD_CHARACTER },
	{ "ü@b.example", MAIL_DOMAIN_BAD_CHARACTER },
	{ "ü/b.example", MAIL_DOMAIN_BAD_CHARACTER },
	{ "אבa.example", MAIL_DOMAIN_BAD_DIRECTION },
	{ "1אב.example", MAIL_DOMAIN_BAD_DIRECTION },
	{ LABEL_63 "4.org", MAIL_DOMAIN_TOO_LONG },
	{ LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63, MAIL_DOMAIN_TOO_LONG },
	{ LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63 ".ü", MAIL_DOMAIN_TOO_LONG },
	{ TEN_MIDDLES TEN_MIDDLES TEN_MIDDLES TEN_MIDDLES TEN_MIDDLES TEN_MIDDLES, MAIL_DOMAIN_TOO_LONG },
	{ "äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöü.example", MAIL_DOMAIN_TOO_LONG },
};

static void
refuses_what_is_no_name(void **state)
{
	char out[MAIL_DOMAIN_BYTES];

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		size_t length = 7;
		enum mail_domain_result result = mail_domain_read(span_of(bad[i].written), out, &length);

		if (result != bad[i].result)
			fail_msg("%s: %d", bad[i].written, (int)result);
		assert_int_equal(length, 7);
		assert_int_equal(mail_domain_canonical(span_of(bad[i].written), out), 0);
		assert_true(strlen(mail_domain_problem(result)) > 20);
	}
	assert_int_equal(mail_domain_canonical(SPAN("ü\0b.example"), out), 0);
	assert_int_equal(mail_domain_canonical(SPAN("u\0b.example"), out), 0);
}

/* Cyrillic а, Greek ο, dotless ı and Latin letters look alike; they are different names. */
static void
keeps_homographs_apart(void **state)
{
	static const char *const pairs[][2] = { { "аpple.example", "apple.example" },
		{ "gοοgle.example", "google.example" }, { "ıstanbul.example", "istanbul.example" },
		{ "straße.example", "strasse.example" }, { "büch℮r.example", "bücher.example" } };

	(void)state;
	for (size_t i = 0; i < COUNT(pairs); i++) {
		char one[MAIL_DOMAIN_BYTES];
		char other[MAIL_DOMAIN_BYTES];
		size_t length = mail_domain_canonical(span_of(pairs[i][0]), one);
		size_t other_length = mail_domain_canonical(span_of(pairs[i][1]), other);

		if (span_equal(span_make(one, length), span_make(other, other_length)))
			fail_msg("%s and %s became one", pairs[i][0], pairs[i][1]);
		assert_true(other_length > 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_one_name_in_all_its_spellings),
		cmocka_unit_test(refuses_what_is_no_name),
		cmocka_unit_test(keeps_homographs_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
