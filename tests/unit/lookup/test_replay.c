/* Tests of lookup/replay.c: what is pinned is answered, what is not is wanted once, in the order of asking. */
#include "lookup/replay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct dns_answer no_name = { .status = DNS_NO_NAME };

static void
test_missing_answers_are_wanted(void **state)
{
	struct replay *replay = replay_new();
	enum dns_type type;
	struct span name;

	(void)state;
	assert_null(replay_lookup(replay, DNS_TXT, SPAN("b.example")));
	assert_null(replay_lookup(replay, DNS_A, SPAN("a.example")));
	assert_null(replay_lookup(replay, DNS_TXT, SPAN("B.Example")));
	assert_int_equal(replay_wanted_count(replay), 2);
	replay_wanted(replay, 0, &type, &name);
	assert_int_equal(type, DNS_TXT);
	assert_true(span_equal(name, SPAN("b.example")));
	replay_wanted(replay, 1, &type, &name);
	assert_int_equal(type, DNS_A);
	assert_true(span_equal(name, SPAN("a.example")));
	assert_int_equal(replay_questions(replay), 2);
	replay_clear_wanted(replay);
	assert_int_equal(replay_wanted_count(replay), 0);
	assert_int_equal(replay_questions(replay), 2);
	replay_free(replay);
}

static void
test_pinned_answers_are_copies(void **state)
{
	struct replay *replay = replay_new();
	char text[] = "v=spf1 -all";
	const struct dns_record records[2] = { { .text = span_of(text) }, { .preference = 5, .ip = { 1, 2 } } };
	const struct dns_answer answer = { .status = DNS_FOUND, .count = 2, .records = records };

	(void)state;
	assert_null(replay_lookup(replay, DNS_TXT, SPAN("Example.NET")));
	assert_true(replay_pin(replay, DNS_TXT, SPAN("example.net"), &answer));
	memset(text, 'x', sizeof text);
	const struct dns_answer *found = replay_lookup(replay, DNS_TXT, SPAN("EXAMPLE.net"));
	assert_non_null(found);
	assert_int_equal(found->count, 2);
	assert_true(span_equal(found->records[0].text, SPAN("v=spf1 -all")));
	assert_int_equal(found->records[1].preference, 5);
	assert_int_equal(found->records[1].ip[1], 2);
	assert_int_equal(replay_wanted_count(replay), 0);
	assert_null(replay_lookup(replay, DNS_A, SPAN("example.net")));
	replay_free(replay);
}

static void
test_a_later_pin_replaces(void **state)
{
	struct replay *replay = replay_new();
	const struct dns_answer trouble = { .status = DNS_TROUBLE };

	(void)state;
	assert_true(replay_pin(replay, DNS_A, SPAN("a.example"), &no_name));
	assert_int_equal(replay_questions(replay), 0);
	assert_true(replay_pin(replay, DNS_A, SPAN("a.example"), &trouble));
	assert_int_equal(replay_lookup(replay, DNS_A, SPAN("a.example"))->status, DNS_TROUBLE);
	replay_free(replay);
}

static void
test_records_over_the_limit_are_dropped(void **state)
{
	static struct dns_record records[DNS_RECORDS_MAX + 10];
	const struct dns_answer answer = { .status = DNS_FOUND, .count = DNS_RECORDS_MAX + 10, .records = records };
	struct replay *replay = replay_new();

	(void)state;
	assert_true(replay_pin(replay, DNS_A, SPAN("a.example"), &answer));
	assert_int_equal(replay_lookup(replay, DNS_A, SPAN("a.example"))->count, DNS_RECORDS_MAX);
	replay_free(replay);
}

static void
test_a_name_that_is_too_long_does_not_exist(void **state)
{
	char text[DNS_NAME_BYTES + 1];
	struct replay *replay = replay_new();

	(void)state;
	memset(text, 'a', sizeof text);
	assert_int_equal(replay_lookup(replay, DNS_A, span_make(text, sizeof text))->status, DNS_NO_NAME);
	assert_false(replay_pin(replay, DNS_A, span_make(text, sizeof text), &no_name));
	assert_null(replay_lookup(replay, DNS_A, span_make(text, DNS_NAME_BYTES)));
	assert_int_equal(replay_wanted_count(replay), 1);
	replay_free(replay);
}

static void
test_a_full_replay_is_trouble(void **state)
{
	enum { RECORD_BYTES = 65535, RECORDS = 250 };
	static char text[RECORD_BYTES];
	static struct dns_record records[RECORDS];
	struct replay *replay = replay_new();

	(void)state;
	for (size_t i = 0; i < RECORDS; i++)
		records[i].text = span_make(text, sizeof text);
	const struct dns_answer answer = { .status = DNS_FOUND, .count = RECORDS, .records = records };
	assert_true(replay_pin(replay, DNS_TXT, SPAN("a.example"), &answer));
	assert_false(replay_pin(replay, DNS_TXT, SPAN("b.example"), &answer));
	/* What fitted stays; the next name that finds no room is answered all the same. */
	assert_int_equal(replay_lookup(replay, DNS_TXT, SPAN("a.example"))->status, DNS_FOUND);
	const struct dns_answer *answer_without_room = NULL;
	for (unsigned i = 0; i < 100000 && !answer_without_room; i++) {
		char name[32];

		(void)snprintf(name, sizeof name, "n%u.example", i);
		answer_without_room = replay_lookup(replay, DNS_A, span_of(name));
	}
	assert_non_null(answer_without_room);
	assert_int_equal(answer_without_room->status, DNS_TROUBLE);
	replay_free(replay);
	replay_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_missing_answers_are_wanted),
		cmocka_unit_test(test_pinned_answers_are_copies),
		cmocka_unit_test(test_a_later_pin_replaces),
		cmocka_unit_test(test_records_over_the_limit_are_dropped),
		cmocka_unit_test(test_a_name_that_is_too_long_does_not_exist),
		cmocka_unit_test(test_a_full_replay_is_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
