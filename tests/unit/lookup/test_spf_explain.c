/* Tests of explanations (RFC 7208 6.2): whose, when, expanded how, and never anything but printable ASCII. */
#include "tests/unit/lookup/spf_zone.h"

#define FAILS "example.net TXT v=spf1 -all exp=why.example.net"

static const struct spf_case cases[] = {
	{ "6.2: expanded, with c, r and t", NULL, NULL, NULL, SPF_FAIL,
	    "user@example.net from 192.0.2.1 at mx.receiver.example, 1700000000",
	    { FAILS, "why.example.net TXT %{s} from %{c} at %{r}, %{t}" } },
	{ "6.2: the address of an IPv6 client", "2001:db8::1", NULL, NULL, SPF_FAIL, "2001:db8::1",
	    { FAILS, "why.example.net TXT %{c}" } },
	{ "6.2: exp= may use macros", NULL, NULL, NULL, SPF_FAIL, "sorry",
	    { "example.net TXT v=spf1 -all exp=%{ir}.%{l}._why.%{d}", "1.2.0.192.user._why.example.net TXT sorry" } },
	{ "6.2: %{p} in the text", NULL, NULL, NULL, SPF_FAIL, "you are a.example",
	    { FAILS, "why.example.net TXT you are %{p}", "1.2.0.192.in-addr.arpa PTR a.example",
		"a.example A 192.0.2.1" } },
	{ "6.2: %{p} in exp=", NULL, NULL, NULL, SPF_FAIL, "sorry",
	    { "example.net TXT v=spf1 -all exp=%{p}.why.example", "1.2.0.192.in-addr.arpa PTR a.example",
		"a.example A 192.0.2.1", "a.example.why.example TXT sorry" } },
	{ "6.2: on fail only", NULL, NULL, NULL, SPF_SOFTFAIL, "",
	    { "example.net TXT v=spf1 ~all exp=why.example.net", "why.example.net TXT no" } },
	{ "6.2: no text", NULL, NULL, NULL, SPF_FAIL, "", { FAILS } },
	{ "6.2: no TXT record", NULL, NULL, NULL, SPF_FAIL, "", { FAILS, "why.example.net A 192.0.2.1" } },
	{ "6.2: two texts", NULL, NULL, NULL, SPF_FAIL, "",
	    { FAILS, "why.example.net TXT a", "why.example.net TXT b" } },
	{ "6.2: trouble", NULL, NULL, NULL, SPF_FAIL, "", { FAILS, "why.example.net TXT TROUBLE" } },
	{ "6.2: a resolver that went silent does not take the fail back", NULL, NULL, NULL, SPF_FAIL, "",
	    { FAILS, "why.example.net TXT DOWN" } },
	{ "6.2: nor does one that went silent at %{p}", NULL, NULL, NULL, SPF_FAIL, "",
	    { FAILS, "why.example.net TXT %{p}", "1.2.0.192.in-addr.arpa PTR DOWN" } },
	{ "6.2: a syntax error in the text", NULL, NULL, NULL, SPF_FAIL, "", { FAILS, "why.example.net TXT 50% off" } },
	{ "6.2: an unknown letter in the text", NULL, NULL, NULL, SPF_FAIL, "", { FAILS, "why.example.net TXT %{x}" } },
	{ "6.2: a text that is not ASCII", NULL, NULL, NULL, SPF_FAIL, "", { FAILS, "why.example.net TXT \xc3\xa4" } },
	{ "6.2: a text with a line end", NULL, NULL, NULL, SPF_FAIL, "", { FAILS, "why.example.net TXT a\r\n250 OK" } },
	{ "6.2: a name that cannot be asked", NULL, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 -all exp=a..b", "a..b TXT no" } },
	{ "6.2: an empty text is none", NULL, NULL, NULL, SPF_FAIL, "", { FAILS, "why.example.net TXT " } },
	{ "6.2: an empty exp= is permerror", NULL, NULL, NULL, SPF_PERMERROR, "",
	    { "example.net TXT v=spf1 -all exp=" } },
	{ "6.2: of the record redirected to, not of the first", NULL, NULL, NULL, SPF_FAIL, "second",
	    { "example.net TXT v=spf1 exp=one.example redirect=b.example", "b.example TXT v=spf1 -all exp=two.example",
		"one.example TXT first", "two.example TXT second" } },
	{ "6.2: none when the record redirected to has none", NULL, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 exp=one.example redirect=b.example", "b.example TXT v=spf1 -all",
		"one.example TXT first" } },
	{ "6.2: never of an included record", NULL, NULL, NULL, SPF_FAIL, "outer",
	    { "example.net TXT v=spf1 include:b.example -all exp=one.example",
		"b.example TXT v=spf1 -all exp=two.example", "one.example TXT outer", "two.example TXT inner" } },
	{ "6.2: not of an included record's redirect", NULL, NULL, NULL, SPF_FAIL, "outer",
	    { "example.net TXT v=spf1 -include:b.example exp=one.example ?all",
		"b.example TXT v=spf1 redirect=c.example exp=two.example", "c.example TXT v=spf1 +all exp=two.example",
		"one.example TXT outer", "two.example TXT inner" } },
	{ "6.2: %{d} is the domain of the record that has it", NULL, NULL, NULL, SPF_FAIL, "b.example",
	    { "example.net TXT v=spf1 redirect=b.example", "b.example TXT v=spf1 -all exp=why.%{d}",
		"why.b.example TXT %{d}" } },
	{ "6.2: exp= before the mechanisms", NULL, NULL, NULL, SPF_FAIL, "early",
	    { "example.net TXT v=spf1 exp=why.example.net -all", "why.example.net TXT early" } },
};

