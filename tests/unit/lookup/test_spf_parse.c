/* Tests of lookup/spf_parse.c: the grammar of RFC 7208 section 12, good and bad, term by term. */
#include "lookup/spf_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void
test_versions(void **state)
{
	(void)state;
	assert_true(spf_parse_is_record(SPAN("v=spf1")));
	assert_true(spf_parse_is_record(SPAN("v=spf1 ")));
	assert_true(spf_parse_is_record(SPAN("V=sPf1 -all")));
	assert_false(spf_parse_is_record(SPAN("")));
	assert_false(spf_parse_is_record(SPAN("v=spf")));
	assert_false(spf_parse_is_record(SPAN("v=spf10")));
	assert_false(spf_parse_is_record(SPAN("v=spf1\t-all")));
	assert_false(spf_parse_is_record(SPAN("v=spf1\0")));
	assert_false(spf_parse_is_record(SPAN(" v=spf1")));
	assert_false(spf_parse_is_record(SPAN("v=spf2.0/pra")));
}

/* Terms that are right, one record each. */
static const char *const good_terms[] = {
	"",
	" ",
	"    ",
	"all",
	"-all",
	"~ALL",
	"?all",
	"+all",
	/* include, exists, redirect, exp need a domain-spec */
	"include:example.com",
	"INCLUDE:example.com.",
	"exists:%{ir}.%{v}._spf.%{d2}",
	"redirect=_spf.example.com",
	"exp=explain._spf.%{d}",
	"REDIRECT=%{d}",
	"Exp=a.b",
	/* a, mx: domain-spec and prefix lengths in every combination */
	"a",
	"a/24",
	"a//64",
	"a/24//64",
	"a:example.com",
	"a:example.com/24",
	"a:example.com//64",
	"a:example.com/0//0",
	"a/32//128",
	"mx",
	"mx/1//1",
	"mx:foo:bar/baz.example.com",
	"mx:%{d}/24",
	"a:%{d}",
	"a:%{d}.com",
	"a:foo/24.example.com",
	"a:.com",
	"a:a..b.com",
	/* ptr */
	"ptr",
	"ptr:example.com",
	"?ptr:%{d}",
	/* toplabel */
	"a:example.xn--zckzah",
	"a:example.1a",
	"a:example.1-2",
	"a:example.a1",
	"a:x.museum.",
	/* domain-end may be any macro-expand */
	"exists:foo%%",
	"exists:foo%_",
	"exists:foo%-",
	"exists:%{h}",
	/* networks */
	"ip4:192.0.2.0/24",
	"ip4:0.0.0.0/0",
	"ip4:192.0.2.1",
	"ip4:255.255.255.255/32",
	"ip6:2001:db8::/32",
	"ip6:::",
	"ip6:::1/128",
	"ip6:::ffff:192.0.2.1/96",
	"ip6:::1.2.3.4/0",
	"IP6:2001:DB8:0:0:0:0:0:1",
	/* macros */
	"exists:%{s}.%{l}.%{o}.%{d}.%{i}.%{p}.%{v}.%{h}",
	"exists:%{S}.%{L}.%{O}.%{D}.%{I}.%{P}.%{V}.%{H}",
	"exists:%{d1}",
	"exists:%{d9999999999}",
	"exists:%{dr}",
	"exists:%{dR}",
	"exists:%{d2r.-+,/_=}",
	"exists:%{l-}.x.com",
	/* unknown modifiers: any name, any macro-string, the explanation's letters too */
	"moo=",
	"moo=cow",
	"m.o-o_1=man:dog/cat=%{d}%%",
	"a=b",
	"include=x",
	"unknown=%{c}%{r}%{t}",
	"x=!\"#$&'()*+,-./",
};

static const char *const bad_terms[] = {
	"moo",
	"-moo",
	"+",
	"-",
	"--all",
	"=all",
	"1up=foo",
	"-exp=a.b",
	"+redirect=a.b",
	"_x=y",
	/* all takes nothing */
	"all.",
	"all:example.com",
	"all/8",
	"all=x.y z",
	/* missing or empty domain-specs */
	"include",
	"include:",
	"exists",
	"exists:",
	"a:",
	"mx:",
	"ptr:",
	"redirect=",
	"exp=",
	"redirect:a.b",
	"exp:a.b",
	"a:/24",
	"mx://64",
	/* domain-spec must end in a dot and a toplabel, or in a macro */
	"a:museum",
	"a:museum.",
	"a:example.-com",
	"a:example.com-",
	"a:192.0.2.1",
	"a:abc.123",
	"a:example.com:8080",
	"a:%{d}com",
	"a:example.com..",
	"include:example.com/24",
	"exists:example.com/24",
	"ptr/0",
	"ptr:example.com/24",
	"redirect=-all",
	"exp=-all",
	"a:foo_bar.c_m",
	"exists:%{i}.",
	/* prefix lengths */
	"a/",
	"a//",
	"a/33",
	"a//129",
	"a/032",
	"a/00",
	"a//064",
	"a/24/64",
	"a/24///64",
	"a/a",
	"a/24//",
	"a/-1",
	"a:example.com/1000",
	"a:example.com//9999999999999999999",
	"mx/33",
	"ip4:192.0.2.1/4294967320",
	"a//4294967320",
	"mx//129",
	/* networks */
	"ip4",
	"ip4:",
	"ip4/24",
	"ip4:192.0.2",
	"ip4:192.0.2.1:25",
	"ip4:192.0.2.256",
	"ip4:192.0.2.01",
	"ip4:192.0.2.1/33",
	"ip4:192.0.2.1/032",
	"ip4:192.0.2.1//32",
	"ip4:192.0.2.1/",
	"ip4:2001:db8::",
	"ip4: 192.0.2.1",
	"ip6",
	"ip6:",
	"ip6::2001:db8::1",
	"ip6:192.0.2.1",
	"ip6:::1/129",
	"ip6:::1//64",
	"ip6:2001:db8",
	"ip6:fe80::1%eth0",
	"ip6:[::1]",
	"ip6:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
	/* macros */
	"exists:%",
	"exists:%a.com",
	"exists:%(ir).com",
	"exists:%{}.com",
	"exists:%{d.com",
	"exists:%{a}.com",
	"exists:%{d0}",
	"exists:%{d00}",
	"exists:%{d2.r}",
	"exists:%{dr2}",
	"exists:%{d*}",
	"exists:%{",
	"exists:x.com%",
	"moo=%",
	"moo=%abc",
	"moo=%{d",
	"a:%{x}.com",
	/* c, r and t only in explanations (7.2) */
	"exists:%{c}",
	"exp=%{r}.example.com",
	"redirect=%{t}",
	"a:%{C}",
	/* bytes outside of visible ASCII */
	"a:foo.example.com\n",
	"a\tmx",
	"ip4:192.0.2.5\r",
	"a:\x80.com",
	"\226all",
	"moo=\x7f",
	"a:foo\x01.com",
};

