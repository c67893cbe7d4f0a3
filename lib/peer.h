/* Internet addresses and networks, as values. IPv4-mapped IPv6 addresses are turned into IPv4 at once, everywhere.
 * On failure: the parsers return false and leave their result untouched.
 */
#ifndef TIDEGATE_LIB_PEER_H
#define TIDEGATE_LIB_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lib/span.h"

enum { PEER_TEXT_SIZE = 64 };

struct peer_address {
	uint8_t family; /* 4, 6, or 0 for "none" */
	uint8_t ip[16]; /* network order; IPv4 in the first four, the rest 0 */
	uint16_t port;  /* host order */
};

struct network {
	struct peer_address address;
	uint8_t prefix_bits;
};

/* From what accept() and getsockname() give; family 0 for anything but IPv4 and IPv6. */
struct peer_address peer_from_sockaddr(const struct sockaddr_storage *from);
/* Fills *to and returns its length for bind() and connect(). */
socklen_t peer_to_sockaddr(const struct peer_address *peer, struct sockaddr_storage *to);
/* "192.0.2.1" or "2001:db8::1"; port 0. */
bool peer_parse_ip(struct span text, struct peer_address *peer);
/* "192.0.2.1:25" or "[2001:db8::1]:25"; the port must be there. */
bool peer_parse(struct span text, struct peer_address *peer);
/* "192.0.2.0/24", "2001:db8::/32", or one address. Bits beyond the prefix must be zero. */
bool network_parse(struct span text, struct network *network);
bool network_contains(const struct network *network, const struct peer_address *peer);
/* Networks with a space between each two: is the peer in one of them? What is no network holds nobody. */
bool network_list_contains(struct span list, const struct peer_address *peer);
/* The same address and port. */
bool peer_equal(const struct peer_address *a, const struct peer_address *b);
bool peer_is_loopback(const struct peer_address *peer);
/* The address without its port, NUL-terminated. */
void peer_format_ip(const struct peer_address *peer, char text[static PEER_TEXT_SIZE]);
/* The address with its port, as peer_parse reads it. */
void peer_format(const struct peer_address *peer, char text[static PEER_TEXT_SIZE]);

#endif
