/* The memory of a configuration (conf/config_storage.h).
 *
 * On failure: NULL or false when there is no memory, or when the texts pass STORAGE_BYTES.
 */
#include "conf/config_storage.h"

#include <stdlib.h>

#include "conf/config_schema.h"

enum { STORAGE_BYTES = 8 << 20 };

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
	for (size_t i = 0; i < config_key_count(); i++)
		if (config_key_at(i)->kind == CONFIG_TEXT)
			*config_text(config, config_key_at(i)) = "";
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

void
config_free(struct config *config)
{
	if (!config)
		return;
	arena_reset(config->storage);
	free(config->storage);
	free(config);
}
