/* For the tests of SPF: a zone as lines of text, and a keeper that answers a replay from it.
 *
 * A line is "NAME TYPE VALUE": "example.net TXT v=spf1 -all", "example.net MX 10 mail.example.net". A type of "*"
 * stands for all; a name of "*" for every name. The values TROUBLE and DOWN are DNS_TROUBLE and DNS_RESOLVER_DOWN.
 * A name without lines does not exist.
 *
 * On failure: the test fails.
 */
#ifndef TIDEGATE_TESTS_UNIT_LOOKUP_SPF_ZONE_H
#define TIDEGATE_TESTS_UNIT_LOOKUP_SPF_ZONE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "lookup/spf_check.h"

enum { ZONE_LINES = 24, ZONE_RECORDS = 32, ZONE_ROUNDS = 64, ZONE_WANTED = 64, ZONE_TEXT_BYTES = 1024 };

struct spf_case {
	const char *rule;   /* section of RFC 7208, and what is tried */
	const char *client; /* NULL: 192.0.2.1 */
	const char *helo;   /* NULL: mail.example.net */
	const char *sender; /* NULL: user@example.net */
	enum spf_result result;
	const char *explanation; /* NULL: not compared; "": none */
	const char *zone[ZONE_LINES];
};

struct zone_line {
	struct span name, type, value;
};

static inline struct span
zone_cut(struct span *rest)
{
	const struct span word = span_take(*rest, span_find(*rest, ' '));

	*rest = span_skip(*rest, word.length + 1);
	return word;
}

static inline struct zone_line
zone_line_of(const char *text)
{
	struct span rest = span_of(text);
	struct zone_line line = { .name = zone_cut(&rest) };

	line.type = zone_cut(&rest);
	line.value = rest;
	return line;
}

static inline struct span
zone_type_name(enum dns_type type)
{
	switch (type) {
	case DNS_A:
		return SPAN("A");
	case DNS_AAAA:
		return SPAN("AAAA");
	case DNS_MX:
		return SPAN("MX");
	case DNS_PTR:
		return SPAN("PTR");
	case DNS_TXT:
		break;
	}
	return SPAN("TXT");
}

static inline struct dns_record
zone_record(enum dns_type type, struct span value)
{
	struct dns_record record = { .text = value };
	char text[INET6_ADDRSTRLEN] = "";

	if (type == DNS_MX)
		record.preference = (uint16_t)strtoul(zone_cut(&record.text).data, NULL, 10);
	if (type != DNS_A && type != DNS_AAAA)
		return record;
	assert_true(value.length < sizeof text);
	memcpy(text, value.data, value.length);
	assert_int_equal(inet_pton(type == DNS_A ? AF_INET : AF_INET6, text, record.ip), 1);
	return record;
}

/* The answer to one question; its records lie in room. */
static inline struct dns_answer
zone_answer(const char *const *zone, enum dns_type type, struct span name, struct dns_record room[static ZONE_RECORDS])
{
	struct dns_answer answer = { .status = DNS_NO_NAME, .records = room };

	for (size_t i = 0; zone[i]; i++) {
		const struct zone_line line = zone_line_of(zone[i]);

		if (!span_equal(line.name, SPAN("*")) && !span_equal_nocase(line.name, name))
			continue;
		if (answer.status == DNS_NO_NAME)
			answer.status = DNS_NO_DATA;
		if (!span_equal(line.type, SPAN("*")) && !span_equal(line.type, zone_type_name(type)))
			continue;
		answer.status = DNS_FOUND;
		if (span_equal(line.value, SPAN("TROUBLE")))
			answer.status = DNS_TROUBLE;
		else if (span_equal(line.value, SPAN("DOWN")))
			answer.status = DNS_RESOLVER_DOWN;
		if (answer.status != DNS_FOUND)
			return (struct dns_answer){ .status = answer.status };
		assert_true(answer.count < ZONE_RECORDS);
		room[answer.count++] = zone_record(type, line.value);
	}
	return answer;
}

/* Pins what the check wanted. */
static inline void
zone_pin_wanted(const char *const *zone, struct replay *replay)
{
	struct dns_record room[ZONE_RECORDS];
	enum dns_type types[ZONE_WANTED];
	struct span names[ZONE_WANTED];
	const size_t count = replay_wanted_count(replay);

	assert_in_range(count, 1, ZONE_WANTED);
	for (size_t i = 0; i < count; i++)
		replay_wanted(replay, i, &types[i], &names[i]);
	for (size_t i = 0; i < count; i++) {
		const struct dns_answer answer = zone_answer(zone, types[i], names[i], room);

		assert_true(replay_pin(replay, types[i], names[i], &answer));
	}
}

