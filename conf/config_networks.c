/* The one question of conf/config_networks.h.
 *
 * On failure: see the header.
 */
#include "conf/config_networks.h"

bool
config_networks_contain(const struct config_list *list, const struct peer_address *address)
{
	for (size_t i = 0; i < list->count; i++) {
		struct network network;

		if (network_parse(span_of(list->items[i]), &network) && network_contains(&network, address))
			return true;
	}
	return false;
}
