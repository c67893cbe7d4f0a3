/* Tests of lookup/spf_check.c by the rules of RFC 7208: identities (2), selecting a record (4.3 to 4.5), evaluation
 * (4.6, 4.7), include (5.2), redirect (6.1), and how a check waits for its answers. */
#include "tests/unit/lookup/spf_zone.h"

#define LABEL63 "a23456789012345678901234567890123456789012345678901234567890123"

static const struct spf_case identity_cases[] = {
	{ "2.4: the null sender is postmaster@HELO", NULL, "mail.example.net", "", SPF_FAIL,
	    "postmaster@mail.example.net",
	    { "mail.example.net TXT v=spf1 -all exp=why.example.net", "why.example.net TXT %{s}" } },
	{ "4.3: a HELO of one label is none", NULL, "localhost", "", SPF_NONE, "", { "localhost TXT v=spf1 -all" } },
	{ "4.3: a HELO that is an address literal is none", NULL, "[192.0.2.1]", "", SPF_NONE, "",
	    { "* TXT v=spf1 -all" } },
	{ "4.3: a sender domain that is an address literal is none", NULL, NULL, "user@[192.0.2.1]", SPF_NONE, "",
	    { "* TXT v=spf1 -all" } },
	{ "4.3: no HELO and no sender is none", NULL, "", "", SPF_NONE, "", { "* TXT v=spf1 -all" } },
	{ "4.3: no local-part is postmaster", NULL, NULL, "@example.net", SPF_FAIL,
	    "postmaster of postmaster@example.net",
	    { "example.net TXT v=spf1 -all exp=why.example.net", "why.example.net TXT %{l} of %{s}" } },
	{ "4.3: a sender without @ is a domain", NULL, NULL, "example.net", SPF_FAIL, "postmaster",
	    { "example.net TXT v=spf1 -all exp=why.example.net", "why.example.net TXT %{l}" } },
	{ "4.3: the domain is behind the last @", NULL, NULL, "\"a@b.test\"@example.net", SPF_FAIL, "\"a@b.test\"",
	    { "example.net TXT v=spf1 -all exp=why.example.net", "why.example.net TXT %{l}",
		"b.test\"@example.net TXT v=spf1 +all" } },
	{ "4.3: a label of 63 bytes can be asked", NULL, NULL, "user@" LABEL63 ".example", SPF_PASS, "",
	    { LABEL63 ".example TXT v=spf1 +all" } },
	{ "4.3: a label of 64 bytes is none", NULL, NULL, "user@" LABEL63 "4.example", SPF_NONE, "",
	    { "* TXT v=spf1 +all" } },
	{ "4.3: an empty label is none", NULL, NULL, "user@a..example", SPF_NONE, "", { "* TXT v=spf1 +all" } },
	{ "4.3: a final dot is none of the name's", NULL, NULL, "user@example.net.", SPF_PASS, "",
	    { "example.net TXT v=spf1 +all" } },
	{ "4.3: a name over 253 bytes is none", NULL, NULL,
	    "user@" LABEL63 "." LABEL63 "." LABEL63 "." LABEL63 ".example", SPF_NONE, "", { "* TXT v=spf1 +all" } },
};

