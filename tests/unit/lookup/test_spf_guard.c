/* Tests of lookup/spf_guard.c as its evaluator sees it: tokens in order, and nothing but "stop" once it is over. */
#include "lookup/spf_guard.h"

#include "tests/unit/lookup/spf_zone.h"

static const char *const zone[] = { "example.net TXT v=spf1 mx a -all", "example.net MX 1 a.example",
	"example.net MX 2 b.example", "example.net A 198.51.100.1", "a.example A 198.51.100.2",
	"b.example A 198.51.100.3", NULL };

/* A guard that has all answers of the zone. */
static void
begin(struct spf_guard *guard, struct replay *replay)
{
	struct dns_record room[ZONE_RECORDS];
	static const struct {
		enum dns_type type;
		struct span name;
	} questions[] = { { DNS_TXT, { "example.net", 11 } }, { DNS_MX, { "example.net", 11 } },
		{ DNS_A, { "example.net", 11 } }, { DNS_A, { "a.example", 9 } }, { DNS_A, { "b.example", 9 } } };
	static struct spf_question question;

	for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
		const struct dns_answer answer = zone_answer(zone, questions[i].type, questions[i].name, room);

		assert_true(replay_pin(replay, questions[i].type, questions[i].name, &answer));
	}
	question = zone_question(&(struct spf_case){ 0 });
	spf_guard_begin(guard, &question, replay);
}

static void
assert_stopped(struct spf_guard *guard, const char *token)
{
	assert_int_equal(spf_guard_ask(guard, span_of(token)).kind, SPF_ANSWER_STOP);
}

static void
test_tokens_are_answered(void **state)
{
	struct replay *replay = replay_new();
	static struct spf_guard guard;

	(void)state;
	begin(&guard, replay);
	struct spf_answer answer = spf_guard_ask(&guard, SPAN("k0.g"));
	assert_int_equal(answer.kind, SPF_ANSWER_RECORD);
	assert_true(span_equal(answer.record, SPAN("v=spf1 +mx:k1.g +a:k2.g ?exists:k3.g -all")));
	answer = spf_guard_ask(&guard, SPAN("k1.g"));
	assert_int_equal(answer.kind, SPF_ANSWER_EXCHANGES);
	assert_int_equal(answer.count, 2);
	answer = spf_guard_ask(&guard, SPAN("x1.g"));
	assert_int_equal(answer.kind, SPF_ANSWER_ADDRESSES);
	assert_int_equal(answer.addresses[0].ip[3], 3);
	assert_int_equal(spf_guard_ask(&guard, SPAN("k2.g")).count, 1);
	assert_int_equal(spf_guard_ask(&guard, SPAN("k3.g")).kind, SPF_ANSWER_NOTHING);
	assert_int_equal(guard.dns.stop, SPF_STOP_NOT);
	spf_guard_end(&guard);
	replay_free(replay);
}

/* Whatever an evaluator that has gone wrong asks for is refused, and the check is over. */
static void
test_other_names_end_the_check(void **state)
{
	static const char *const tokens[] = { "example.net", "k4.g", "k12.g", "k9999.g", "x0.g", "x2.g", "h.g", "",
		"k0.g", "K1.g" };

	(void)state;
	for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
		struct replay *replay = replay_new();
		static struct spf_guard guard;

		begin(&guard, replay);
		assert_int_equal(spf_guard_ask(&guard, SPAN("k0.g")).kind, SPF_ANSWER_RECORD);
		assert_stopped(&guard, tokens[i]);
		assert_int_equal(guard.dns.stop, SPF_STOP_VERDICT);
		assert_int_equal(guard.dns.verdict, SPF_TEMPERROR);
		assert_stopped(&guard, "k1.g");
		spf_guard_end(&guard);
		replay_free(replay);
	}
}

/* Exchanger tokens belong to the mx term before them, and die with the next term. */
static void
test_exchangers_do_not_outlive_their_term(void **state)
{
	struct replay *replay = replay_new();
	static struct spf_guard guard;

	(void)state;
	begin(&guard, replay);
	(void)spf_guard_ask(&guard, SPAN("k0.g"));
	(void)spf_guard_ask(&guard, SPAN("k1.g"));
	(void)spf_guard_ask(&guard, SPAN("k2.g"));
	assert_stopped(&guard, "x0.g");
	spf_guard_end(&guard);
	replay_free(replay);
}

static void
test_a_missing_answer_sticks(void **state)
{
	const struct spf_question question = zone_question(&(struct spf_case){ 0 });
	const struct dns_answer no_name = { .status = DNS_NO_NAME };
	struct replay *replay = replay_new();
	static struct spf_guard guard;

	(void)state;
	spf_guard_begin(&guard, &question, replay);
	assert_stopped(&guard, "k0.g");
	assert_int_equal(guard.dns.stop, SPF_STOP_WAIT);
	assert_true(replay_pin(replay, DNS_TXT, SPAN("example.net"), &no_name));
	assert_stopped(&guard, "k0.g");
	assert_int_equal(guard.dns.stop, SPF_STOP_WAIT);
	spf_guard_end(&guard);
	replay_free(replay);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens_are_answered),
		cmocka_unit_test(test_other_names_end_the_check),
		cmocka_unit_test(test_exchangers_do_not_outlive_their_term),
		cmocka_unit_test(test_a_missing_answer_sticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
