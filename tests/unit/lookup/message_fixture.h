/* A question, and an answer that the test makes octet by octet.
 * On failure: cmocka names the line.
 */
#ifndef TIDEGATE_TESTS_UNIT_LOOKUP_MESSAGE_FIXTURE_H
#define TIDEGATE_TESTS_UNIT_LOOKUP_MESSAGE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/lookup/craft.h"
#include "tests/unit/values.h"

static const unsigned char no_case[DNS_CASE_BYTES];

struct state {
	struct dns_packet packet;
	struct buf message;
	struct arena arena;
	struct dns_reply reply;
};

static struct state it;

static inline int
set_up(void **unused)
{
	(void)unused;
	it = (struct state){ .message = BUF_LIMIT(1 << 20), .arena = ARENA_LIMIT(DNS_PARSE_BYTES) };
	return 0;
}

static inline int
tear_down(void **unused)
{
	(void)unused;
	buf_free(&it.message);
	arena_reset(&it.arena);
	return 0;
}

static inline void
ask(enum dns_type type, const char *name)
{
	assert_true(dns_message_query(&it.packet, type, span_of(name), 0x1234, true, no_case));
}

static inline void
parse(enum dns_type type, const char *name)
{
	assert_true(buf_ok(&it.message));
	assert_true(dns_message_matches(&it.packet, buf_span(&it.message)));
	dns_message_parse(&it.packet, type, span_of(name), buf_span(&it.message), &it.arena, &it.reply);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