static const struct spf_case record_cases[] = {
	{ "4.3: no such domain is none", NULL, NULL, NULL, SPF_NONE, "", { "other.example TXT v=spf1 -all" } },
	{ "4.4: trouble with the domain's DNS is temperror", NULL, NULL, NULL, SPF_TEMPERROR, "",
	    { "example.net TXT TROUBLE" } },
	{ "4.5: no TXT record is none", NULL, NULL, NULL, SPF_NONE, "", { "example.net A 192.0.2.1" } },
	{ "4.5: other TXT records are none", NULL, NULL, NULL, SPF_NONE, "",
	    { "example.net TXT hello", "example.net TXT v=spf10 -all", "example.net TXT v=spf", "example.net TXT " } },
	{ "4.5: other TXT records beside it do not count", NULL, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT \x96\xff", "example.net TXT v=spf1 -all", "example.net TXT v=spf2.0/pra +all" } },
	{ "4.5: two records are permerror", NULL, NULL, NULL, SPF_PERMERROR, "",
	    { "example.net TXT v=spf1 -all", "example.net TXT V=SPF1" } },
	{ "4.5: the version is case-insensitive", NULL, NULL, NULL, SPF_SOFTFAIL, "",
	    { "example.net TXT V=sPf1 ~ALL" } },
	{ "4.6: an error anywhere is permerror, even behind a match", NULL, NULL, NULL, SPF_PERMERROR, "",
	    { "example.net TXT v=spf1 +all moo" } },
	{ "4.6.1: spaces between terms, and at the end", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1   ip4:192.0.2.1    -all   " } },
	{ "4.6.1: a tab is no space", NULL, NULL, NULL, SPF_PERMERROR, "",
	    { "example.net TXT v=spf1 ip4:192.0.2.1\t-all" } },
	{ "4.6.2: the first match decides", NULL, NULL, NULL, SPF_SOFTFAIL, "",
	    { "example.net TXT v=spf1 ip4:198.51.100.1 ~ip4:192.0.2.0/24 +ip4:192.0.2.1 -all" } },
	{ "4.7: without a match neutral", NULL, NULL, NULL, SPF_NEUTRAL, "",
	    { "example.net TXT v=spf1 ip4:198.51.100.1" } },
	{ "4.7: an empty record is neutral", NULL, NULL, NULL, SPF_NEUTRAL, "", { "example.net TXT v=spf1" } },
	{ "5.1: terms behind all do not count", NULL, NULL, NULL, SPF_NEUTRAL, "",
	    { "example.net TXT v=spf1 ?all -ip4:192.0.2.1 include:nowhere.example" } },
	{ "6: unknown modifiers do nothing", NULL, NULL, NULL, SPF_NEUTRAL, "",
	    { "example.net TXT v=spf1 default=pass x.y-z_=%{c}" } },
};

static const struct spf_case include_cases[] = {
	{ "5.2: pass matches, with the include's qualifier", NULL, NULL, NULL, SPF_SOFTFAIL, "",
	    { "example.net TXT v=spf1 ~include:a.example -all", "a.example TXT v=spf1 ip4:192.0.2.1 -all" } },
	{ "5.2: fail does not match", NULL, NULL, NULL, SPF_NEUTRAL, "",
	    { "example.net TXT v=spf1 include:a.example ?all", "a.example TXT v=spf1 -all" } },
	{ "5.2: softfail does not match", NULL, NULL, NULL, SPF_NEUTRAL, "",
	    { "example.net TXT v=spf1 include:a.example ?all", "a.example TXT v=spf1 ~all" } },
	{ "5.2: neutral does not match", NULL, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 include:a.example -all", "a.example TXT v=spf1 ?all" } },
	{ "5.2: temperror is temperror", NULL, NULL, NULL, SPF_TEMPERROR, "",
	    { "example.net TXT v=spf1 include:a.example +all", "a.example TXT TROUBLE" } },
	{ "5.2: permerror is permerror", NULL, NULL, NULL, SPF_PERMERROR, "",
	    { "example.net TXT v=spf1 include:a.example +all", "a.example TXT v=spf1 moo" } },
	{ "5.2: none is permerror", NULL, NULL, NULL, SPF_PERMERROR, "",
	    { "example.net TXT v=spf1 ?include:a.example +all", "a.example TXT hello" } },
	{ "5.2: no such domain is permerror", NULL, NULL, NULL, SPF_PERMERROR, "",
	    { "example.net TXT v=spf1 ?include:a.example +all" } },
	{ "4.5: two included records are permerror", NULL, NULL, NULL, SPF_PERMERROR, "",
	    { "example.net TXT v=spf1 include:a.example -all", "a.example TXT v=spf1", "a.example TXT v=spf1" } },
	{ "4.8: a name that cannot be asked is permerror", NULL, NULL, NULL, SPF_PERMERROR, "",
	    { "example.net TXT v=spf1 include:a..example -all" } },
	{ "5.2: %{d} of an included record is its own domain", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 include:a.example -all", "a.example TXT v=spf1 a:%{d}",
		"a.example A 192.0.2.1" } },
	{ "5.2: an unmatched include does not end the record", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 include:a.example include:b.example -all", "a.example TXT v=spf1 -all",
		"b.example TXT v=spf1 include:c.example -all", "c.example TXT v=spf1 ip4:192.0.2.0/25" } },
	{ "5.2: redirect in an included record is followed", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 include:a.example -all", "a.example TXT v=spf1 redirect=b.example",
		"b.example TXT v=spf1 ip4:192.0.2.1 -all" } },
};

