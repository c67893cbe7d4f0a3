/* The reader of smtpd/proxy_header.h.
 *
 * Trust: none. Pure.
 * On failure: see the header.
 */
#include "smtpd/proxy_header.h"

#include <netinet/in.h>

enum { COMMAND_AT = 12, FAMILY_AT = 13, LENGTH_AT = 14 };
enum { VERSION_2 = 2, COMMAND_LOCAL = 0, COMMAND_PROXY = 1 };
enum { FAMILY_IPV4 = 1, FAMILY_IPV6 = 2, FAMILY_LAST = 3, TRANSPORT_STREAM = 1, TRANSPORT_LAST = 2 };
enum { IPV4_BYTES = 4, IPV6_BYTES = 16, PORT_BYTES = 2, UNIX_BYTES = 108 };

static const struct span signature = SPAN("\r\n\r\n\0\r\nQUIT\n");
static const struct span first_word = SPAN("PROXY ");

/* Are the bytes, as far as they go, those that every header of this kind begins with? */
static bool
begins(struct span bytes, struct span with)
{
	size_t length = bytes.length < with.length ? bytes.length : with.length;

	return span_equal(span_take(bytes, length), span_take(with, length));
}

/* Cuts off what stands before the next space; the space goes, too. */
static struct span
next_word(struct span *line)
{
	struct span word = span_take(*line, span_find(*line, ' '));

	*line = span_skip(*line, word.length + 1);
	return word;
}

static bool
read_port(struct span text, uint16_t *port)
{
	uint64_t value;

	if (!span_read_decimal(text, &value) || (text.data[0] == '0' && text.length > 1))
		return false;
	*port = (uint16_t)value;
	return value <= UINT16_MAX;
}

/* "TCP4 client called port port", without the first word; each separated by one space. */
static bool
read_addresses(struct span rest, bool is_ipv6, struct proxy_header *header)
{
	struct span client = next_word(&rest);
	struct span called = next_word(&rest);
	struct span client_port = next_word(&rest);
	char colon = ':';

	/* An IPv4 address in IPv6 notation is one of IPv4 to us, but TCP4 has none written with colons. */
	if ((span_find(client, colon) < client.length) != is_ipv6 ||
	    (span_find(called, colon) < called.length) != is_ipv6)
		return false;
	return peer_parse_ip(client, &header->client) && peer_parse_ip(called, &header->called) &&
	       read_port(client_port, &header->client.port) && read_port(rest, &header->called.port);
}

static bool
read_line(struct span line, struct proxy_header *header)
{
	struct span protocol = next_word(&line);

	if (span_equal(protocol, SPAN("TCP4")))
		return read_addresses(line, false, header);
	if (span_equal(protocol, SPAN("TCP6")))
		return read_addresses(line, true, header);
	/* What may follow UNKNOWN is to be ignored. */
	return span_equal(protocol, SPAN("UNKNOWN"));
}

static enum proxy_result
read_v1(struct span bytes, struct proxy_header *header, size_t *taken)
{
	struct span seen = span_take(bytes, PROXY_HEADER_V1_BYTES);
	size_t cr = span_find(seen, '\r');

	if (span_find(seen, '\n') < cr || span_find(seen, '\0') < cr || cr + 2 > PROXY_HEADER_V1_BYTES)
		return PROXY_BROKEN;
	if (cr + 1 >= seen.length)
		return PROXY_PARTIAL;
	if (seen.data[cr + 1] != '\n')
		return PROXY_BROKEN;
	struct proxy_header found = { .version = 1 };
	if (!read_line(span_skip(span_take(seen, cr), first_word.length), &found))
		return PROXY_BROKEN;
	*header = found;
	*taken = cr + 2;
	return PROXY_WHOLE;
}

static unsigned
byte_at(struct span bytes, size_t at)
{
	return (unsigned char)bytes.data[at];
}

static uint16_t
port_at(struct span bytes, size_t at)
{
	return (uint16_t)(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

static struct peer_address
ipv4_at(struct span bytes, size_t at, size_t port_at_byte)
{
	struct sockaddr_storage name = { .ss_family = AF_INET };
	struct sockaddr_in *in = (struct sockaddr_in *)&name;

	memcpy(&in->sin_addr, bytes.data + at, IPV4_BYTES);
	in->sin_port = htons(port_at(bytes, port_at_byte));
	return peer_from_sockaddr(&name);
}

static struct peer_address
ipv6_at(struct span bytes, size_t at, size_t port_at_byte)
{
	struct sockaddr_storage name = { .ss_family = AF_INET6 };
	struct sockaddr_in6 *in = (struct sockaddr_in6 *)&name;

	memcpy(&in->sin6_addr, bytes.data + at, IPV6_BYTES);
	in->sin6_port = htons(port_at(bytes, port_at_byte));
	return peer_from_sockaddr(&name);
}

/* How many bytes of addresses a family has at least. */
static size_t
address_bytes(unsigned family)
{
	static const size_t bytes[] = { 0, 2 * (IPV4_BYTES + PORT_BYTES), 2 * (IPV6_BYTES + PORT_BYTES),
		2 * UNIX_BYTES };

	return bytes[family];
}

/* The part behind the fixed one; its length is that of the header. */
static void
read_block(struct span block, unsigned family, struct proxy_header *header)
{
	if (family == FAMILY_IPV4) {
		header->client = ipv4_at(block, 0, 2 * IPV4_BYTES);
		header->called = ipv4_at(block, IPV4_BYTES, 2 * IPV4_BYTES + PORT_BYTES);
	} else if (family == FAMILY_IPV6) {
		header->client = ipv6_at(block, 0, 2 * IPV6_BYTES);
		header->called = ipv6_at(block, IPV6_BYTES, 2 * IPV6_BYTES + PORT_BYTES);
	}
}

static enum proxy_result
read_v2(struct span bytes, struct proxy_header *header, size_t *taken)
{
	if (bytes.length < PROXY_HEADER_V2_FIXED_BYTES)
		return PROXY_PARTIAL;
	unsigned version = byte_at(bytes, COMMAND_AT) >> 4;
	unsigned command = byte_at(bytes, COMMAND_AT) & 0xf;
	unsigned family = byte_at(bytes, FAMILY_AT) >> 4;
	unsigned transport = byte_at(bytes, FAMILY_AT) & 0xf;
	size_t block_bytes = port_at(bytes, LENGTH_AT);

	if (version != VERSION_2 || command > COMMAND_PROXY)
		return PROXY_BROKEN;
	/* Of a local connection the block has no meaning, whatever it says. */
	if (command == COMMAND_PROXY &&
	    (family > FAMILY_LAST || transport > TRANSPORT_LAST || block_bytes < address_bytes(family)))
		return PROXY_BROKEN;
	if (bytes.length < PROXY_HEADER_V2_FIXED_BYTES + block_bytes)
		return PROXY_PARTIAL;
	*header = (struct proxy_header){ .version = 2 };
	if (command == COMMAND_PROXY && transport == TRANSPORT_STREAM)
		read_block(span_skip(bytes, PROXY_HEADER_V2_FIXED_BYTES), family, header);
	*taken = PROXY_HEADER_V2_FIXED_BYTES + block_bytes;
	return PROXY_WHOLE;
}

enum proxy_result
proxy_header_read(struct span bytes, struct proxy_header *header, size_t *taken)
{
	if (bytes.length == 0)
		return PROXY_PARTIAL;
	if (begins(bytes, first_word))
		return read_v1(bytes, header, taken);
	return begins(bytes, signature) ? read_v2(bytes, header, taken) : PROXY_BROKEN;
}
