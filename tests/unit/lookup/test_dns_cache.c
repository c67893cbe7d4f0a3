/* The cache of DNS answers: time, limits, copies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lookup/dns_cache.h"

static struct dns_cache *cache;

static int
set_up(void **unused)
{
	(void)unused;
	cache = dns_cache_new(100, 1 << 20);
	return cache ? 0 : -1;
}

static int
tear_down(void **unused)
{
	(void)unused;
	dns_cache_free(cache);
	return 0;
}

static void
put_text(const char *name, const char *text, uint32_t ttl, uint64_t now_ms)
{
	struct dns_record record = { .text = span_of(text) };
	struct dns_answer answer = { DNS_FOUND, 1, &record };

	dns_cache_put(cache, DNS_TXT, span_of(name), &answer, ttl, now_ms);
}

static const struct dns_answer *
get(const char *name, uint64_t now_ms)
{
	return dns_cache_get(cache, DNS_TXT, span_of(name), now_ms);
}

static void
an_answer_is_kept_for_its_ttl_and_copied(void **unused)
{
	char text[] = "v=spf1 -all";

	(void)unused;
	put_text("Example.ORG", text, 10, 1000);
	memset(text, 'x', sizeof text);
	const struct dns_answer *answer = get("example.org", 10999);
	assert_non_null(answer);
	assert_int_equal(answer->status, DNS_FOUND);
	assert_int_equal(answer->count, 1);
	assert_true(span_equal(answer->records[0].text, SPAN("v=spf1 -all")));
	assert_null(get("example.org", 11000));
	assert_int_equal(dns_cache_entries(cache), 0);
	assert_int_equal(dns_cache_bytes(cache), 0);
}

static void
types_and_names_are_told_apart(void **unused)
{
	(void)unused;
	put_text("example.org", "x", 10, 0);
	assert_null(dns_cache_get(cache, DNS_A, SPAN("example.org"), 1));
	assert_null(get("example.or", 1));
	assert_null(get("example.org.", 1));
	assert_non_null(get("EXAMPLE.org", 1));
}

static void
nothing_is_kept_longer_than_a_day_and_none_longer_than_an_hour(void **unused)
{
	struct dns_answer none = { .status = DNS_NO_NAME };

	(void)unused;
	put_text("a", "x", UINT32_MAX, 0);
	assert_non_null(get("a", 86399999));
	assert_null(get("a", 86400000));
	dns_cache_put(cache, DNS_TXT, SPAN("b"), &none, 86400, 0);
	assert_int_equal(get("b", 3599999)->status, DNS_NO_NAME);
	assert_null(get("b", 3600000));
}

static void
trouble_and_a_ttl_of_none_are_not_kept(void **unused)
{
	struct dns_answer trouble = { .status = DNS_TROUBLE };
	struct dns_answer down = { .status = DNS_RESOLVER_DOWN };

	(void)unused;
	dns_cache_put(cache, DNS_TXT, SPAN("a"), &trouble, 60, 0);
	dns_cache_put(cache, DNS_TXT, SPAN("a"), &down, 60, 0);
	put_text("a", "x", 0, 0);
	assert_null(get("a", 0));
	assert_int_equal(dns_cache_entries(cache), 0);
}

static void
a_newer_answer_takes_the_place_of_the_old(void **unused)
{
	(void)unused;
	put_text("a", "old", 60, 0);
	put_text("a", "newer", 60, 0);
	assert_int_equal(dns_cache_entries(cache), 1);
	assert_true(span_equal(get("a", 1)->records[0].text, SPAN("newer")));
}

static void
the_least_recently_used_makes_room(void **unused)
{
	char name[16];

	(void)unused;
	for (unsigned i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof name, "n%u", i);
		put_text(name, "x", 60, 0);
	}
	assert_non_null(get("n0", 1));
	put_text("one-more", "x", 60, 1);
	assert_int_equal(dns_cache_entries(cache), 100);
	assert_non_null(get("n0", 1));
	assert_null(get("n1", 1));
	assert_non_null(get("n2", 1));
}

static void
bytes_are_bounded(void **unused)
{
	static char big[100000];
	char name[16];

	(void)unused;
	memset(big, 'x', sizeof big - 1);
	for (unsigned i = 0; i < 50; i++) {
		(void)snprintf(name, sizeof name, "n%u", i);
		put_text(name, big, 60, 0);
		assert_true(dns_cache_bytes(cache) <= 1 << 20);
	}
	assert_int_equal(dns_cache_entries(cache), 10);
	assert_non_null(get("n49", 1));
	assert_null(get("n39", 1));
}

static void
what_is_larger_than_the_cache_is_not_kept_and_costs_nothing(void **unused)
{
	static char big[2 << 20];

	(void)unused;
	memset(big, 'x', sizeof big - 1);
	put_text("small", "x", 60, 0);
	put_text("big", big, 60, 0);
	assert_null(get("big", 1));
	assert_non_null(get("small", 1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_is_kept_for_its_ttl_and_copied),
		TEST(types_and_names_are_told_apart),
		TEST(nothing_is_kept_longer_than_a_day_and_none_longer_than_an_hour),
		TEST(trouble_and_a_ttl_of_none_are_not_kept),
		TEST(a_newer_answer_takes_the_place_of_the_old),
		TEST(the_least_recently_used_makes_room),
		TEST(bytes_are_bounded),
		TEST(what_is_larger_than_the_cache_is_not_kept_and_costs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