static const struct spf_case redirect_cases[] = {
	{ "6.1: the result is the target's", NULL, NULL, NULL, SPF_SOFTFAIL, "",
	    { "example.net TXT v=spf1 redirect=a.example", "a.example TXT v=spf1 ~all" } },
	{ "6.1: it comes after all mechanisms, wherever it stands", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 redirect=a.example ip4:192.0.2.1", "a.example TXT v=spf1 -all" } },
	{ "6.1: all keeps it from being used", NULL, NULL, NULL, SPF_NEUTRAL, "",
	    { "example.net TXT v=spf1 redirect=a.example ?all", "a.example TXT v=spf1 -all" } },
	{ "6.1: no record is permerror", NULL, NULL, NULL, SPF_PERMERROR, "",
	    { "example.net TXT v=spf1 redirect=a.example", "a.example TXT hello" } },
	{ "6.1: a name that cannot be asked is permerror", NULL, NULL, NULL, SPF_PERMERROR, "",
	    { "example.net TXT v=spf1 redirect=a..example" } },
	{ "6.1: trouble is temperror", NULL, NULL, NULL, SPF_TEMPERROR, "",
	    { "example.net TXT v=spf1 redirect=a.example", "a.example TXT TROUBLE" } },
	{ "6.1: the domain is the target's", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 redirect=a.example", "example.net A 198.51.100.1", "a.example TXT v=spf1 a -all",
		"a.example A 192.0.2.1" } },
	{ "6.1: macros are expanded for the redirecting domain", NULL, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 redirect=_spf.%{d}", "_spf.example.net TXT v=spf1 -all" } },
	{ "6.1: a chain of them", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 redirect=a.example", "a.example TXT v=spf1 redirect=b.example",
		"b.example TXT v=spf1 ip4:192.0.2.1" } },
	{ "6: twice is permerror", NULL, NULL, NULL, SPF_PERMERROR, "",
	    { "example.net TXT v=spf1 redirect=a.example redirect=a.example", "a.example TXT v=spf1" } },
};

static void
test_identities(void **state)
{
	(void)state;
	ZONE_RUN(identity_cases);
}

static void
test_records(void **state)
{
	(void)state;
	ZONE_RUN(record_cases);
}

static void
test_includes(void **state)
{
	(void)state;
	ZONE_RUN(include_cases);
}

static void
test_redirects(void **state)
{
	(void)state;
	ZONE_RUN(redirect_cases);
}

static void
test_nul_in_a_record(void **state)
{
	const struct dns_record record = { .text = SPAN("v=spf1 +all\0") };
	const struct dns_answer answer = { .status = DNS_FOUND, .count = 1, .records = &record };
	struct zone_run run = zone_run_begin(&(struct spf_case){ 0 });

	(void)state;
	assert_true(replay_pin(run.replay, DNS_TXT, SPAN("example.net"), &answer));
	assert_true(spf_check(&run.question, run.replay, &run.verdict));
	assert_int_equal(run.verdict.result, SPF_PERMERROR);
	zone_run_end(&run);
}

