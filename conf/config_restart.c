/* Which changes of the configuration need a restart: what is opened, mapped, counted or dropped to before the walls
 * stand stays as it was.
 *
 * Trust: two checked configurations. Pure.
 * On failure: nothing here can fail.
 */
#include "conf/config_schema.h"

static const char *const restart_keys[] = { "mailboxes", "mailbox-roots", "mailbox-user", "state", "uid-base",
	"require-walls", "processes", "max-connections", "deliver-threads" };

static bool
lists_equal(const struct config_list *a, const struct config_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

static bool
values_equal(const struct config *a, const struct config *b, const struct config_key *key)
{
	switch (key->kind) {
	case CONFIG_TEXT:
		return strcmp(config_get_text(a, key), config_get_text(b, key)) == 0;
	case CONFIG_LIST_OF_TEXTS:
		return lists_equal(config_get_list(a, key), config_get_list(b, key));
	case CONFIG_NUMBER:
	case CONFIG_SIZE:
	case CONFIG_DURATION:
		return config_get_number(a, key) == config_get_number(b, key);
	case CONFIG_WORD:
		return config_get_word(a, key) == config_get_word(b, key);
	}
	return false;
}

const char *
config_needs_restart(const struct config *running, const struct config *fresh)
{
	for (size_t i = 0; i < sizeof restart_keys / sizeof restart_keys[0]; i++) {
		const struct config_key *key = config_key_find(CONFIG_FILE, span_of(restart_keys[i]));

		if (!values_equal(running, fresh, key))
			return key->name;
	}
	return NULL;
}
