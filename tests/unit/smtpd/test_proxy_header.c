/* smtpd/proxy_header.c: what is a header of the PROXY protocol, whom it announces, where it ends.
 * On failure: cmocka names the line, and the test the header.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "lib/buf.h"
#include "smtpd/proxy_header.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define IPV4_BLOCK "\xc0\x00\x02\x01\x0a\x00\x00\x02\x30\x39\x00\x19"
#define IPV6_BLOCK                                                                                                     \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\xff\xff\x09\xdd"

static enum proxy_result
read_all(struct span bytes, struct proxy_header *header, size_t *taken)
{
	*taken = 0;
	return proxy_header_read(bytes, header, taken);
}

static void
assert_peer(const struct peer_address *peer, const char *text)
{
	char found[PEER_TEXT_SIZE] = "none";

	if (peer->family)
		peer_format(peer, found);
	assert_string_equal(found, text);
}

struct good {
	struct span bytes;
	unsigned version;
	const char *client;
	const char *called;
};

static const struct good good[] = {
	{ SPAN("PROXY TCP4 192.0.2.1 10.0.0.2 12345 25\r\n"), 1, "192.0.2.1:12345", "10.0.0.2:25" },
	{ SPAN("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), 1, "255.255.255.255:65535",
	    "255.255.255.255:65535" },
	{ SPAN("PROXY TCP4 192.0.2.1 10.0.0.2 0 25\r\n"), 1, "192.0.2.1:0", "10.0.0.2:25" },
	{ SPAN("PROXY TCP6 2001:db8::1 2001:db8::2 65535 2525\r\n"), 1, "[2001:db8::1]:65535", "[2001:db8::2]:2525" },
	{ SPAN("PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 2\r\n"), 1, "192.0.2.1:1", "[2001:db8::2]:2" },
	{ SPAN("PROXY UNKNOWN\r\n"), 1, "none", "none" },
	{ SPAN("PROXY UNKNOWN 192.0.2.1 10.0.0.2 12345 25\r\n"), 1, "none", "none" },
	{ SPAN("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 "
	       "65535\r\n"),
	    1, "none", "none" },
	{ SPAN(SIGNATURE "\x21\x11\0\x0c" IPV4_BLOCK), 2, "192.0.2.1:12345", "10.0.0.2:25" },
	{ SPAN(SIGNATURE "\x21\x21\0\x24" IPV6_BLOCK), 2, "[2001:db8::1]:65535", "[2001:db8::2]:2525" },
	/* TLVs behind the addresses: one that ends where the header does, one that claims more, one that is cut. */
	{ SPAN(SIGNATURE "\x21\x11\0\x11" IPV4_BLOCK "\x04\0\x02xx"), 2, "192.0.2.1:12345", "10.0.0.2:25" },
	{ SPAN(SIGNATURE "\x21\x11\0\x10" IPV4_BLOCK "\x01\xff\xffx"), 2, "192.0.2.1:12345", "10.0.0.2:25" },
	{ SPAN(SIGNATURE "\x21\x11\0\x0d" IPV4_BLOCK "\x20"), 2, "192.0.2.1:12345", "10.0.0.2:25" },
	/* A local connection: whatever its block says, and there may be none. */
	{ SPAN(SIGNATURE "\x20\0\0\0"), 2, "none", "none" },
	{ SPAN(SIGNATURE "\x20\x11\0\x0c" IPV4_BLOCK), 2, "none", "none" },
	{ SPAN(SIGNATURE "\x20\xff\0\x03xyz"), 2, "none", "none" },
	{ SPAN(SIGNATURE "\x21\0\0\0"), 2, "none", "none" },
	{ SPAN(SIGNATURE "\x21\x01\0\x02xy"), 2, "none", "none" },
	{ SPAN(SIGNATURE "\x21\x10\0\x0c" IPV4_BLOCK), 2, "none", "none" },
	{ SPAN(SIGNATURE "\x21\x12\0\x0c" IPV4_BLOCK), 2, "none", "none" },
	{ SPAN(SIGNATURE "\x21\x22\0\x24" IPV6_BLOCK), 2, "none", "none" },
};

