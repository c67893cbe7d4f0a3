/* Requests of smtpd: each is answered exactly once, with its result or when its time is up. */
#include "lib/clock.h"
#include "lookup/dns_request.h"
#include "lookup/spf_check.h"
#include "tests/unit/lookup/stage.h"

enum { LONGEST_TEST_MS = 8000 };

struct asker {
	unsigned answers;
	struct ipc_message last;
	char explanation[256];
	char problem[256];
	char name[256];
};

static struct stage net;
static struct dns_requests *requests;
static struct asker asker;
static unsigned idle_calls;

static void
copy(char *to, struct span from)
{
	assert_true(from.length < 256);
	memcpy(to, from.data, from.length);
	to[from.length] = '\0';
}

static void
say(void *context, const struct ipc_message *message)
{
	struct asker *to = context;

	to->answers++;
	to->last = *message;
	if (message->type == IPC_SPF_SAY) {
		copy(to->explanation, message->spf_say.explanation);
		copy(to->problem, message->spf_say.problem);
	} else {
		copy(to->name, message->name_say.name);
	}
}

static void
on_idle(void *context)
{
	(void)context;
	idle_calls++;
}

static int
load(void **unused)
{
	(void)unused;
	return spf_check_load() ? 0 : -1;
}

static int
set_up(void **unused)
{
	(void)unused;
	stage_open(&net);
	stage_tell_caller(&net, 0, 1);
	stage_tell_engine(&net, 0, 1);
	requests = dns_requests_new(net.base, net.queries, say);
	assert_non_null(requests);
	dns_requests_hostname(requests, SPAN("mx.test"));
	idle_calls = 0;
	dns_requests_on_idle(requests, on_idle, NULL);
	asker = (struct asker){ .answers = 0 };
	return 0;
}

static int
tear_down(void **unused)
{
	(void)unused;
	dns_requests_free(requests);
	stage_close(&net);
	return 0;
}

static void
ask_spf_in(uint32_t session, const char *mailfrom, uint32_t deadline_ms)
{
	struct ipc_message ask = { .type = IPC_SPF_ASK, .descriptor = -1 };

	ask.spf_ask = (struct ipc_spf_ask){ .session = session,
		.transaction = 22,
		.deadline_ms = deadline_ms,
		.helo = SPAN("helo.example"),
		.mailfrom = span_of(mailfrom) };
	assert_true(peer_parse_ip(SPAN("192.0.2.7"), &ask.spf_ask.client));
	assert_true(dns_request_begin(requests, &asker, &ask));
}

static void
ask_spf(const char *mailfrom, uint32_t deadline_ms)
{
	ask_spf_in(11, mailfrom, deadline_ms);
}

static void
ask_name(const char *address)
{
	struct ipc_message ask = { .type = IPC_NAME_ASK, .descriptor = -1 };

	ask.name_ask = (struct ipc_name_ask){ .session = 33, .deadline_ms = 5000 };
	assert_true(peer_parse_ip(span_of(address), &ask.name_ask.client));
	assert_true(dns_request_begin(requests, &asker, &ask));
}

static uint64_t
wait_for_answers(unsigned count)
{
	uint64_t start_ms = clock_monotonic_ms();

	while (asker.answers < count) {
		const struct timeval tick = { .tv_usec = 20000 };

		assert_true(clock_monotonic_ms() - start_ms < LONGEST_TEST_MS);
		(void)event_base_loopexit(net.base, &tick);
		(void)event_base_loop(net.base, EVLOOP_ONCE);
	}
	return clock_monotonic_ms() - start_ms;
}

static void
run_for(unsigned ms)
{
	const struct timeval time = { .tv_usec = (suseconds_t)ms * 1000 };

	(void)event_base_loopexit(net.base, &time);
	(void)event_base_dispatch(net.base);
}

static void
spf_is_answered_once(void **unused)
{
	struct rule rules[] = { { .name = "helo.example", .text = "v=spf1 a -all" },
		{ .name = "fail.example", .text = "v=spf1 exp=why.fail.example -all" },
		{ .name = "why.fail.example", .text = "%{i} is not ours, says %{r}" }, { .name = NULL } };

	(void)unused;
	net.rules = rules;
	ask_spf("joe@fail.example", 5000);
	assert_int_equal(asker.answers, 0);
	(void)wait_for_answers(1);
	assert_int_equal(asker.last.type, IPC_SPF_SAY);
	assert_int_equal(asker.last.spf_say.session, 11);
	assert_int_equal(asker.last.spf_say.transaction, 22);
	assert_int_equal(asker.last.spf_say.helo_result, SPF_PASS);
	assert_int_equal(asker.last.spf_say.mailfrom_result, SPF_FAIL);
	assert_string_equal(asker.explanation, "192.0.2.7 is not ours, says mx.test");
	assert_int_equal(idle_calls, 1);
	/* From the cache there is nothing to wait for. */
	ask_spf("joe@fail.example", 5000);
	assert_int_equal(asker.answers, 2);
	run_for(50);
	assert_int_equal(asker.answers, 2);
	assert_int_equal(dns_requests_in_flight(requests), 0);
}

static void
a_name_is_confirmed(void **unused)
{
	struct rule rules[] = { { .name = "7.2.0.192.in-addr.arpa", .target = "mail.example" }, { .name = NULL } };

	(void)unused;
	net.rules = rules;
	ask_name("192.0.2.7");
	(void)wait_for_answers(1);
	assert_int_equal(asker.last.type, IPC_NAME_SAY);
	assert_int_equal(asker.last.name_say.session, 33);
	assert_int_equal(asker.last.name_say.result, IPREV_CONFIRMED);
	assert_string_equal(asker.name, "mail.example");
}

