/* Tests of the limits of RFC 7208 4.6.4: ten terms with lookups, two void ones, ten exchangers, ten reverse names. */
#include "tests/unit/lookup/spf_zone.h"

#define HOST "example.net A 198.51.100.1"
#define REVERSE "1.2.0.192.in-addr.arpa PTR "

static const struct spf_case lookup_cases[] = {
	{ "ten terms", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 a a a a a a a a a a ip4:192.0.2.1 -all", HOST } },
	{ "eleven terms", NULL, NULL, NULL, SPF_PERMERROR, "",
	    { "example.net TXT v=spf1 a a a a a a a a a a a ip4:192.0.2.1 -all", HOST } },
	{ "a match at the eleventh does not count", NULL, NULL, NULL, SPF_PERMERROR, "",
	    { "example.net TXT v=spf1 a a a a a a a a a a a:b.example -all", HOST, "b.example A 192.0.2.1" } },
	{ "a match before the eleventh does", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 a a a a a a a a a a:b.example a a a -all", HOST, "b.example A 192.0.2.1" } },
	{ "addresses and all do not count", NULL, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 ip4:10.0.0.1 ip4:10.0.0.2 ip4:10.0.0.3 ip4:10.0.0.4 ip4:10.0.0.5 ip4:10.0.0.6 "
	      "ip4:10.0.0.7 ip4:10.0.0.8 ip4:10.0.0.9 ip6:::1 ip6:::2 ip6:::3 -all" } },
	{ "mx, ptr and exists count", NULL, NULL, NULL, SPF_PERMERROR, "",
	    { "example.net TXT v=spf1 mx mx mx ptr ptr ptr exists:a.example exists:a.example exists:a.example ptr ptr "
	      "+all",
		"example.net MX 1 example.net", HOST } },
	{ "redirect counts", NULL, NULL, NULL, SPF_PERMERROR, "",
	    { "example.net TXT v=spf1 a a a a a a a a a a redirect=b.example", HOST, "b.example TXT v=spf1 +all" } },
	{ "redirect as the tenth", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 a a a a a a a a a redirect=b.example", HOST, "b.example TXT v=spf1 +all" } },
	{ "what an include needs counts, and stays counted", NULL, NULL, NULL, SPF_PERMERROR, "",
	    { "example.net TXT v=spf1 include:b.example a a a a a a +all", HOST,
		"b.example TXT v=spf1 a:example.net a:example.net a:example.net a:example.net" } },
	{ "ten with an include", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 include:b.example a a a a a +all", HOST,
		"b.example TXT v=spf1 a:example.net a:example.net a:example.net a:example.net" } },
	{ "exp does not count", NULL, NULL, NULL, SPF_FAIL, "sorry",
	    { "example.net TXT v=spf1 a a a a a a a a a a -all exp=b.example", HOST, "b.example TXT sorry" } },
	{ "an include of itself ends", NULL, NULL, NULL, SPF_PERMERROR, "",
	    { "example.net TXT v=spf1 include:example.net -all" } },
	{ "a redirect to itself ends", NULL, NULL, NULL, SPF_PERMERROR, "",
	    { "example.net TXT v=spf1 redirect=example.net" } },
	{ "a circle of includes and redirects ends", NULL, NULL, NULL, SPF_PERMERROR, "",
	    { "example.net TXT v=spf1 ?include:b.example -all", "b.example TXT v=spf1 redirect=c.example",
		"c.example TXT v=spf1 ~include:example.net ?all" } },
	{ "the limit inside of an include is no \"does not match\"", NULL, NULL, NULL, SPF_PERMERROR, "",
	    { "example.net TXT v=spf1 ?include:b.example +all", HOST, "b.example TXT v=spf1 a a a a a a a a a a -all",
		"b.example A 198.51.100.2" } },
};

static const struct spf_case void_cases[] = {
	{ "two void lookups", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 a:x.example exists:y.example ip4:192.0.2.1 -all" } },
	{ "three void lookups", NULL, NULL, NULL, SPF_PERMERROR, "",
	    { "example.net TXT v=spf1 a:x.example exists:y.example mx:z.example ip4:192.0.2.1 -all" } },
	{ "names without such records count like names that do not exist", NULL, NULL, NULL, SPF_PERMERROR, "",
	    { "example.net TXT v=spf1 a mx exists:y.example +all", "y.example TXT x" } },
	{ "in records that are included, too", NULL, NULL, NULL, SPF_PERMERROR, "",
	    { "example.net TXT v=spf1 a:x.example include:b.example a:z.example +all",
		"b.example TXT v=spf1 a:y.example" } },
	{ "exchangers without addresses count", NULL, NULL, NULL, SPF_PERMERROR, "",
	    { "example.net TXT v=spf1 mx +all", "example.net MX 1 x.example", "example.net MX 1 y.example",
		"example.net MX 1 z.example" } },
	{ "the same question again does not count (docs/adr/0007)", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 a:x.example a:X.Example exists:x.example a:y.example a:x.example +all" } },
	{ "another type is another question", NULL, NULL, NULL, SPF_PERMERROR, "",
	    { "example.net TXT v=spf1 a:x.example mx:x.example a:y.example +all" } },
	{ "ptr without a PTR record does not count (docs/adr/0007)", NULL, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 ptr a:x.example ptr:b.example a:y.example ptr:c.example -all" } },
	{ "nor do reverse names without addresses", NULL, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 ptr -all", REVERSE "a.example.net", REVERSE "b.example.net",
		REVERSE "c.example.net" } },
	{ "nor does %{p}", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 exists:%{p}.a a:x.example exists:%{p}.b +all", REVERSE "x.example.net",
		"unknown.b A 127.0.0.2" } },
	{ "nor does exp", NULL, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 a:x.example a:y.example exp=z.example -all" } },
};

static const struct spf_case exchange_cases[] = {
	{ "ten exchangers", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 mx -all", "example.net MX 1 a.example", "example.net MX 2 b.example",
		"example.net MX 3 c.example", "example.net MX 4 d.example", "example.net MX 5 e.example",
		"example.net MX 6 f.example", "example.net MX 7 g.example", "example.net MX 8 h.example",
		"example.net MX 9 i.example", "example.net MX 10 j.example", "j.example A 192.0.2.1",
		"* A 198.51.100.1" } },
	{ "eleven exchangers, none of the first ten", NULL, NULL, NULL, SPF_PERMERROR, "",
	    { "example.net TXT v=spf1 mx +all", "example.net MX 1 a.example", "example.net MX 2 b.example",
		"example.net MX 11 k.example", "example.net MX 3 c.example", "example.net MX 4 d.example",
		"example.net MX 5 e.example", "example.net MX 6 f.example", "example.net MX 7 g.example",
		"example.net MX 8 h.example", "example.net MX 9 i.example", "example.net MX 10 j.example",
		"k.example A 192.0.2.1", "* A 198.51.100.1" } },
	{ "eleven exchangers, the one nearest by", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 mx -all", "example.net MX 5 c.example", "example.net MX 5 b.example",
		"example.net MX 5 d.example", "example.net MX 5 e.example", "example.net MX 5 f.example",
		"example.net MX 5 g.example", "example.net MX 5 h.example", "example.net MX 5 i.example",
		"example.net MX 5 j.example", "example.net MX 5 k.example", "example.net MX 5 l.example",
		"example.net MX 5 a.example", "a.example A 192.0.2.1", "* A 198.51.100.1" } },
};

static const struct spf_case name_cases[] = {
	{ "the tenth reverse name", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 ptr -all", REVERSE "1.x", REVERSE "2.x", REVERSE "3.x", REVERSE "4.x",
		REVERSE "5.x", REVERSE "6.x", REVERSE "7.x", REVERSE "8.x", REVERSE "9.x", REVERSE "example.net",
		"example.net A 192.0.2.1" } },
	{ "the eleventh is not looked at", NULL, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 ptr -all", REVERSE "1.x", REVERSE "2.x", REVERSE "3.x", REVERSE "4.x",
		REVERSE "5.x", REVERSE "6.x", REVERSE "7.x", REVERSE "8.x", REVERSE "9.x", REVERSE "10.x",
		REVERSE "example.net", "example.net A 192.0.2.1" } },
	{ "nor by %{p}", NULL, NULL, NULL, SPF_FAIL, "unknown",
	    { "example.net TXT v=spf1 -all exp=b.example", "b.example TXT %{p}", REVERSE "1.x", REVERSE "2.x",
		REVERSE "3.x", REVERSE "4.x", REVERSE "5.x", REVERSE "6.x", REVERSE "7.x", REVERSE "8.x", REVERSE "9.x",
		REVERSE "10.x", REVERSE "example.net", "example.net A 192.0.2.1" } },
};

static void
test_lookups(void **state)
{
	(void)state;
	ZONE_RUN(lookup_cases);
}

static void
test_voids(void **state)
{
	(void)state;
	ZONE_RUN(void_cases);
}

static void
test_exchanges(void **state)
{
	(void)state;
	ZONE_RUN(exchange_cases);
}

static void
test_names(void **state)
{
	(void)state;
	ZONE_RUN(name_cases);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookups),
		cmocka_unit_test(test_voids),
		cmocka_unit_test(test_exchanges),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, zone_load, NULL);
}