static const struct span bad[] = {
	SPAN("EHLO client.example\r\n"),
	SPAN("\x16\x03\x01"),
	SPAN("proxy TCP4 192.0.2.1 10.0.0.2 12345 25\r\n"),
	SPAN("PROXY\r\n"),
	SPAN("PROXY \r\n"),
	SPAN("PROXY UDP4 192.0.2.1 10.0.0.2 12345 25\r\n"),
	SPAN("PROXY UNKNOWNX\r\n"),
	SPAN("PROXY TCP4\r\n"),
	SPAN("PROXY TCP4 192.0.2.1 10.0.0.2 12345\r\n"),
	SPAN("PROXY TCP4 192.0.2.1 10.0.0.2 12345 \r\n"),
	SPAN("PROXY TCP4 192.0.2.1 10.0.0.2 12345 25 \r\n"),
	SPAN("PROXY TCP4 192.0.2.1 10.0.0.2 12345 25 26\r\n"),
	SPAN("PROXY TCP4  192.0.2.1 10.0.0.2 12345 25\r\n"),
	SPAN("PROXY TCP4\t192.0.2.1 10.0.0.2 12345 25\r\n"),
	SPAN("PROXY TCP4 192.0.2.256 10.0.0.2 12345 25\r\n"),
	SPAN("PROXY TCP4 192.0.2.1 10.0.0 12345 25\r\n"),
	SPAN("PROXY TCP4 2001:db8::1 10.0.0.2 12345 25\r\n"),
	SPAN("PROXY TCP4 ::ffff:192.0.2.1 10.0.0.2 12345 25\r\n"),
	SPAN("PROXY TCP6 192.0.2.1 2001:db8::2 12345 25\r\n"),
	SPAN("PROXY TCP6 2001:db8::1 10.0.0.2 12345 25\r\n"),
	SPAN("PROXY TCP4 192.0.2.1 10.0.0.2 65536 25\r\n"),
	SPAN("PROXY TCP4 192.0.2.1 10.0.0.2 012 25\r\n"),
	SPAN("PROXY TCP4 192.0.2.1 10.0.0.2 -1 25\r\n"),
	SPAN("PROXY TCP4 192.0.2.1 10.0.0.2 1e3 25\r\n"),
	SPAN("PROXY TCP4 192.0.2.1 10.0.0.2 12345 25\n"),
	SPAN("PROXY TCP4 192.0.2.1 10.0.0.2 12345 25\rX"),
	SPAN("PROXY TCP4 192.0.2.1\0 10.0.0.2 12345 25\r\n"),
	/* One octet more than the greatest there is. */
	SPAN("PROXY UNKNOWN fffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 "
	     "65535\r\n"),
	SPAN("\r\n\r\n\0\r\nQUIT\r"),
	SPAN(SIGNATURE "\x11\x11\0\x0c" IPV4_BLOCK),
	SPAN(SIGNATURE "\x31\x11\0\x0c" IPV4_BLOCK),
	SPAN(SIGNATURE "\x22\x11\0\x0c" IPV4_BLOCK),
	SPAN(SIGNATURE "\x2f\x11\0\x0c" IPV4_BLOCK),
	SPAN(SIGNATURE "\x21\x41\0\x0c" IPV4_BLOCK),
	SPAN(SIGNATURE "\x21\x13\0\x0c" IPV4_BLOCK),
	/* The length says that there is no room for the addresses. */
	SPAN(SIGNATURE "\x21\x11\0\x0b" IPV4_BLOCK),
	SPAN(SIGNATURE "\x21\x11\0\0" IPV4_BLOCK),
	SPAN(SIGNATURE "\x21\x21\0\x23" IPV6_BLOCK),
	SPAN(SIGNATURE "\x21\x31\0\xd7" IPV6_BLOCK),
};

static void
test_whom_a_header_announces(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		struct proxy_header header;
		size_t taken;

		if (read_all(good[i].bytes, &header, &taken) != PROXY_WHOLE)
			fail_msg("header %zu is refused", i);
		assert_int_equal(taken, good[i].bytes.length);
		assert_int_equal(header.version, good[i].version);
		assert_peer(&header.client, good[i].client);
		assert_peer(&header.called, good[i].called);
	}
}

static void
test_what_is_no_header(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct proxy_header header = { .version = 7 };
		size_t taken;

		if (read_all(bad[i], &header, &taken) != PROXY_BROKEN)
			fail_msg("header %zu is not refused", i);
		assert_int_equal(taken, 0);
		assert_int_equal(header.version, 7);
	}
}

/* Every beginning of a header is one, and what follows a header is left alone. */
static void
test_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		struct buf bytes = BUF_LIMIT(1024);
		struct proxy_header header;
		size_t taken;

		for (size_t length = 0; length < good[i].bytes.length; length++)
			if (read_all(span_take(good[i].bytes, length), &header, &taken) != PROXY_PARTIAL)
				fail_msg("%zu bytes of header %zu are no beginning", length, i);
		buf_append(&bytes, good[i].bytes);
		buf_append_text(&bytes, "EHLO client.example\r\n");
		assert_int_equal(read_all(buf_span(&bytes), &header, &taken), PROXY_WHOLE);
		assert_int_equal(taken, good[i].bytes.length);
		buf_free(&bytes);
	}
}

/* The address block of a unix socket is skipped, and so is the greatest block there can be. */
static void
test_great_blocks(void **state)
{
	static const unsigned char fixed[] = { 0x21, 0x31, 0x00, 0xd8, 0x21, 0x11, 0xff, 0xff };
	static const size_t block_bytes[] = { 216, 65535 };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct buf bytes = BUF_LIMIT(PROXY_HEADER_BYTES);
		struct proxy_header header;
		size_t taken;

		buf_append(&bytes, SPAN(SIGNATURE));
		buf_append(&bytes, span_make((const char *)fixed + 4 * i, 4));
		for (size_t j = 0; j < block_bytes[i]; j++)
			buf_append_char(&bytes, '\x7f');
		assert_true(buf_ok(&bytes));
		assert_int_equal(
		    read_all(span_take(buf_span(&bytes), bytes.length - 1), &header, &taken), PROXY_PARTIAL);
		assert_int_equal(read_all(buf_span(&bytes), &header, &taken), PROXY_WHOLE);
		assert_int_equal(taken, bytes.length);
		assert_peer(&header.client, i ? "127.127.127.127:32639" : "none");
		buf_free(&bytes);
	}
}

/* A line that cannot become a header is told by its length, not only by its end. */
static void
test_endless_line(void **state)
{
	struct buf bytes = BUF_LIMIT(1024);
	struct proxy_header header;
	size_t taken;

	(void)state;
	buf_append_text(&bytes, "PROXY UNKNOWN ");
	while (bytes.length < PROXY_HEADER_V1_BYTES - 2) {
		buf_append_char(&bytes, 'x');
		assert_int_equal(read_all(buf_span(&bytes), &header, &taken), PROXY_PARTIAL);
	}
	buf_append_char(&bytes, 'x');
	assert_int_equal(read_all(buf_span(&bytes), &header, &taken), PROXY_BROKEN);
	buf_free(&bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whom_a_header_announces),
		cmocka_unit_test(test_what_is_no_header),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_great_blocks),
		cmocka_unit_test(test_endless_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
