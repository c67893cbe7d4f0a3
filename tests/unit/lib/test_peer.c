/* lib/peer.c: addresses and networks, and IPv4 never in the guise of IPv6.
 * On failure: cmocka names the line, and the text at fault stands above it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "lib/peer.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct peer_address
ip(const char *text)
{
	struct peer_address peer = { .port = 99 };

	if (!peer_parse_ip(span_of(text), &peer))
		fail_msg("refused: %s", text);
	assert_int_equal(peer.port, 0);
	return peer;
}

static void
assert_ip_text(const char *text, unsigned family, const char *printed)
{
	struct peer_address peer = ip(text);
	char out[PEER_TEXT_SIZE];

	assert_int_equal(peer.family, family);
	peer_format_ip(&peer, out);
	assert_string_equal(out, printed);
}

static void
reads_addresses(void **state)
{
	(void)state;
	assert_ip_text("192.0.2.1", 4, "192.0.2.1");
	assert_ip_text("0.0.0.0", 4, "0.0.0.0");
	assert_ip_text("255.255.255.255", 4, "255.255.255.255");
	assert_ip_text("2001:DB8:0:0::1", 6, "2001:db8::1");
	assert_ip_text("::", 6, "::");
	assert_ip_text("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", 6, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void
mapped_addresses_become_ipv4(void **state)
{
	struct peer_address mapped = ip("::ffff:192.0.2.1");
	struct peer_address plain = ip("192.0.2.1");

	(void)state;
	assert_memory_equal(&mapped, &plain, sizeof plain);
	assert_ip_text("::ffff:c000:201", 4, "192.0.2.1");
	assert_ip_text("::192.0.2.1", 6, "::192.0.2.1");
}

static void
refuses_what_is_no_address(void **state)
{
	static const char *const bad[] = { "", " ", "192.0.2", "192.0.2.256", "192.0.2.1 ", " 192.0.2.1", "192.0.2.01",
		"0x7f.1", "1", "192.0.2.1.1", "192.0.2.1:25", "[::1]", ":", ":::", "1::2::3", "1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9", "fe80::1%eth0", "12345::", "g::", "localhost",
		"0000000000000000000000000000000000000000000000000000000000000001" };
	struct peer_address peer = { .family = 42 };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (peer_parse_ip(span_of(bad[i]), &peer))
			fail_msg("taken: %s", bad[i]);
	assert_false(peer_parse_ip(SPAN("192.0.2.1\0"), &peer));
	assert_false(peer_parse_ip(SPAN("::1\0"), &peer));
	assert_int_equal(peer.family, 42);
}

static void
reads_addresses_with_ports(void **state)
{
	static const char *const good[] = { "192.0.2.1:25", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:25",
		"[2001:db8::ff]:65535" };
	struct peer_address peer;
	char out[PEER_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		if (!peer_parse(span_of(good[i]), &peer))
			fail_msg("refused: %s", good[i]);
		peer_format(&peer, out);
		assert_string_equal(out, good[i]);
	}
	assert_true(peer_parse(SPAN("[::ffff:192.0.2.1]:25"), &peer));
	assert_int_equal(peer.family, 4);
	assert_int_equal(peer.port, 25);
	assert_true(peer_parse(SPAN("[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535"), &peer));
	peer_format(&peer, out);
	assert_string_equal(out, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

static void
refuses_bad_ports_and_brackets(void **state)
{
	static const char *const bad[] = { "", "192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:100000",
		"192.0.2.1:-1", "192.0.2.1:+1", "192.0.2.1: 1", "192.0.2.1:1 ", "192.0.2.1:a", "192.0.2.1:1:1", ":25",
		"[192.0.2.1]:25", "::1:25", "[::1]", "[::1]25", "[::1]:", "[::1:25", "[]:25", "[[::1]]:25", "[::1]]:25",
		"[::1] :25", "[", "[]", "]" };
	struct peer_address peer = { .family = 42 };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (peer_parse(span_of(bad[i]), &peer))
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(peer.family, 42);
}

static void
comes_from_and_goes_to_the_kernel(void **state)
{
	static const char *const texts[] = { "192.0.2.1:25", "[2001:db8::1]:2525" };
	struct sockaddr_storage address;
	struct peer_address peer;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_true(peer_parse(span_of(texts[i]), &peer));
		socklen_t length = peer_to_sockaddr(&peer, &address);
		struct peer_address back = peer_from_sockaddr(&address);

		assert_int_equal(length, i == 0 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
		assert_memory_equal(&back, &peer, sizeof peer);
	}
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6, .sin6_port = htons(25) };
	assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.1", &mapped.sin6_addr), 1);
	memcpy(&address, &mapped, sizeof mapped);
	peer = peer_from_sockaddr(&address);
	assert_int_equal(peer.family, 4);
	assert_int_equal(peer.port, 25);
	address = (struct sockaddr_storage){ .ss_family = AF_UNIX };
	assert_int_equal(peer_from_sockaddr(&address).family, 0);
}

static void
formats_no_address(void **state)
{
	struct peer_address none = { 0 };
	char out[PEER_TEXT_SIZE];

	(void)state;
	peer_format_ip(&none, out);
	assert_string_equal(out, "unknown");
}

static void
assert_contains(const char *network_text, const char *address, bool expected)
{
	struct network network;
	struct peer_address peer = ip(address);

	if (!network_parse(span_of(network_text), &network))
		fail_msg("refused: %s", network_text);
	if (network_contains(&network, &peer) != expected)
		fail_msg("%s in %s", address, network_text);
}

static void
networks_contain_their_addresses(void **state)
{
	(void)state;
	assert_contains("192.0.2.0/24", "192.0.2.0", true);
	assert_contains("192.0.2.0/24", "192.0.2.255", true);
	assert_contains("192.0.2.0/24", "192.0.3.0", false);
	assert_contains("192.0.2.128/25", "192.0.2.127", false);
	assert_contains("192.0.2.128/25", "192.0.2.128", true);
	assert_contains("192.0.2.6/31", "192.0.2.7", true);
	assert_contains("192.0.2.6/31", "192.0.2.5", false);
	assert_contains("192.0.2.7", "192.0.2.7", true);
	assert_contains("192.0.2.7/32", "192.0.2.6", false);
	assert_contains("0.0.0.0/0", "255.0.0.1", true);
	assert_contains("0.0.0.0/0", "::1", false);
	assert_contains("::/0", "192.0.2.1", false);
	assert_contains("::/0", "2001:db8::1", true);
	assert_contains("2001:db8::/33", "2001:db8:7fff::1", true);
	assert_contains("2001:db8::/33", "2001:db8:8000::1", false);
	assert_contains("2001:db8::1", "2001:db8::1", true);
	assert_contains("2001:db8::1/128", "2001:db8::2", false);
	assert_contains("192.0.2.0/24", "::ffff:192.0.2.9", true);
	assert_contains("::ffff:192.0.2.9", "192.0.2.9", true);
}

static void
no_address_is_in_no_network(void **state)
{
	struct peer_address none = { 0 };
	struct network network;

	(void)state;
	assert_true(network_parse(SPAN("0.0.0.0/0"), &network));
	assert_false(network_contains(&network, &none));
	assert_false(network_contains(&(struct network){ 0 }, &none));
}

static void
refuses_bad_networks(void **state)
{
	static const char *const bad[] = { "", "/", "/8", "192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1",
		"192.0.2.0/a", "192.0.2.0/24/24", "192.0.2.0 /24", "192.0.2/24", "128.0.0.0/0", "2001:db8::/129",
		"2001:db8::1/64", "::1/0", "::/1000000", "::ffff:0:0/96", "example.org" };
	struct network network = { .prefix_bits = 42 };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (network_parse(span_of(bad[i]), &network))
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(network.prefix_bits, 42);
}

static void
knows_loopback(void **state)
{
	static const char *const loopback[] = { "127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1" };
	static const char *const other[] = { "128.0.0.1", "126.255.255.255", "::", "::2", "1::1",
		"7f00:1::", "0.0.0.1" };
	struct peer_address peer;

	(void)state;
	for (size_t i = 0; i < COUNT(loopback); i++) {
		peer = ip(loopback[i]);
		assert_true(peer_is_loopback(&peer));
	}
	for (size_t i = 0; i < COUNT(other); i++) {
		peer = ip(other[i]);
		assert_false(peer_is_loopback(&peer));
	}
	assert_false(peer_is_loopback(&(struct peer_address){ .ip = { 127 } }));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_addresses),
		cmocka_unit_test(mapped_addresses_become_ipv4),
		cmocka_unit_test(refuses_what_is_no_address),
		cmocka_unit_test(reads_addresses_with_ports),
		cmocka_unit_test(refuses_bad_ports_and_brackets),
		cmocka_unit_test(comes_from_and_goes_to_the_kernel),
		cmocka_unit_test(formats_no_address),
		cmocka_unit_test(networks_contain_their_addresses),
		cmocka_unit_test(no_address_is_in_no_network),
		cmocka_unit_test(refuses_bad_networks),
		cmocka_unit_test(knows_loopback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
