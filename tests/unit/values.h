/* Addresses and spans in tests: made from text, and compared with text.
 * On failure: the running test fails, and says which text it found.
 */
#ifndef TIDEGATE_TESTS_UNIT_VALUES_H
#define TIDEGATE_TESTS_UNIT_VALUES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/peer.h"
#include "lib/span.h"

static inline struct peer_address
peer(const char *ip)
{
	struct peer_address address = { 0 };

	if (!peer_parse_ip(span_of(ip), &address))
		fail_msg("\"%s\" is no address", ip);
	return address;
}

/* text: "none" for no address at all. */
static inline void
assert_ip(const struct peer_address *address, const char *text)
{
	char found[PEER_TEXT_SIZE] = "none";

	if (address->family)
		peer_format_ip(address, found);
	assert_string_equal(found, text);
}

static inline void
assert_span(struct span span, const char *text)
{
	if (!span_equal(span, span_of(text)))
		fail_msg("\"%.*s\" is not \"%s\"", SPAN_ARG(span), text);
}

#endif