static void
test_an_answer_without_records_is_empty(void **state)
{
	static const struct dns_answer empty = { .status = DNS_FOUND };
	static const char *const names[] = { "a.x", "b.x", "c.x" };
	const struct dns_record record = { .text = SPAN("v=spf1 a:a.x a:b.x a:c.x -all") };
	const struct dns_answer answer = { .status = DNS_FOUND, .count = 1, .records = &record };
	struct zone_run run = zone_run_begin(&(struct spf_case){ 0 });

	(void)state;
	assert_true(replay_pin(run.replay, DNS_TXT, SPAN("example.net"), &answer));
	for (size_t i = 0; i < 3; i++)
		assert_true(replay_pin(run.replay, DNS_A, span_of(names[i]), &empty));
	assert_true(spf_check(&run.question, run.replay, &run.verdict));
	assert_int_equal(run.verdict.result, SPF_PERMERROR);
	zone_run_end(&run);
}

static void
test_the_helo_identity_ignores_the_sender(void **state)
{
	static const char *const zone[] = { "mail.example.net TXT v=spf1 ?all", "example.net TXT v=spf1 -all", NULL };
	struct zone_run run = zone_run_begin(&(struct spf_case){ 0 });

	(void)state;
	run.question.identity = SPF_IDENTITY_HELO;
	(void)zone_run(&run, zone);
	assert_int_equal(run.verdict.result, SPF_NEUTRAL);
	assert_int_equal(replay_questions(run.replay), 1);
	zone_run_end(&run);
}

/* What a check says besides its result: the term that matched, the count, the reason of an error. */
static void
assert_says(const char *const *zone, const char *mechanism, const char *problem, unsigned lookups)
{
	struct zone_run run = zone_run_begin(&(struct spf_case){ 0 });

	(void)zone_run(&run, zone);
	if (!span_equal(buf_span(&run.verdict.mechanism), span_of(mechanism)))
		fail_msg("\"%.*s\" matched, not \"%s\"", SPAN_ARG(buf_span(&run.verdict.mechanism)), mechanism);
	if (!span_equal(buf_span(&run.verdict.problem), span_of(problem)))
		fail_msg("the problem is \"%.*s\", not \"%s\"", SPAN_ARG(buf_span(&run.verdict.problem)), problem);
	assert_int_equal(run.verdict.lookups, lookups);
	zone_run_end(&run);
}

#define SAYS(mechanism, problem, lookups, ...)                                                                         \
	assert_says((const char *const[]){ __VA_ARGS__, NULL }, mechanism, problem, lookups)

static void
test_what_matched(void **state)
{
	(void)state;
	SAYS("-all", "", 1, "example.net TXT v=spf1 a -all", "example.net A 198.51.100.1");
	SAYS("+A/24", "", 1, "example.net TXT v=spf1 ip4:198.51.100.1 +A/24 -all", "example.net A 192.0.2.99");
	SAYS("ip4:192.0.2.1", "", 1, "example.net TXT v=spf1 a ip4:192.0.2.1 -all", "example.net A 198.51.100.1");
	SAYS("?include:a.example", "", 2, "example.net TXT v=spf1 ?include:a.example -all",
	    "a.example TXT v=spf1 mx +all", "a.example MX 5 mx.a.example", "mx.a.example A 198.51.100.1");
	SAYS("~all", "", 1, "example.net TXT v=spf1 redirect=a.example", "a.example TXT v=spf1 ~all");
	SAYS("", "", 1, "example.net TXT v=spf1 a", "example.net A 198.51.100.1");
	SAYS("", "", 1, "example.net TXT v=spf1 redirect=a.example", "a.example TXT v=spf1");
	SAYS("", "", 0, "example.net TXT hello");
}

static void
test_what_the_problem_was(void **state)
{
	(void)state;
	SAYS("", "the SPF record of example.net has a syntax error: a:\\x80", 0, "example.net TXT v=spf1 a:\x80 -all");
	SAYS("", "example.net has more than one SPF record", 0, "example.net TXT v=spf1", "example.net TXT v=spf1");
	SAYS("", "a.example has no SPF record", 1, "example.net TXT v=spf1 include:a.example");
	SAYS("", "include:a..b gives no name that could be looked up", 1, "example.net TXT v=spf1 include:a..b");
	SAYS("", "the DNS of a.example does not answer for now", 1, "example.net TXT v=spf1 a:a.example",
	    "a.example A TROUBLE");
}

