/* Tests of lookup/spf_macro.c: letters, transformers, delimiters, escapes, and the names that come of them. */
#include "lookup/spf_macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* The sender and client of RFC 7208 7.4. */
static const struct spf_macro_facts facts = {
	.sender = { "strong-bad@email.example.com", 28 },
	.local_part = { "strong-bad", 10 },
	.sender_domain = { "email.example.com", 17 },
	.domain = { "email.example.com", 17 },
	.helo = { "mx.example.org", 14 },
	.receiver = { "mx.receiver.example", 19 },
	.validated = { "mx.example.org", 14 },
	.client = { .family = 4, .ip = { 192, 0, 2, 3 } },
	.now_seconds = 1700000000,
};

struct expansion {
	const char *text;
	const char *expanded;
};

/* Names, as in the examples of 7.4 and beyond them. */
static const struct expansion names[] = {
	{ "%{s}", "strong-bad@email.example.com" },
	{ "%{o}", "email.example.com" },
	{ "%{d}", "email.example.com" },
	{ "%{d4}", "email.example.com" },
	{ "%{d3}", "email.example.com" },
	{ "%{d2}", "example.com" },
	{ "%{d1}", "com" },
	{ "%{d4294967296}", "email.example.com" },
	{ "%{d4294967297}", "email.example.com" },
	{ "%{dr}", "com.example.email" },
	{ "%{d2r}", "example.email" },
	{ "%{d1r}", "email" },
	{ "%{l}", "strong-bad" },
	{ "%{l-}", "strong.bad" },
	{ "%{lr}", "strong-bad" },
	{ "%{lr-}", "bad.strong" },
	{ "%{l1r-}", "strong" },
	{ "%{l1-}", "bad" },
	{ "%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com" },
	{ "%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com" },
	{ "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com" },
	{ "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com" },
	{ "%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net" },
	{ "%{h}.%{p2}", "mx.example.org.example.org" },
	{ "%{S}", "strong-bad%40email.example.com" },
	{ "%{s@.}", NULL },
	{ "%{d.=+,/_-}", "email.example.com" },
	{ "%{de}", NULL },
	{ "a%%b%_c%-d.com", "a%b c%20d.com" },
	{ "x.a%%", "x.a%" },
	{ "x.a%_", "x.a " },
	{ "%{d}%%%{d1}", "email.example.com%com" },
	{ "%%{d}.com", "%{d}.com" },
	{ "example.com.", "example.com" },
	{ "%{d}.", "email.example.com" },
	{ "a..com", NULL },
	{ ".com", NULL },
	{ ".", NULL },
	{ "x", "x" },
};

static void
assert_name(const char *text, const char *expanded)
{
	struct spf_name name;

	if (!spf_macro_name(span_of(text), &facts, &name)) {
		if (expanded)
			fail_msg("\"%s\" gives no name", text);
		return;
	}
	if (!expanded || !span_equal(spf_name_span(&name), span_of(expanded)))
		fail_msg("\"%s\" gives \"%.*s\"", text, SPAN_ARG(spf_name_span(&name)));
}

static void
test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(names); i++)
		assert_name(names[i].text, names[i].expanded);
}

static void
test_ip6_letters(void **state)
{
	struct spf_macro_facts ip6 = facts;
	struct spf_name name;

	(void)state;
	ip6.client = (struct peer_address){ .family = 6, .ip = { 0x20, 0x01, 0x0d, 0xb8, [15] = 0xcb } };
	assert_true(spf_macro_name(SPAN("%{ir}.%{v}._spf.%{d2}"), &ip6, &name));
	assert_true(span_equal(spf_name_span(&name),
	    SPAN("B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6._spf.example.com")));
	struct buf out = BUF_LIMIT(100);
	assert_true(spf_macro_explanation(SPAN("%{c}"), &ip6, &out));
	assert_true(span_equal(buf_span(&out), SPAN("2001:db8::cb")));
	buf_free(&out);
}

static void
test_splitting(void **state)
{
	struct spf_macro_facts other = facts;
	struct spf_name name;

	(void)state;
	other.local_part = SPAN("foo-bar+zip/quux,a=b_c");
	assert_true(spf_macro_name(SPAN("%{l+-/,=_}"), &other, &name));
	assert_true(span_equal(spf_name_span(&name), SPAN("foo.bar.zip.quux.a.b.c")));
	assert_true(spf_macro_name(SPAN("%{l2r+-}.x"), &other, &name));
	assert_true(span_equal(spf_name_span(&name), SPAN("bar.foo.x")));
	assert_true(spf_macro_name(SPAN("%{l2+-}.x"), &other, &name));
	assert_true(span_equal(spf_name_span(&name), SPAN("bar.zip/quux,a=b_c.x")));
	/* Without the dot among the delimiters dots stay. */
	other.local_part = SPAN("a.b-c");
	assert_true(spf_macro_name(SPAN("%{lr-}.x"), &other, &name));
	assert_true(span_equal(spf_name_span(&name), SPAN("c.a.b.x")));
	/* A macro may stand for nothing. */
	other.local_part = SPAN("a-");
	assert_true(spf_macro_name(SPAN("%{l1-}x%{l1-}.%{l1-}y%{l1-}"), &other, &name));
	assert_true(span_equal(spf_name_span(&name), SPAN("x.y")));
	/* Empty parts are parts: the name is then none. */
	other.local_part = SPAN("a--b");
	assert_false(spf_macro_name(SPAN("%{l-}.x"), &other, &name));
	other.local_part = SPAN("");
	assert_false(spf_macro_name(SPAN("%{lr}.x"), &other, &name));
}