static void
a_name_that_points_elsewhere_is_not_said(void **unused)
{
	struct rule rules[] = { { .name = "8.2.0.192.in-addr.arpa", .target = "mail.example" }, { .name = NULL } };

	(void)unused;
	net.rules = rules;
	ask_name("192.0.2.8");
	(void)wait_for_answers(1);
	assert_int_equal(asker.last.name_say.result, IPREV_MISMATCH);
	assert_string_equal(asker.name, "");
}

static void
when_time_is_up_what_is_known_is_said(void **unused)
{
	struct rule rules[] = { { .name = "helo.example", .text = "v=spf1 a -all" },
		{ .name = "silent.example", .manner = SILENT }, { .name = NULL } };

	(void)unused;
	net.rules = rules;
	ask_spf("joe@silent.example", 300);
	assert_in_range(wait_for_answers(1), 250, 5000);
	assert_int_equal(asker.last.spf_say.helo_result, SPF_PASS);
	assert_int_equal(asker.last.spf_say.mailfrom_result, SPF_TEMPERROR);
	assert_int_equal(asker.last.spf_say.resolver_down, 0);
	assert_true(strlen(asker.problem) > 0);
	run_for(100);
	assert_int_equal(asker.answers, 1);
}

static void
a_silent_resolver_is_told_from_a_silent_domain(void **unused)
{
	(void)unused;
	net.resolvers[0].is_silent = true;
	ask_spf("joe@silent.example", 300);
	(void)wait_for_answers(1);
	assert_int_equal(asker.last.spf_say.mailfrom_result, SPF_TEMPERROR);
	assert_int_equal(asker.last.spf_say.resolver_down, 1);
}

static void
no_time_at_all_is_temperror(void **unused)
{
	(void)unused;
	ask_spf("joe@example.org", 0);
	(void)wait_for_answers(1);
	assert_int_equal(asker.last.spf_say.mailfrom_result, SPF_TEMPERROR);
}

static void
who_is_gone_hears_nothing(void **unused)
{
	struct asker other = { .answers = 0 };

	(void)unused;
	ask_spf("joe@example.org", 5000);
	dns_requests_forget(requests, &other);
	assert_int_equal(dns_requests_in_flight(requests), 1);
	dns_requests_forget(requests, &asker);
	assert_int_equal(dns_requests_in_flight(requests), 0);
	run_for(100);
	assert_int_equal(asker.answers, 0);
}

static void
over_the_limit_the_answer_is_temperror_at_once(void **unused)
{
	struct rule rules[] = { { .name = "helo.example", .manner = SILENT }, { .name = NULL } };

	(void)unused;
	net.rules = rules;
	for (unsigned i = 0; i < DNS_REQUESTS_MAX; i++)
		ask_spf_in(100 + i, "joe@helo.example", 300);
	assert_int_equal(asker.answers, 0);
	ask_spf("joe@helo.example", 300);
	assert_int_equal(asker.last.spf_say.mailfrom_result, SPF_TEMPERROR);
	/* Our own fault: a crowd of slow checks must not let others pass unchecked. */
	assert_int_equal(asker.last.spf_say.resolver_down, 1);
	ask_name("192.0.2.7");
	assert_int_equal(asker.answers, 2);
	assert_int_equal(asker.last.name_say.result, IPREV_TROUBLE);
	(void)wait_for_answers(DNS_REQUESTS_MAX + 2);
	run_for(50);
	assert_int_equal(asker.answers, DNS_REQUESTS_MAX + 2);
	assert_int_equal(dns_requests_in_flight(requests), 0);
}

static void
a_session_has_one_check_at_a_time(void **unused)
{
	struct rule rules[] = { { .name = "helo.example", .manner = SILENT },
		{ .name = "silent.example", .manner = SILENT }, { .name = NULL } };

	(void)unused;
	net.rules = rules;
	for (unsigned i = 0; i < 3; i++)
		ask_spf_in(11, "joe@silent.example", 300);
	ask_spf_in(12, "joe@silent.example", 300);
	assert_int_equal(asker.answers, 2);
	assert_int_equal(dns_requests_in_flight(requests), 2);
	(void)wait_for_answers(4);
	run_for(50);
	assert_int_equal(asker.answers, 4);
}

static void
other_messages_are_out_of_phase(void **unused)
{
	struct ipc_message message = { .type = IPC_SPF_SAY, .descriptor = -1 };

	(void)unused;
	assert_false(dns_request_begin(requests, &asker, &message));
	assert_int_equal(dns_requests_in_flight(requests), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(spf_is_answered_once),
		TEST(a_name_is_confirmed),
		TEST(a_name_that_points_elsewhere_is_not_said),
		TEST(when_time_is_up_what_is_known_is_said),
		TEST(a_silent_resolver_is_told_from_a_silent_domain),
		TEST(no_time_at_all_is_temperror),
		TEST(who_is_gone_hears_nothing),
		TEST(over_the_limit_the_answer_is_temperror_at_once),
		TEST(a_session_has_one_check_at_a_time),
		TEST(other_messages_are_out_of_phase),
	};

	return cmocka_run_group_tests(tests, load, NULL);
}