/* The same client, seen with a mapped address or over loopback, is judged by the record like any other. */
static const struct spf_case client_cases[] = {
	{ "5: an IPv4-mapped client is an IPv4 client", "::ffff:192.0.2.1", NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 -ip6:::ffff:0:0/96 +ip4:192.0.2.1" } },
	{ "loopback is no free ride", "127.0.0.1", NULL, NULL, SPF_FAIL, "", { "example.net TXT v=spf1 -all" } },
	{ "loopback matches ip4", "127.0.0.1", NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 ip4:127.0.0.0/8 -all" } },
	{ "loopback matches a", "127.1.2.3", NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 a/16 -all", "example.net A 127.1.9.9" } },
	{ "loopback does not match another a", "127.1.2.3", NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 a/16 -all", "example.net A 255.1.2.3" } },
	{ "IPv6 loopback matches mx", "::1", NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 mx -all", "example.net MX 1 a.example", "a.example AAAA ::1" } },
	{ "IPv6 loopback is no free ride", "::1", NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 mx//8 -all", "example.net MX 1 a.example", "a.example AAAA 8000::1" } },
};

static void
test_clients(void **state)
{
	(void)state;
	ZONE_RUN(client_cases);
}

static void
test_no_resolver_is_not_the_domains_trouble(void **state)
{
	static const char *const zones[][4] = {
		{ "* * DOWN", NULL },
		{ "example.net TXT v=spf1 a -all", "example.net A DOWN", NULL },
		{ "example.net TXT v=spf1 ptr -all", "1.2.0.192.in-addr.arpa PTR DOWN", NULL },
		{ "example.net TXT v=spf1 exists:%{p}.a.example -all", "1.2.0.192.in-addr.arpa PTR b.example",
		    "b.example A DOWN", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
		struct zone_run run = zone_run_begin(&(struct spf_case){ 0 });

		(void)zone_run(&run, zones[i]);
		assert_int_equal(run.verdict.result, SPF_TEMPERROR);
		assert_true(run.verdict.resolver_down);
		zone_run_end(&run);
	}
}

static void
test_missing_answers_are_asked_together(void **state)
{
	static const char *const zone[] = { "example.net TXT v=spf1 mx ptr -all", "example.net MX 2 b.example",
		"example.net MX 1 a.example", "example.net MX 3 c.example", "a.example A 198.51.100.1",
		"b.example A 198.51.100.2", "c.example A 198.51.100.3", "1.2.0.192.in-addr.arpa PTR x.example.net",
		"1.2.0.192.in-addr.arpa PTR y.example.net", "x.example.net A 198.51.100.1", "y.example.net A 192.0.2.1",
		NULL };
	struct zone_run run = zone_run_begin(&(struct spf_case){ 0 });

	(void)state;
	/* TXT, MX, three addresses at once, PTR, two addresses at once. */
	assert_int_equal(zone_run(&run, zone), 5);
	assert_int_equal(run.verdict.result, SPF_PASS);
	assert_int_equal(replay_questions(run.replay), 8);
	zone_run_end(&run);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identities),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_includes),
		cmocka_unit_test(test_redirects),
		cmocka_unit_test(test_nul_in_a_record),
		cmocka_unit_test(test_an_answer_without_records_is_empty),
		cmocka_unit_test(test_the_helo_identity_ignores_the_sender),
		cmocka_unit_test(test_what_matched),
		cmocka_unit_test(test_what_the_problem_was),
		cmocka_unit_test(test_clients),
		cmocka_unit_test(test_no_resolver_is_not_the_domains_trouble),
		cmocka_unit_test(test_missing_answers_are_asked_together),
	};

	return cmocka_run_group_tests(tests, zone_load, NULL);
}