static bool
check(const char *term, struct span *offender)
{
	char record[512];

	(void)snprintf(record, sizeof record, "v=spf1 ip4:192.0.2.7 %s  -all ", term);
	return spf_parse_check(span_of(record), offender);
}

static void
test_good_terms(void **state)
{
	struct span offender;

	(void)state;
	for (size_t i = 0; i < LENGTH(good_terms); i++)
		if (!check(good_terms[i], &offender))
			fail_msg("\"%s\" was refused", good_terms[i]);
}

static void
test_bad_terms(void **state)
{
	struct span offender;

	(void)state;
	for (size_t i = 0; i < LENGTH(bad_terms); i++)
		if (check(bad_terms[i], &offender))
			fail_msg("\"%s\" was accepted", bad_terms[i]);
}

static void
test_nul_is_no_part_of_a_term(void **state)
{
	struct span offender;

	(void)state;
	assert_false(spf_parse_check(SPAN("v=spf1 a:foo.example.com\0 -all"), &offender));
	assert_false(spf_parse_check(SPAN("v=spf1 ip4:192.0.2.1\0 -all"), &offender));
	assert_false(spf_parse_check(SPAN("v=spf1 \0 -all"), &offender));
	assert_false(spf_parse_check(SPAN("v=spf1 moo=\0"), &offender));
}

static void
test_offender_is_named(void **state)
{
	struct span offender;

	(void)state;
	assert_false(spf_parse_check(SPAN("v=spf1 a mx -all moo"), &offender));
	assert_true(span_equal(offender, SPAN("moo")));
	assert_false(spf_parse_check(SPAN("v=spf1 exp=a.b -all EXP=c.d"), &offender));
	assert_true(span_equal(offender, SPAN("EXP=c.d")));
	assert_false(spf_parse_check(SPAN("v=spf1 redirect=a.b redirect=a.b"), &offender));
	assert_true(span_equal(offender, SPAN("redirect=a.b")));
	assert_true(spf_parse_check(SPAN("v=spf1 moo=1 moo=1 exp=a.b redirect=a.b"), &offender));
}

static struct spf_term
first_term(const char *record)
{
	struct span terms = spf_parse_terms(span_of(record));
	struct spf_term term;

	assert_int_equal(spf_parse_next(&terms, &term), SPF_PARSE_TERM);
	return term;
}

static void
test_values_of_terms(void **state)
{
	struct spf_term term = first_term("v=spf1 ~MX:foo.example/20//44 -all");

	(void)state;
	assert_int_equal(term.kind, SPF_TERM_MX);
	assert_int_equal(term.qualifier, '~');
	assert_int_equal(term.prefix4, 20);
	assert_int_equal(term.prefix6, 44);
	assert_true(span_equal(term.domain_spec, SPAN("foo.example")));
	assert_true(span_equal(term.text, SPAN("~MX:foo.example/20//44")));
	term = first_term("v=spf1   a");
	assert_int_equal(term.qualifier, '+');
	assert_int_equal(term.prefix4, 32);
	assert_int_equal(term.prefix6, 128);
	assert_int_equal(term.domain_spec.length, 0);
	term = first_term("v=spf1 ip4:192.0.2.77/24");
	assert_int_equal(term.kind, SPF_TERM_IP4);
	assert_int_equal(term.network.address.family, 4);
	assert_int_equal(term.network.prefix_bits, 24);
	assert_int_equal(term.network.address.ip[3], 77);
	term = first_term("v=spf1 ip6:::ffff:192.0.2.1");
	assert_int_equal(term.network.address.family, 6);
	assert_int_equal(term.network.prefix_bits, 128);
	assert_int_equal(term.network.address.ip[10], 0xff);
	term = first_term("v=spf1 exp=%{d}");
	assert_int_equal(term.kind, SPF_TERM_EXP);
	term = first_term("v=spf1 exp.x=%{d}");
	assert_int_equal(term.kind, SPF_TERM_OTHER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_good_terms),
		cmocka_unit_test(test_bad_terms),
		cmocka_unit_test(test_nul_is_no_part_of_a_term),
		cmocka_unit_test(test_offender_is_named),
		cmocka_unit_test(test_values_of_terms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
