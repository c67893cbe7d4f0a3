/* Tests of lookup/spf_plain.c: what libspf2 gets to see of a record, for an IPv4 and an IPv6 client. */
#include "lookup/spf_plain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct peer_address ip4 = { .family = 4, .ip = { 192, 0, 2, 1 } };
static const struct peer_address ip6 = { .family = 6, .ip = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } };

static const struct plain_case {
	const char *record;
	const char *for_ip4;
	const char *for_ip6;
} cases[] = {
	{ "v=spf1", "v=spf1", "v=spf1" },
	{ "V=SPF1 -all", "v=spf1 ?exists:k7.g -all", "v=spf1 ?exists:k7.g -all" },
	/* Addresses: left out, or the end of the record. */
	{ "v=spf1 ip4:192.0.2.0/24 a -all", "v=spf1 ?exists:k7.g +all", "v=spf1 +a:k7.g ?exists:k8.g -all" },
	{ "v=spf1 ~ip4:192.0.2.2 ip6:2001:db8::/32 -all", "v=spf1 ?exists:k7.g -all", "v=spf1 ?exists:k7.g +all" },
	{ "v=spf1 ?ip4:198.51.100.1/0", "v=spf1 ?exists:k7.g ?all", "v=spf1" },
	{ "v=spf1 -ip6:::/0", "v=spf1", "v=spf1 ?exists:k7.g -all" },
	{ "v=spf1 ip6:::ffff:192.0.2.1 ip6:::ffff:0:0/96", "v=spf1", "v=spf1" },
	/* Prefix lengths: the client's family's, none for 0 and for the whole address. */
	{ "v=spf1 a/24//64 mx//48", "v=spf1 +a:k7.g/24 +mx:k8.g", "v=spf1 +a:k7.g//64 +mx:k8.g//48" },
	{ "v=spf1 a/0//0 ~mx/32//128", "v=spf1 +a:k7.g ~mx:k8.g", "v=spf1 +a:k7.g ~mx:k8.g" },
	/* ptr is exists; names never show. */
	{ "v=spf1 ?ptr:secret.example exists:%{i}.secret.example", "v=spf1 ?exists:k7.g +exists:k8.g",
	    "v=spf1 ?exists:k7.g +exists:k8.g" },
	/* redirect: last, and never with all, or behind an address that matches. */
	{ "v=spf1 redirect=a.b include:c.d", "v=spf1 +include:k7.g redirect=k8.g",
	    "v=spf1 +include:k7.g redirect=k8.g" },
	{ "v=spf1 redirect=a.b ?all", "v=spf1 ?exists:k7.g ?all", "v=spf1 ?exists:k7.g ?all" },
	{ "v=spf1 redirect=a.b ip4:192.0.2.1", "v=spf1 ?exists:k7.g +all", "v=spf1 redirect=k7.g" },
	/* Modifiers, and what stands behind all, are left out. */
	{ "v=spf1 exp=a.b moo=%{d} -all mx ip4:192.0.2.1", "v=spf1 ?exists:k7.g -all", "v=spf1 ?exists:k7.g -all" },
};

static void
assert_plain(const char *record, const struct peer_address *client, const char *expected)
{
	struct buf out = BUF_LIMIT(SPF_PLAIN_TEXT_BYTES);
	struct spf_plain plain;
	struct span offender;

	assert_true(spf_parse_check(span_of(record), &offender));
	spf_plain_make(span_of(record), client, &plain);
	spf_plain_write(&plain, client, 7, &out);
	if (!buf_ok(&out) || !span_equal(buf_span(&out), span_of(expected)))
		fail_msg("\"%s\" became \"%.*s\"", record, SPAN_ARG(buf_span(&out)));
	buf_free(&out);
}

static void
test_plain_records(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_plain(cases[i].record, &ip4, cases[i].for_ip4);
		assert_plain(cases[i].record, &ip6, cases[i].for_ip6);
	}
}

static void
test_explanation_is_found_behind_the_end(void **state)
{
	struct spf_plain plain;

	(void)state;
	spf_plain_make(SPAN("v=spf1 -all exp=why.%{d}"), &ip4, &plain);
	assert_true(span_equal(plain.explanation, SPAN("why.%{d}")));
	spf_plain_make(SPAN("v=spf1 -all"), &ip4, &plain);
	assert_int_equal(plain.explanation.length, 0);
}

/* The longest there can be stays below what libspf2 1.2.10 can hold: 511 compiled bytes, of which a term takes 4 and
 * the lengths of its parts, each rounded up to 4. */
static void
test_nothing_outgrows_libspf2(void **state)
{
	enum { TERM_BYTES = 4 + 4 + 4 + 8, TERMS = 9000 };
	static char record[TERMS * 8 + 16];
	struct buf out = BUF_LIMIT(SPF_PLAIN_TEXT_BYTES);
	struct spf_plain plain;
	size_t length = 6;

	(void)state;
	memcpy(record, "v=spf1", length);
	for (size_t i = 0; i < TERMS; i++)
		length += (size_t)snprintf(record + length, sizeof record - length, " ~mx//9");
	spf_plain_make(span_make(record, length), &ip6, &plain);
	assert_int_equal(plain.count, SPF_PLAIN_STEPS);
	assert_true(SPF_PLAIN_STEPS * TERM_BYTES < 440);
	spf_plain_write(&plain, &ip6, 9000, &out);
	assert_true(buf_ok(&out));
	buf_free(&out);
}

static void
test_addresses_behind_the_eleventh_lookup(void **state)
{
	struct spf_plain plain;

	(void)state;
	spf_plain_make(SPAN("v=spf1 a a a a a a a a a a redirect=a.b"), &ip4, &plain);
	assert_int_equal(plain.count, 11);
	assert_int_equal(plain.steps[10].kind, SPF_TERM_REDIRECT);
	spf_plain_make(SPAN("v=spf1 a a a a a a a a a a ip4:192.0.2.1 redirect=a.b"), &ip4, &plain);
	assert_int_equal(plain.count, 11);
	assert_int_equal(plain.steps[10].kind, SPF_TERM_IP4);
	spf_plain_make(SPAN("v=spf1 a a a a a a a a a a mx ip4:192.0.2.1 redirect=a.b"), &ip4, &plain);
	assert_int_equal(plain.count, 11);
	assert_int_equal(plain.steps[10].kind, SPF_TERM_MX);
}

static void
test_tokens(void **state)
{
	static const char *const bad[] = { "", "k", "k.g", "k1", "k1.", "k1.h", "k1.g.", "k1.gg", "j1.g", "k12345.g",
		"k-1.g", "k1x.g", "K1.g", "1.g", "example.net", "h.g", "x.g" };
	struct spf_token token = { .letter = 'k', .number = 122 };
	char text[SPF_TOKEN_BYTES];

	(void)state;
	assert_true(span_equal(spf_token_write(token, text), SPAN("k122.g")));
	assert_true(spf_token_read(SPAN("x10.g"), &token));
	assert_int_equal(token.letter, 'x');
	assert_int_equal(token.number, 10);
	assert_true(spf_token_read(SPAN("k0.g"), &token));
	assert_int_equal(token.number, 0);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (spf_token_read(span_of(bad[i]), &token))
			fail_msg("\"%s\" was taken for a token", bad[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_records),
		cmocka_unit_test(test_explanation_is_found_behind_the_end),
		cmocka_unit_test(test_nothing_outgrows_libspf2),
		cmocka_unit_test(test_addresses_behind_the_eleventh_lookup),
		cmocka_unit_test(test_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