static void
test_long_names_lose_labels_on_the_left(void **state)
{
	char text[2000] = "";
	struct spf_name name;
	size_t length = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		length += (size_t)snprintf(text + length, sizeof text - length, "label%02u.", i);
	(void)snprintf(text + length, sizeof text - length, "com");
	assert_true(spf_macro_name(span_of(text), &facts, &name));
	/* 31 labels of 8 bytes with their dots, and "com": 251 bytes; one more would be 259. */
	assert_int_equal(name.length, 251);
	assert_true(span_starts_nocase(spf_name_span(&name), SPAN("label69.label70.")));
	/* A label that is too long goes when it is far enough on the left, else there is no name. */
	memset(text, 'a', 64);
	assert_true(spf_macro_name(span_of(text), &facts, &name));
	memset(text + 700, 'a', 95);
	assert_false(spf_macro_name(span_of(text), &facts, &name));
}

static void
test_huge_specs(void **state)
{
	enum { MACROS = 16000 };
	static char text[MACROS * 4 + 8];
	struct spf_name name;

	(void)state;
	for (size_t i = 0; i < MACROS; i++)
		memcpy(text + i * 4, "%{d}", 4);
	memcpy(text + (size_t)MACROS * 4, ".com", 4);
	assert_true(spf_macro_name(span_make(text, (size_t)MACROS * 4 + 4), &facts, &name));
	assert_true(name.length <= SPF_NAME_BYTES);
	memset(text, 'a', sizeof text);
	assert_false(spf_macro_name(span_make(text, sizeof text), &facts, &name));
}

static const struct expansion explanations[] = {
	{ "%{c} is not one of %{d}'s hosts", "192.0.2.3 is not one of email.example.com's hosts" },
	{ "%{r} at %{t}", "mx.receiver.example at 1700000000" },
	{ "http://%{d}/why?s=%{S}&i=%{I}",
	    "http://email.example.com/why?s=strong-bad%40email.example.com&i=192.0.2.3" },
	{ "100%% %_.", "100%  ." },
	{ "", "" },
	{ "%{x}", NULL },
	{ "%", NULL },
	{ "50% off", NULL },
	{ "\xc3\xa4", NULL },
	{ "a\tb", NULL },
	{ "a\r\n250 OK", NULL },
};

static void
test_explanations(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(explanations); i++) {
		struct buf out = BUF_LIMIT(1000);
		const bool is_good = spf_macro_explanation(span_of(explanations[i].text), &facts, &out);

		assert_int_equal(is_good, explanations[i].expanded != NULL);
		if (is_good)
			assert_true(span_equal(buf_span(&out), span_of(explanations[i].expanded)));
		buf_free(&out);
	}
}

static void
test_explanations_are_clean_after_expansion(void **state)
{
	struct spf_macro_facts hostile = facts;
	struct buf out = BUF_LIMIT(1000);

	(void)state;
	hostile.local_part = SPAN("a\r\n250 OK");
	assert_false(spf_macro_explanation(SPAN("%{l}"), &hostile, &out));
	buf_reset(&out);
	assert_true(spf_macro_explanation(SPAN("%{L}"), &hostile, &out));
	assert_true(span_equal(buf_span(&out), SPAN("a%0D%0A250%20OK")));
	buf_free(&out);
	struct buf small = BUF_LIMIT(10);
	(void)spf_macro_explanation(SPAN("%{d}%{d}%{d}"), &facts, &small);
	assert_false(buf_ok(&small));
	buf_free(&small);
}

static void
test_names_without_macros(void **state)
{
	char text[SPF_NAME_BYTES + 2];
	struct spf_name name;

	(void)state;
	assert_true(spf_name_from(SPAN("a.b."), &name));
	assert_true(span_equal(spf_name_span(&name), SPAN("a.b")));
	assert_false(spf_name_from(SPAN(""), &name));
	assert_false(spf_name_from(SPAN("."), &name));
	assert_false(spf_name_from(SPAN("a.b.."), &name));
	assert_false(spf_name_from(SPAN("a\0.b"), &name));
	memset(text, 'a', sizeof text);
	for (size_t i = 63; i < sizeof text; i += 64)
		text[i] = '.';
	assert_true(spf_name_from(span_make(text, SPF_NAME_BYTES), &name));
	assert_false(spf_name_from(span_make(text, SPF_NAME_BYTES + 1), &name));
}

static void
test_use_of_the_validated_name_is_seen(void **state)
{
	(void)state;
	assert_true(spf_macro_uses_validated(SPAN("%{d}.%{p}.com")));
	assert_true(spf_macro_uses_validated(SPAN("%%%{P2r}")));
	assert_false(spf_macro_uses_validated(SPAN("p%%{p}%{d}")));
	assert_false(spf_macro_uses_validated(SPAN("%{x}%{p}")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_ip6_letters),
		cmocka_unit_test(test_splitting),
		cmocka_unit_test(test_long_names_lose_labels_on_the_left),
		cmocka_unit_test(test_huge_specs),
		cmocka_unit_test(test_explanations),
		cmocka_unit_test(test_explanations_are_clean_after_expansion),
		cmocka_unit_test(test_names_without_macros),
		cmocka_unit_test(test_use_of_the_validated_name_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
