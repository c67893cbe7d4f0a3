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

enum config_kind { CONFIG_TEXT, CONFIG_LIST_OF_TEXTS, CONFIG_NUMBER, CONFIG_SIZE, CONFIG_DURATION, CONFIG_WORD };

/* Where keys stand: in the file itself, or in a section of it. */
enum config_table { CONFIG_FILE, CONFIG_LISTENER, CONFIG_CERTIFICATE, CONFIG_TABLE_COUNT };

enum { CONFIG_TEXT_BYTES = 4096 }; /* of one value */

/* The words that a key allows. */
struct config_words;

struct config_key {
	enum config_kind kind;
	const struct config_words *words; /* CONFIG_WORD: whose values its member has, an enum or a bool; else NULL */
	const char *name;
	size_t offset; /* of its member in the struct of its table */
	size_t size;   /* of that member */
	const char *preset;
	uint64_t lowest; /* in the unit of the file: bytes, seconds, values */
	uint64_t highest;
	const char *help;
};

/* The number of keys of a table, and each of them, in the order of the list. */
size_t config_key_count(enum config_table table);
const struct config_key *config_key_at(enum config_table table, size_t index);
size_t config_key_index(enum config_table table, const struct config_key *key);
/* The key of that name, or NULL. */
const struct config_key *config_key_find(enum config_table table, struct span name);
/* The known name that looks most like this one, or NULL when none comes near. */
const char *config_key_nearest(enum config_table table, struct span name);
/* The word that begins a section of this table ("listener"); not for CONFIG_FILE. */
const char *config_section_word(enum config_table table);
/* The table of the sections that begin with this word; false when there are none. */
bool config_section_find(struct span word, enum config_table *table);

/* These are for keys of CONFIG_WORD. All its words, for a message ("off, note, …"). */
const char *config_words(const struct config_key *key);
/* The value of a word; false when it is not one of the key's. */
bool config_word_value(const struct config_key *key, struct span word, unsigned *value);
/* The word of a value, or NULL when there is none. */
const char *config_word_name(const struct config_key *key, unsigned value);

/* `owner` is the struct of the key's table: a struct config, config_listener or config_certificate. */

/* The value of a word. */
unsigned config_get_word(const void *owner, const struct config_key *key);
void config_set_word(void *owner, const struct config_key *key, unsigned value);
/* The members behind the other kinds. */
uint64_t *config_number(void *owner, const struct config_key *key);
const char **config_text(void *owner, const struct config_key *key);
struct config_list *config_list(void *owner, const struct config_key *key);
uint64_t config_get_number(const void *owner, const struct config_key *key);
const char *config_get_text(const void *owner, const struct config_key *key);
const struct config_list *config_get_list(const void *owner, const struct config_key *key);

#endif
