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
/* Makes the listeners of `listen`, and behind them room for those of so many sections, empty; they are counted. NULL
 * without memory; else the first of the sections'. */
struct config_listener *config_storage_listeners(struct config *config, size_t sections);
/* Room for so many certificates, empty; they are counted. NULL without memory. */
struct config_certificate *config_storage_certificates(struct config *config, size_t sections);

#endif
