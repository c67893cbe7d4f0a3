/* The configured resolvers as addresses. tidegate-dns and tidegate-caller both read the list with this, so that they
 * mean the same by an index.
 *
 * On failure: an entry that is no address is left out of both lists alike (the configuration's reader refuses it).
 */
#ifndef TIDEGATE_LOOKUP_RESOLVERS_H
#define TIDEGATE_LOOKUP_RESOLVERS_H

#include "conf/config.h"
#include "lib/peer.h"

enum { RESOLVERS_MAX = 8 };

struct resolvers {
	unsigned count;
	struct peer_address addresses[RESOLVERS_MAX];
};

/* "192.0.2.1:53" or "[2001:db8::1]:53". */
void resolvers_parse(const struct config_list *texts, struct resolvers *resolvers);

#endif
