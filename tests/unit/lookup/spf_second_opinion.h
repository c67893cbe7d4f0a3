/* A second opinion on libspf2: a small evaluator of plain records, on the same guard. For tests alone.
 *
 * It follows RFC 7208 4.6 to 6.1 for what a plain record can hold: mechanisms in their order, qualifiers, prefix
 * lengths, include, redirect. Everything else is the guard's, so where the two differ, one of the two is wrong.
 *
 * On failure: the result means nothing once the guard's dns.stop says that the check is over.
 */
#ifndef TIDEGATE_TESTS_UNIT_LOOKUP_SPF_SECOND_OPINION_H
#define TIDEGATE_TESTS_UNIT_LOOKUP_SPF_SECOND_OPINION_H

#include <stdlib.h>

#include "lookup/spf_guard.h"

static inline enum spf_result second_opinion_of_record(struct spf_guard *guard, struct span token);

static inline enum spf_result
second_opinion_of_qualifier(char qualifier)
{
	switch (qualifier) {
	case '-':
		return SPF_FAIL;
	case '~':
		return SPF_SOFTFAIL;
	case '?':
		return SPF_NEUTRAL;
	default:
		return SPF_PASS;
	}
}

static inline bool
second_opinion_holds(const struct spf_guard *guard, const struct spf_answer *answer, unsigned bits)
{
	struct network network = { .address = { .family = guard->facts.client.family }, .prefix_bits = (uint8_t)bits };

	for (size_t i = 0; i < answer->count; i++) {
		memcpy(network.address.ip, answer->addresses[i].ip, sizeof network.address.ip);
		if (network_contains(&network, &guard->facts.client))
			return true;
	}
	return false;
}

static inline bool
second_opinion_of_exchanges(struct spf_guard *guard, size_t count, unsigned bits)
{
	for (size_t i = 0; i < count; i++) {
		char text[SPF_TOKEN_BYTES];
		const struct spf_token token = { .letter = 'x', .number = (unsigned)i };
		const struct spf_answer answer = spf_guard_ask(guard, spf_token_write(token, text));

		if (answer.kind == SPF_ANSWER_ADDRESSES && second_opinion_holds(guard, &answer, bits))
			return true;
	}
	return false;
}

/* Does a mechanism ("a:k7.g/24" without its qualifier) match? */
static inline bool
second_opinion_matches(struct spf_guard *guard, struct span mechanism)
{
	const struct span name = span_take(mechanism, span_find(mechanism, ':'));
	const struct span argument = span_skip(mechanism, name.length + 1);
	const struct span token = span_take(argument, span_find(argument, '/'));
	unsigned bits = guard->facts.client.family == 6 ? 128 : 32;
	struct span digits = span_skip(argument, token.length);

	while (digits.length && digits.data[0] == '/')
		digits = span_skip(digits, 1);
	if (digits.length)
		bits = (unsigned)strtoul(digits.data, NULL, 10);
	if (span_equal(name, SPAN("all")))
		return true;
	if (span_equal(name, SPAN("include")))
		return second_opinion_of_record(guard, token) == SPF_PASS;
	const struct spf_answer answer = spf_guard_ask(guard, token);
	if (answer.kind == SPF_ANSWER_EXCHANGES)
		return second_opinion_of_exchanges(guard, answer.count, bits);
	if (answer.kind != SPF_ANSWER_ADDRESSES)
		return false;
	return span_equal(name, SPAN("exists")) || second_opinion_holds(guard, &answer, bits);
}

static inline enum spf_result
second_opinion_of_record(struct spf_guard *guard, struct span token)
{
	const struct spf_answer answer = spf_guard_ask(guard, token);
	char text[SPF_PLAIN_TEXT_BYTES + 1] = "";
	struct span rest = { text, answer.record.length };

	if (answer.kind != SPF_ANSWER_RECORD)
		return SPF_TEMPERROR;
	memcpy(text, answer.record.data, answer.record.length); /* the guard's is gone at its next answer */
	for (rest = span_skip(rest, strlen("v=spf1 ")); rest.length; rest = span_skip(rest, span_find(rest, ' ') + 1)) {
		const struct span term = span_take(rest, span_find(rest, ' '));

		if (span_starts_nocase(term, SPAN("redirect=")))
			return second_opinion_of_record(guard, span_skip(term, strlen("redirect=")));
		if (second_opinion_matches(guard, span_skip(term, 1)))
			return second_opinion_of_qualifier(term.data[0]);
		if (guard->dns.stop != SPF_STOP_NOT)
			return SPF_TEMPERROR;
	}
	return SPF_NEUTRAL;
}

/* The result of a check whose answers are pinned; SPF_UNKNOWN when one is missing. */
static inline enum spf_result
second_opinion(const struct spf_question *question, struct replay *replay)
{
	struct spf_guard guard;

	spf_guard_begin(&guard, question, replay);
	enum spf_result result = second_opinion_of_record(&guard, SPAN("k0.g"));
	if (guard.dns.stop == SPF_STOP_VERDICT)
		result = guard.dns.verdict;
	if (guard.dns.stop == SPF_STOP_WAIT)
		result = SPF_UNKNOWN;
	spf_guard_end(&guard);
	return result;
}

#endif
