/* The schema as a table: what conf/schema.h says about each key, for the reader, the printer and the byte codec.
 *
 * Trust: constant data.
 * On failure: a key or a word that is not there is NULL or false.
 */
#ifndef TIDEGATE_CONF_CONFIG_SCHEMA_H
#define TIDEGATE_CONF_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/config.h"
#include "lib/span.h"

enum config_kind {
	CONFIG_TEXT,
	CONFIG_LIST_OF_TEXTS,
	CONFIG_NUMBER,
	CONFIG_SIZE,
	CONFIG_DURATION,
	CONFIG_FLAG,
	CONFIG_ACTION,
	CONFIG_WALLS,
	CONFIG_RESOLVER_DOWN,
	CONFIG_LETTER_CASE,
	CONFIG_BARE_NEWLINE,
	CONFIG_TLS_POLICY
};

enum { CONFIG_TEXT_BYTES = 4096 }; /* of one value */

struct config_key {
	enum config_kind kind;
	const char *name;
	size_t offset; /* of its member in struct config */
	const char *preset;
	uint64_t lowest; /* in the unit of the file: bytes, seconds, values */
	uint64_t highest;
	const char *help;
};

/* The number of keys, and each of them, in the order of the list. */
size_t config_key_count(void);
const struct config_key *config_key_at(size_t index);
/* The key of that name, or NULL. */
const struct config_key *config_key_find(struct span name);
/* The known name that looks most like this one, or NULL when none comes near. */
const char *config_key_nearest(struct span name);

/* The words that a kind allows ("off, note, …"), or NULL for a kind without words. */
const char *config_words(enum config_kind kind);
/* The value of a word; false when it is not one of the kind's. */
bool config_word_value(enum config_kind kind, struct span word, unsigned *value);
/* The word of a value, or NULL when there is none. */
const char *config_word_name(enum config_kind kind, unsigned value);

/* The value of a word kind or a flag in a configuration. */
unsigned config_get_word(const struct config *config, const struct config_key *key);
void config_set_word(struct config *config, const struct config_key *key, unsigned value);
/* The members behind the other kinds. */
uint64_t *config_number(struct config *config, const struct config_key *key);
const char **config_text(struct config *config, const struct config_key *key);
struct config_list *config_list(struct config *config, const struct config_key *key);
uint64_t config_get_number(const struct config *config, const struct config_key *key);
const char *config_get_text(const struct config *config, const struct config_key *key);
const struct config_list *config_get_list(const struct config *config, const struct config_key *key);

#endif
