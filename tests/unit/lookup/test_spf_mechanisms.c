/* Tests of the mechanisms of RFC 7208 section 5 and the macros of section 7 inside a check, by IPv4 and IPv6. */
#include "tests/unit/lookup/spf_zone.h"

#define V6 "2001:db8::cb01"
#define V6_REVERSE "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
#define TEN(text) text "." text "." text "." text "." text "." text "." text "." text "." text "." text
#define ONE_AND_TWENTY(text) TEN(text) "." TEN(text) "." text
#define TWO_AND_TWENTY(text) ONE_AND_TWENTY(text) "." text

static const struct spf_case address_cases[] = {
	{ "5.6: ip4 holds the client", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 ip4:192.0.2.0/24 -all" } },
	{ "5.6: ip4 without a prefix is one address", NULL, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 ip4:192.0.2.2 -all" } },
	{ "5.6: host bits do not matter", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 ip4:192.0.2.255/24 -all" } },
	{ "5.6: a prefix within a byte", "192.0.2.63", NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 ip4:192.0.2.64/27 -all" } },
	{ "5.6: /0 is every IPv4 client", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 ip4:198.51.100.0/0 -all" } },
	{ "5.6: /0 is no IPv6 client", V6, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 ip4:198.51.100.0/0 -all" } },
	{ "5.6: ip6 holds the client", V6, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 ip6:2001:db8::/33 -all" } },
	{ "5.6: ip6 without a prefix is one address", V6, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 ip6:2001:db8::cb02 -all" } },
	{ "5.6: ::/0 is every IPv6 client", V6, NULL, NULL, SPF_PASS, "", { "example.net TXT v=spf1 ip6:::/0 -all" } },
	{ "5.6: ::/0 is no IPv4 client", NULL, NULL, NULL, SPF_FAIL, "", { "example.net TXT v=spf1 ip6:::/0 -all" } },
	{ "5: a mapped client is not in ::ffff:0:0/96", "::ffff:192.0.2.1", NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 ip6:::ffff:192.0.2.1 -all" } },
};

static const struct spf_case a_cases[] = {
	{ "5.3: the domain's own address", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 a -all", "example.net A 198.51.100.1", "example.net A 192.0.2.1" } },
	{ "5.3: another name's", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 a:a.example -all", "a.example A 192.0.2.1" } },
	{ "5.3: names are case-insensitive", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 A:A.Example -all", "a.example A 192.0.2.1" } },
	{ "5.3: with a prefix", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 a/24 -all", "example.net A 192.0.2.200" } },
	{ "5.3: beyond the prefix", NULL, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 a/25 -all", "example.net A 192.0.2.200" } },
	{ "5.3: the IPv6 prefix is not for IPv4", NULL, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 a//0 -all", "example.net A 192.0.2.200", "example.net AAAA ::1" } },
	{ "5.3: the IPv4 prefix is not for IPv6", V6, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 a/0 -all", "example.net A 192.0.2.200", "example.net AAAA 2001:db8::1" } },
	{ "5.3: both prefixes, IPv6", V6, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 a/32//64 -all", "example.net A 192.0.2.200", "example.net AAAA 2001:db8::1" } },
	{ "5.3: /0 needs some address", NULL, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 a/0 -all", "example.net AAAA 2001:db8::1" } },
	{ "5.3: /0 takes any address", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 a/0 -all", "example.net A 198.51.100.1" } },
	{ "5.3: //0 takes any address", V6, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 a//0 -all", "example.net AAAA fe80::1" } },
	{ "5.3: no address does not match", NULL, NULL, NULL, SPF_FAIL, "", { "example.net TXT v=spf1 a -all" } },
	{ "5: trouble is temperror", NULL, NULL, NULL, SPF_TEMPERROR, "",
	    { "example.net TXT v=spf1 a:a.example +all", "a.example A TROUBLE" } },
	{ "5: trouble with A is none of an IPv6 client's", V6, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 a:a.example -all", "a.example A TROUBLE", "a.example AAAA fe80::1" } },
	{ "4.8: a name that cannot be asked does not match", NULL, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 a:a..example -all", "* A 192.0.2.1" } },
	{ "4.8: nor one with a long label", NULL, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 a:a2345678901234567890123456789012345678901234567890123456789012345.example -all",
		"* A 192.0.2.1" } },
	{ "4.8: a final dot is none of the name's", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 a:a.example. -all", "a.example A 192.0.2.1" } },
};

static const struct spf_case mx_cases[] = {
	{ "5.4: any host of any exchanger", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 mx -all", "example.net MX 10 a.example", "example.net MX 20 b.example",
		"a.example A 198.51.100.1", "b.example A 192.0.2.1" } },
	{ "5.4: with a prefix", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 mx:other.example/28 -all", "other.example MX 10 a.example",
		"a.example A 192.0.2.15" } },
	{ "5.4: IPv6 with a prefix", V6, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 mx/1//64 -all", "example.net MX 10 a.example", "a.example AAAA 2001:db8::1" } },
	{ "5.4: /0 needs some address", NULL, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 mx/0 -all", "example.net MX 10 a.example", "a.example AAAA ::2" } },
	{ "5.4: /0 takes any address", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 mx/0 -all", "example.net MX 10 a.example", "a.example A 198.51.100.1" } },
	{ "5.4: the domain's own address is no exchanger", NULL, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 mx -all", "example.net A 192.0.2.1" } },
	{ "5.4: a null MX is no exchanger", NULL, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 mx -all", "example.net MX 0 ", "* A 192.0.2.1" } },
	{ "5.4: hosts are those of this term alone", NULL, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 mx:a.example/32 mx:b.example/24 -all", "a.example MX 1 c.example",
		"c.example A 192.0.2.99" } },
	{ "5.4: trouble with the MX record is temperror", NULL, NULL, NULL, SPF_TEMPERROR, "",
	    { "example.net TXT v=spf1 mx +all", "example.net MX TROUBLE" } },
	{ "5.4: trouble with an exchanger is temperror", NULL, NULL, NULL, SPF_TEMPERROR, "",
	    { "example.net TXT v=spf1 mx +all", "example.net MX 10 a.example", "a.example A TROUBLE" } },
	{ "5.4: trouble behind a match is not looked at", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 mx -all", "example.net MX 10 a.example", "example.net MX 20 b.example",
		"a.example A 192.0.2.1", "b.example A TROUBLE" } },
};

static const struct spf_case ptr_cases[] = {
	{ "5.5: a validated name below the domain", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 ptr -all", "1.2.0.192.in-addr.arpa PTR a.example.net",
		"a.example.net A 192.0.2.1" } },
	{ "5.5: the domain itself", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 ptr:other.example -all", "1.2.0.192.in-addr.arpa PTR other.example",
		"other.example A 192.0.2.1" } },
	{ "5.5: a name that only ends alike", NULL, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 ptr -all", "1.2.0.192.in-addr.arpa PTR notexample.net",
		"notexample.net A 192.0.2.1" } },
	{ "5.5: a name that does not point back", NULL, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 ptr -all", "1.2.0.192.in-addr.arpa PTR a.example.net",
		"a.example.net A 192.0.2.2" } },
	{ "5.5: IPv6, in another case", V6, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 ptr:EXAMPLE.net -all", V6_REVERSE " PTR a.Example.NET",
		"a.example.net AAAA " V6 } },
	{ "5.5: all of an IPv6 address must be the client's", V6, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 ptr -all", V6_REVERSE " PTR a.example.net",
		"a.example.net AAAA 2001:db8::cb02" } },
	{ "5.5: trouble with the PTR record does not match", NULL, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 ptr -all", "1.2.0.192.in-addr.arpa PTR TROUBLE" } },
	{ "5.5: trouble with a name skips it", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 ptr -all", "1.2.0.192.in-addr.arpa PTR a.example.net",
		"1.2.0.192.in-addr.arpa PTR b.example.net", "a.example.net A TROUBLE", "b.example.net A 192.0.2.1" } },
	{ "5.5: names elsewhere do not count", NULL, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 ptr -all", "1.2.0.192.in-addr.arpa PTR a.example", "a.example A 192.0.2.1" } },
};

static const struct spf_case exists_cases[] = {
	{ "5.7: any A record matches", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 exists:a.example -all", "a.example A 127.0.0.2" } },
	{ "5.7: it is A for IPv6 clients, too", V6, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 exists:a.example -all", "a.example A 127.0.0.2" } },
	{ "5.7: AAAA does not match", V6, NULL, NULL, SPF_FAIL, "",
	    { "example.net TXT v=spf1 exists:a.example -all", "a.example AAAA ::1" } },
	{ "5.7: trouble is temperror", NULL, NULL, NULL, SPF_TEMPERROR, "",
	    { "example.net TXT v=spf1 exists:a.example -all", "a.example A TROUBLE" } },
};

static const struct spf_case macro_cases[] = {
	{ "7.3: the sender's parts", NULL, NULL, "strong-bad@example.net", SPF_PASS, "",
	    { "example.net TXT v=spf1 exists:%{lr-}.lp.%{ir}.%{v}._spf.%{o} -all",
		"bad.strong.lp.1.2.0.192.in-addr._spf.example.net A 127.0.0.2" } },
	{ "RFC 8616 4: a local part that is not ASCII matches nothing", NULL, NULL, "jörg@example.net", SPF_FAIL, "",
	    { "example.net TXT v=spf1 exists:%{l}.example a:%{s} mx:%{L} ptr:%{lr}.x -all", "* A 192.0.2.1",
		"* MX 1 a.example" } },
	{ "RFC 8616 4: …and an include of one neither, without an error", NULL, NULL, "jörg@example.net", SPF_SOFTFAIL,
	    "", { "example.net TXT v=spf1 include:%{l}.example ~all", "jörg.example TXT v=spf1 +all" } },
	{ "RFC 8616 4: other macros do their work", NULL, NULL, "jörg@xn--bcher-kva.example", SPF_PASS, "",
	    { "xn--bcher-kva.example TXT v=spf1 exists:%{o}.example -all",
		"xn--bcher-kva.example.example A 127.0.0.2" } },
	{ "7.3: IPv6 nibbles", V6, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 exists:%{ir}.%{v}.example -all",
		"1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6.example A 127.0.0.2" } },
	{ "7.3: HELO, bad as it may be", NULL, "not/a+name", NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 exists:%{h}.example -all", "not/a+name.example A 127.0.0.2" } },
	{ "7.3: a name that macros make too long loses labels on the left", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 exists:" TWO_AND_TWENTY("%{d}") " -all",
		ONE_AND_TWENTY("example.net") " A 127.0.0.2" } },
	{ "7.3: %{p} prefers the domain", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 exists:%{p}.p -all", "1.2.0.192.in-addr.arpa PTR z.example",
		"1.2.0.192.in-addr.arpa PTR a.example.net", "1.2.0.192.in-addr.arpa PTR example.net",
		"z.example A 192.0.2.1", "a.example.net A 192.0.2.1", "example.net A 192.0.2.1",
		"example.net.p A 127.0.0.2" } },
	{ "7.3: %{p} prefers a subdomain to others", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 exists:%{p}.p -all", "1.2.0.192.in-addr.arpa PTR z.example",
		"1.2.0.192.in-addr.arpa PTR a.example.net", "z.example A 192.0.2.1", "a.example.net A 192.0.2.1",
		"a.example.net.p A 127.0.0.2" } },
	{ "7.3: %{p} takes any validated name", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 exists:%{p}.p -all", "1.2.0.192.in-addr.arpa PTR a.example.net",
		"1.2.0.192.in-addr.arpa PTR z.example", "z.example A 192.0.2.1", "z.example.p A 127.0.0.2" } },
	{ "7.3: %{p} without one is unknown", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 exists:%{p}.p -all", "1.2.0.192.in-addr.arpa PTR TROUBLE",
		"unknown.p A 127.0.0.2" } },
	{ "7.3: an upper-case letter is percent-encoded", NULL, NULL, "a+b@example.net", SPF_PASS, "",
	    { "example.net TXT v=spf1 exists:%{L}.example -all", "a%2Bb.example A 127.0.0.2" } },
	{ "7.1: spaces and percent signs in names", NULL, NULL, NULL, SPF_PASS, "",
	    { "example.net TXT v=spf1 exists:a%-b%%c.example -all", "a%20b%c.example A 127.0.0.2" } },
};

static void
test_addresses(void **state)
{
	(void)state;
	ZONE_RUN(address_cases);
}

static void
test_a(void **state)
{
	(void)state;
	ZONE_RUN(a_cases);
}

static void
test_mx(void **state)
{
	(void)state;
	ZONE_RUN(mx_cases);
}

static void
test_ptr(void **state)
{
	(void)state;
	ZONE_RUN(ptr_cases);
}

static void
test_exists(void **state)
{
	(void)state;
	ZONE_RUN(exists_cases);
}

static void
test_macros(void **state)
{
	(void)state;
	ZONE_RUN(macro_cases);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_a),
		cmocka_unit_test(test_mx),
		cmocka_unit_test(test_ptr),
		cmocka_unit_test(test_exists),
		cmocka_unit_test(test_macros),
	};

	return cmocka_run_group_tests(tests, zone_load, NULL);
}