static void
test_explanations(void **state)
{
	(void)state;
	ZONE_RUN(cases);
}

static struct spf_verdict
explain(const char *const *zone, struct span sender, size_t limit_bytes)
{
	struct spf_question question = zone_question(&(struct spf_case){ 0 });
	struct spf_verdict verdict = zone_verdict();
	struct replay *replay = replay_new();

	question.sender = sender;
	verdict.explanation.limit_bytes = limit_bytes;
	(void)zone_check(zone, &question, replay, &verdict);
	replay_free(replay);
	return verdict;
}

static void
test_the_senders_bytes_are_cleaned(void **state)
{
	static const char *const zone[] = { FAILS, "why.example.net TXT %{l} may not", NULL };
	struct spf_verdict verdict = explain(zone, SPAN("a\r\n250 OK@example.net"), 1000);

	(void)state;
	assert_int_equal(verdict.result, SPF_FAIL);
	assert_int_equal(verdict.explanation.length, 0);
	zone_verdict_free(&verdict);
	verdict = explain(zone, SPAN("\xff\xfe@example.net"), 1000);
	assert_int_equal(verdict.explanation.length, 0);
	zone_verdict_free(&verdict);
}

static void
test_an_explanation_that_does_not_fit_is_none(void **state)
{
	static const char *const zone[] = { FAILS, "why.example.net TXT 12345678", NULL };
	struct spf_verdict verdict = explain(zone, SPAN("user@example.net"), 8);

	(void)state;
	assert_true(span_equal(buf_span(&verdict.explanation), SPAN("12345678")));
	zone_verdict_free(&verdict);
	verdict = explain(zone, SPAN("user@example.net"), 7);
	assert_int_equal(verdict.result, SPF_FAIL);
	assert_int_equal(verdict.explanation.length, 0);
	assert_true(buf_ok(&verdict.explanation));
	zone_verdict_free(&verdict);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_explanations),
		cmocka_unit_test(test_the_senders_bytes_are_cleaned),
		cmocka_unit_test(test_an_explanation_that_does_not_fit_is_none),
	};

	return cmocka_run_group_tests(tests, zone_load, NULL);
}
