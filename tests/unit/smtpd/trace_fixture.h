/* Facts as trace fields show them, and what a field must be.
 * On failure: cmocka names the line.
 */
#ifndef TIDEGATE_TESTS_UNIT_SMTPD_TRACE_FIXTURE_H
#define TIDEGATE_TESTS_UNIT_SMTPD_TRACE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "smtpd/trace_header.h"
#include "tests/unit/values.h"

enum { FIELD_BYTES = 16384 };

static inline struct trace_received
received_facts(void)
{
	return (struct trace_received){
		.helo = SPAN("mail.example.com"),
		.client_name = SPAN("out.example.com"),
		.client = peer("192.0.2.1"),
		.hostname = SPAN("mx.example.org"),
		.is_esmtp = true,
		.id = SPAN("5f3-1"),
		.single_recipient = SPAN("alice@example.org"),
		.wall_us = 1795326718000000u,
	};
}

static inline struct trace_spf
spf_facts(void)
{
	return (struct trace_spf){
		.result = SPF_PASS,
		.identity = SPF_IDENTITY_MAILFROM,
		.hostname = SPAN("mx.example.org"),
		.client = peer("192.0.2.1"),
		.envelope_from = SPAN("bob@example.com"),
		.helo = SPAN("mail.example.com"),
		.mechanism = SPAN("ip4:192.0.2.0/24"),
	};
}

static inline void
assert_spf(const struct trace_spf *facts, const char *expected)
{
	struct buf out = BUF_LIMIT(FIELD_BYTES);

	trace_received_spf(facts, &out);
	assert_true(buf_ok(&out));
	assert_string_equal(buf_text(&out), expected);
	buf_free(&out);
}

#endif
