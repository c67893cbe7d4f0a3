/* Where a configuration's texts live: one arena that is given back with it.
 *
 * Trust: sizes are checked by whoever copies texts in.
 * On failure: NULL.
 */
#ifndef TIDEGATE_CONF_CONFIG_STORAGE_H
#define TIDEGATE_CONF_CONFIG_STORAGE_H

#include "conf/config.h"
#include "lib/arena.h"

/* An empty configuration that owns an arena: every number 0, every text "", every list empty. */
struct config *config_storage_new(void);
/* A copy of text with a NUL behind it, owned by the configuration. */
const char *config_storage_text(struct config *config, struct span text);
/* Room for count items, owned by the configuration; the list then has that count and "" for every item. */
bool config_storage_list(struct config *config, struct config_list *list, size_t count);

#endif