static inline struct peer_address
zone_client(const char *text)
{
	struct peer_address client = { .family = 4 };

	if (inet_pton(AF_INET, text, client.ip) == 1)
		return client;
	client.family = 6;
	assert_int_equal(inet_pton(AF_INET6, text, client.ip), 1);
	return client;
}

static inline struct spf_verdict
zone_verdict(void)
{
	return (struct spf_verdict){ .explanation = BUF_LIMIT(ZONE_TEXT_BYTES),
		.mechanism = BUF_LIMIT(ZONE_TEXT_BYTES),
		.problem = BUF_LIMIT(ZONE_TEXT_BYTES) };
}

static inline void
zone_verdict_free(struct spf_verdict *verdict)
{
	buf_free(&verdict->explanation);
	buf_free(&verdict->mechanism);
	buf_free(&verdict->problem);
}

/* Runs a check to its end. Returns how many rounds of answers it took. */
static inline unsigned
zone_check(
    const char *const *zone, const struct spf_question *question, struct replay *replay, struct spf_verdict *verdict)
{
	for (unsigned round = 0; round < ZONE_ROUNDS; round++) {
		replay_clear_wanted(replay);
		if (spf_check(question, replay, verdict))
			return round;
		zone_pin_wanted(zone, replay);
	}
	fail_msg("the check does not end");
	return 0;
}

static inline struct spf_question
zone_question(const struct spf_case *test)
{
	return (struct spf_question){
		.client = zone_client(test->client ? test->client : "192.0.2.1"),
		.helo = span_of(test->helo ? test->helo : "mail.example.net"),
		.sender = span_of(test->sender ? test->sender : "user@example.net"),
		.receiver = SPAN("mx.receiver.example"),
		.now_seconds = 1700000000,
		.identity = SPF_IDENTITY_MAILFROM,
	};
}

/* One check from question to verdict. */
struct zone_run {
	struct spf_question question;
	struct spf_verdict verdict;
	struct replay *replay;
};

/* With the question of a case, which the caller may change before the check. */
static inline struct zone_run
zone_run_begin(const struct spf_case *test)
{
	struct zone_run run = { zone_question(test), zone_verdict(), replay_new() };

	assert_non_null(run.replay);
	return run;
}

/* Runs the check to its end. Returns how many rounds of answers it took. */
static inline unsigned
zone_run(struct zone_run *run, const char *const *zone)
{
	return zone_check(zone, &run->question, run->replay, &run->verdict);
}

static inline void
zone_run_end(struct zone_run *run)
{
	zone_verdict_free(&run->verdict);
	replay_free(run->replay);
}

/* A set-up of tests. */
static inline int
zone_load(void **state)
{
	(void)state;
	return spf_check_load() ? 0 : -1;
}

static inline void
zone_run_case(const struct spf_case *test)
{
	struct zone_run run = zone_run_begin(test);

	(void)zone_run(&run, test->zone);
	if (run.verdict.result != test->result)
		fail_msg("%s: %s, not %s (%.*s)", test->rule, spf_result_name(run.verdict.result),
		    spf_result_name(test->result), SPAN_ARG(buf_span(&run.verdict.problem)));
	if (test->explanation && !span_equal(buf_span(&run.verdict.explanation), span_of(test->explanation)))
		fail_msg("%s: explains \"%.*s\"", test->rule, SPAN_ARG(buf_span(&run.verdict.explanation)));
	if (run.verdict.result != SPF_TEMPERROR && run.verdict.result != SPF_PERMERROR)
		assert_int_equal(run.verdict.problem.length, 0);
	else
		assert_int_not_equal(run.verdict.problem.length, 0);
	if (replay_wanted_count(run.replay))
		fail_msg("%s: the check is over, but wants more", test->rule);
	zone_run_end(&run);
}

#define ZONE_RUN(cases)                                                                                                \
	for (size_t zone_index = 0; zone_index < sizeof(cases) / sizeof((cases)[0]); zone_index++)                     \
	zone_run_case(&(cases)[zone_index])

#endif
