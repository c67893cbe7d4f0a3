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

		if (peer_parse(span_of(texts->items[i]), address))
			resolvers->count++;
	}
}
