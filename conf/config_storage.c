/* The memory of a configuration (conf/config_storage.h).
 *
 * On failure: NULL or false when there is no memory, or when the texts pass STORAGE_BYTES.
 */
#include "conf/config_storage.h"

#include <stdlib.h>

#include "conf/config_schema.h"

enum { STORAGE_BYTES = 8 << 20 };

/* No text is NULL. */
static void
empty(void *owner, enum config_table table)
{
	for (size_t i = 0; i < config_key_count(table); i++)
		if (config_key_at(table, i)->kind == CONFIG_TEXT)
			*config_text(owner, config_key_at(table, i)) = "";
}

struct config *
config_storage_new(void)
{
	struct config *config = calloc(1, sizeof *config);
	struct arena *arena = calloc(1, sizeof *arena);

	if (!config || !arena) {
		free(config);
		free(arena);
		return NULL;
	}
	*arena = ARENA_LIMIT(STORAGE_BYTES);
	config->storage = arena;
	empty(config, CONFIG_FILE);
	return config;
}

const char *
config_storage_text(struct config *config, struct span text)
{
	return arena_copy(config->storage, text).data;
}

bool
config_storage_list(struct config *config, struct config_list *list, size_t count)
{
	if (count > STORAGE_BYTES / sizeof *list->items)
		return false;
	const char **items = arena_alloc(config->storage, count * sizeof *items);
	if (!items)
		return false;
	for (size_t i = 0; i < count; i++)
		items[i] = "";
	*list = (struct config_list){ .count = count, .items = items };
	return true;
}

struct config_listener *
config_storage_listeners(struct config *config, size_t sections)
{
	size_t count = config->listen.count + sections;
	struct config_listener *listeners = arena_alloc(config->storage, (count + 1) * sizeof *listeners);

	if (!listeners)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		empty(&listeners[i], CONFIG_LISTENER);
		listeners[i].name = "";
	}
	for (size_t i = 0; i < config->listen.count; i++) {
		listeners[i].name = config->listen.items[i];
		listeners[i].address = config->listen.items[i];
		listeners[i].role = LISTENER_MX;
		listeners[i].tls = LISTENER_TLS_STARTTLS;
	}
	config->listeners = listeners;
	config->listener_count = count;
	return listeners + config->listen.count;
}

struct config_certificate *
config_storage_certificates(struct config *config, size_t sections)
{
	struct config_certificate *certificates = arena_alloc(config->storage, (sections + 1) * sizeof *certificates);

	if (!certificates)
		return NULL;
	for (size_t i = 0; i < sections; i++) {
		empty(&certificates[i], CONFIG_CERTIFICATE);
		certificates[i].name = "";
	}
	config->certificates = certificates;
	config->certificate_count = sections;
	return certificates;
}

void
config_free(struct config *config)
{
	if (!config)
		return;
	arena_reset(config->storage);
	free(config->storage);
	free(config);
}
