/* Any text as an address, an address with a port and a network: what is accepted reads the same when printed. */
#include <stdint.h>

#include "lib/bug.h"
#include "lib/peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_address(const struct peer_address *peer)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	char text[PEER_TEXT_SIZE];
	struct peer_address again;

	if (peer->family != 4 && peer->family != 6)
		BUG("an address of no family");
	if (peer->family == 6 && memcmp(peer->ip, mapped, sizeof mapped) == 0)
		BUG("an IPv4 address in the guise of IPv6");
	peer_format(peer, text);
	if (!peer_parse(span_of(text), &again) || memcmp(&again, peer, sizeof again) != 0)
		BUG("an address with a port reads otherwise the second time");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make((const char *)data, size);
	char printed[PEER_TEXT_SIZE];
	struct peer_address again;
	struct peer_address peer;
	struct network network;

	if (peer_parse(text, &peer))
		check_address(&peer);
	if (peer_parse_ip(text, &peer)) {
		check_address(&peer);
		peer_format_ip(&peer, printed);
		if (!peer_parse_ip(span_of(printed), &again) || memcmp(&again, &peer, sizeof again) != 0)
			BUG("an address reads otherwise the second time");
	}
	if (network_parse(text, &network) && !network_contains(&network, &network.address))
		BUG("a network does not contain its own address");
	return 0;
}
