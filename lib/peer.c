/* Addresses and networks of lib/peer.h: pure functions over inet_pton and inet_ntop.
 *
 * Trust: texts come from the configuration, from the map, or from a client's address literal.
 * On failure: false, and the result is left as it was.
 */
#include "lib/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/bug.h"

static struct peer_address
from_ipv6(const uint8_t ip[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct peer_address peer = { .family = 6 };

	if (memcmp(ip, mapped, sizeof mapped) == 0) {
		peer.family = 4;
		memcpy(peer.ip, ip + 12, 4);
	} else {
		memcpy(peer.ip, ip, 16);
	}
	return peer;
}

struct peer_address
peer_from_sockaddr(const struct sockaddr_storage *from)
{
	struct peer_address peer = { 0 };

	if (from->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)from;

		peer.family = 4;
		memcpy(peer.ip, &in->sin_addr, 4);
		peer.port = ntohs(in->sin_port);
	} else if (from->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)from;

		peer = from_ipv6(in->sin6_addr.s6_addr);
		peer.port = ntohs(in->sin6_port);
	}
	return peer;
}

socklen_t
peer_to_sockaddr(const struct peer_address *peer, struct sockaddr_storage *to)
{
	memset(to, 0, sizeof *to);
	if (peer->family == 4) {
		struct sockaddr_in *in = (struct sockaddr_in *)to;

		in->sin_family = AF_INET;
		in->sin_port = htons(peer->port);
		memcpy(&in->sin_addr, peer->ip, 4);
		return sizeof *in;
	}
	struct sockaddr_in6 *in = (struct sockaddr_in6 *)to;

	in->sin6_family = AF_INET6;
	in->sin6_port = htons(peer->port);
	memcpy(&in->sin6_addr, peer->ip, 16);
	return sizeof *in;
}

bool
peer_parse_ip(struct span text, struct peer_address *peer)
{
	char copy[PEER_TEXT_SIZE];
	uint8_t ip[16];

	if (text.length == 0 || text.length >= sizeof copy || span_find(text, '\0') < text.length)
		return false;
	memcpy(copy, text.data, text.length);
	copy[text.length] = '\0';
	if (inet_pton(AF_INET, copy, ip) == 1) {
		*peer = (struct peer_address){ .family = 4 };
		memcpy(peer->ip, ip, 4);
		return true;
	}
	if (inet_pton(AF_INET6, copy, ip) != 1)
		return false;
	*peer = from_ipv6(ip);
	return true;
}

static bool
parse_number(struct span text, unsigned limit, unsigned *number)
{
	uint64_t value;

	if (text.length > 5 || !span_read_decimal(text, &value) || value > limit)
		return false;
	*number = (unsigned)value;
	return true;
}

bool
peer_parse(struct span text, struct peer_address *peer)
{
	struct peer_address result;
	size_t colon;
	unsigned port;

	if (text.length && text.data[0] == '[') {
		size_t close = span_find(text, ']');

		if (close == text.length)
			return false;
		struct span host = span_make(text.data + 1, close - 1);
		colon = close + 1;
		if (!peer_parse_ip(host, &result) || span_find(host, ':') == host.length)
			return false;
	} else {
		colon = span_find(text, ':');
		if (!peer_parse_ip(span_take(text, colon), &result))
			return false;
	}
	if (colon >= text.length || text.data[colon] != ':' || !parse_number(span_skip(text, colon + 1), 65535, &port))
		return false;
	result.port = (uint16_t)port;
	*peer = result;
	return true;
}

static bool
bits_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8;
	unsigned rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) & (0xff << (8 - rest)) & 0xff) == 0;
}

bool
network_parse(struct span text, struct network *network)
{
	size_t slash = span_find(text, '/');
	struct network result;
	unsigned limit;
	unsigned bits;

	if (!peer_parse_ip(span_take(text, slash), &result.address))
		return false;
	limit = result.address.family == 4 ? 32 : 128;
	bits = limit;
	if (slash < text.length && !parse_number(span_skip(text, slash + 1), limit, &bits))
		return false;
	for (unsigned i = bits; i < limit; i++)
		if (result.address.ip[i / 8] & (0x80 >> (i % 8)))
			return false;
	result.prefix_bits = (uint8_t)bits;
	*network = result;
	return true;
}

bool
network_contains(const struct network *network, const struct peer_address *peer)
{
	return peer->family != 0 && peer->family == network->address.family &&
	       bits_equal(peer->ip, network->address.ip, network->prefix_bits);
}

bool
network_list_contains(struct span list, const struct peer_address *peer)
{
	while (list.length) {
		size_t length = span_find(list, ' ');
		struct network network;

		if (network_parse(span_take(list, length), &network) && network_contains(&network, peer))
			return true;
		list = span_skip(list, length + 1);
	}
	return false;
}

bool
peer_equal(const struct peer_address *a, const struct peer_address *b)
{
	return a->family == b->family && a->port == b->port && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

bool
peer_is_loopback(const struct peer_address *peer)
{
	static const uint8_t one[16] = { [15] = 1 };

	if (peer->family == 4)
		return peer->ip[0] == 127;
	return peer->family == 6 && memcmp(peer->ip, one, 16) == 0;
}

/* Twice in every session's log: inet_ntop() would go through printf. */
static void
format_ip4(const uint8_t ip[static 4], char text[static PEER_TEXT_SIZE])
{
	struct buf digits = { .data = text, .capacity = PEER_TEXT_SIZE - 1, .limit_bytes = PEER_TEXT_SIZE - 1 };

	for (unsigned i = 0; i < 4; i++) {
		if (i)
			buf_append_char(&digits, '.');
		buf_append_u64(&digits, ip[i]);
	}
	text[digits.length] = '\0';
}

void
peer_format_ip(const struct peer_address *peer, char text[static PEER_TEXT_SIZE])
{
	if (peer->family == 0) {
		(void)snprintf(text, PEER_TEXT_SIZE, "unknown");
		return;
	}
	if (peer->family == 4) {
		format_ip4(peer->ip, text);
		return;
	}
	if (!inet_ntop(AF_INET6, peer->ip, text, PEER_TEXT_SIZE))
		BUG("an address did not fit its text");
}

void
peer_format(const struct peer_address *peer, char text[static PEER_TEXT_SIZE])
{
	char ip[PEER_TEXT_SIZE];

	peer_format_ip(peer, ip);
	/* The longest IPv6 text has 45 characters: brackets, colon, port and NUL fit. */
	(void)snprintf(text, PEER_TEXT_SIZE, peer->family == 6 ? "[%.46s]:%u" : "%.46s:%u", ip, peer->port);
}
