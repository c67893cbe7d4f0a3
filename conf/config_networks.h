/* Lists of networks in the configuration, asked about an address.
 *
 * Trust: the list is the administrator's and was checked when it was read; the address is anybody's.
 * On failure: an entry that is no network (a host name of `forwarders`) contains nobody.
 */
#ifndef TIDEGATE_CONF_CONFIG_NETWORKS_H
#define TIDEGATE_CONF_CONFIG_NETWORKS_H

#include "conf/config.h"
#include "lib/peer.h"

/* Does a network of the list contain this address? */
bool config_networks_contain(const struct config_list *list, const struct peer_address *address);

#endif
