/* The configured resolvers as addresses.
 *
 * On failure: see lookup/resolvers.h.
 */
#include "lookup/resolvers.h"

void
resolvers_parse(const struct config_list *texts, struct resolvers *resolvers)
{
	*resolvers = (struct resolvers){ .count = 0 };
	for (size_t i = 0; i < texts->count && resolvers->count < RESOLVERS_MAX; i++) {
		struct peer_address *address = &resolvers->addresses[resolvers->count];
		struct span text = span_of(texts->items[i]);

		if (peer_parse(text, address)) {
			resolvers->count++;
		} else if (peer_parse_ip(text, address)) {
			address->port = RESOLVERS_PORT;
			resolvers->count++;
		}
	}
}
