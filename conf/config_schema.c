/* The tables of conf/config_schema.h, made from the lists of conf/schema.h.
 *
 * Trust: constant data.
 * On failure: see conf/config_schema.h; a kind asked for the wrong member is BUG.
 */
#include "conf/config_schema.h"

#include <string.h>

#include "lib/bug.h"

enum { WORDS_MAX = 6, NEAREST_NAME_BYTES = 64, NEAREST_DISTANCE = 3 };

struct config_words {
	const char *all;
	const char *names[WORDS_MAX]; /* by value */
};

/* clang-format off */
static const struct config_words words_flag = { "true or false", { "false", "true" } };
static const struct config_words words_action = { "off, note, doubt, defer, refuse or junk",
	{ [ACTION_OFF] = "off", [ACTION_NOTE] = "note", [ACTION_DOUBT] = "doubt", [ACTION_DEFER] = "defer",
	  [ACTION_REFUSE] = "refuse", [ACTION_JUNK] = "junk" } };
static const struct config_words words_walls = { "none or all", { [WALLS_NONE] = "none", [WALLS_ALL] = "all" } };
static const struct config_words words_resolver_down = { "defer or accept",
	{ [RESOLVER_DOWN_DEFER] = "defer", [RESOLVER_DOWN_ACCEPT] = "accept" } };
static const struct config_words words_letter_case = { "fold or keep",
	{ [LETTER_CASE_FOLD] = "fold", [LETTER_CASE_KEEP] = "keep" } };
static const struct config_words words_bare_newline = { "normalise or refuse",
	{ [BARE_NEWLINE_NORMALISE] = "normalise", [BARE_NEWLINE_REFUSE] = "refuse" } };
static const struct config_words words_listener_role = { "mx or submission",
	{ [LISTENER_MX] = "mx", [LISTENER_SUBMISSION] = "submission" } };
static const struct config_words words_listener_tls = { "off, starttls or implicit",
	{ [LISTENER_TLS_OFF] = "off", [LISTENER_TLS_STARTTLS] = "starttls", [LISTENER_TLS_IMPLICIT] = "implicit" } };
static const struct config_words words_tls_policy = { "compatible or modern",
	{ [TLS_POLICY_COMPATIBLE] = "compatible", [TLS_POLICY_MODERN] = "modern" } };
/* clang-format on */

#define KIND_TEXT CONFIG_TEXT, NULL
#define KIND_LIST CONFIG_LIST_OF_TEXTS, NULL
#define KIND_NUMBER CONFIG_NUMBER, NULL
#define KIND_SIZE CONFIG_SIZE, NULL
#define KIND_DURATION CONFIG_DURATION, NULL
#define KIND_FLAG CONFIG_WORD, &words_flag
#define KIND_ACTION CONFIG_WORD, &words_action
#define KIND_WALLS CONFIG_WORD, &words_walls
#define KIND_RESOLVER_DOWN CONFIG_WORD, &words_resolver_down
#define KIND_LETTER_CASE CONFIG_WORD, &words_letter_case
#define KIND_BARE_NEWLINE CONFIG_WORD, &words_bare_newline
#define KIND_LISTENER_ROLE CONFIG_WORD, &words_listener_role
#define KIND_LISTENER_TLS CONFIG_WORD, &words_listener_tls
#define KIND_TLS_POLICY CONFIG_WORD, &words_tls_policy

#define K(kind, member, key, preset, lowest, highest, help)                                                            \
	{ KIND_##kind, key, offsetof(struct TABLE, member), sizeof(((struct TABLE *)0)->member), preset, lowest,       \
		highest, help },
static const struct config_key file_keys[] = {
#define TABLE config
	CONFIG_LIST(K)
#undef TABLE
};
static const struct config_key listener_keys[] = {
#define TABLE config_listener
	LISTENER_LIST(K)
#undef TABLE
};
static const struct config_key certificate_keys[] = {
#define TABLE config_certificate
	CERTIFICATE_LIST(K)
#undef TABLE
};
#undef K

struct table {
	const char *word;
	const struct config_key *keys;
	size_t count;
};

static const struct table tables[CONFIG_TABLE_COUNT] = {
	[CONFIG_FILE] = { "", file_keys, sizeof file_keys / sizeof file_keys[0] },
	[CONFIG_LISTENER] = { "listener", listener_keys, sizeof listener_keys / sizeof listener_keys[0] },
	[CONFIG_CERTIFICATE] = { "certificate", certificate_keys,
	    sizeof certificate_keys / sizeof certificate_keys[0] },
};

size_t
config_key_count(enum config_table table)
{
	return tables[table].count;
}

const struct config_key *
config_key_at(enum config_table table, size_t index)
{
	if (index >= tables[table].count)
		BUG("a configuration key beyond the list");
	return &tables[table].keys[index];
}

size_t
config_key_index(enum config_table table, const struct config_key *key)
{
	return (size_t)(key - tables[table].keys);
}

const struct config_key *
config_key_find(enum config_table table, struct span name)
{
	for (size_t i = 0; i < tables[table].count; i++)
		if (span_equal(name, span_of(tables[table].keys[i].name)))
			return &tables[table].keys[i];
	return NULL;
}

const char *
config_section_word(enum config_table table)
{
	return tables[table].word;
}

bool
config_section_find(struct span word, enum config_table *table)
{
	for (enum config_table i = CONFIG_LISTENER; i < CONFIG_TABLE_COUNT; i++) {
		if (span_equal(word, span_of(tables[i].word))) {
			*table = i;
			return true;
		}
	}
	return false;
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many letters must be put in, taken out or changed to make b of a (Levenshtein); "_" counts as "-". */
static size_t
distance(struct span a, struct span b)
{
	size_t row[NEAREST_NAME_BYTES + 1];

	for (size_t j = 0; j <= b.length; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.length; i++) {
		char letter = a.data[i - 1] == '_' ? '-' : span_lower(a.data[i - 1]);
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b.length; j++) {
			size_t changed = diagonal + (letter != b.data[j - 1]);

			diagonal = row[j];
			row[j] = least(changed, least(row[j], row[j - 1]) + 1);
		}
	}
	return row[b.length];
}

const char *
config_key_nearest(enum config_table table, struct span name)
{
	const struct table *at = &tables[table];
	const char *nearest = NULL;
	size_t nearest_distance = NEAREST_DISTANCE + 1;

	if (name.length > NEAREST_NAME_BYTES)
		return NULL;
	for (size_t i = 0; i < at->count; i++) {
		struct span known = span_of(at->keys[i].name);
		size_t d = known.length > NEAREST_NAME_BYTES ? nearest_distance : distance(name, known);

		/* A short name is not "near" when most of it had to be replaced. */
		if (d < nearest_distance && d * 2 <= known.length) {
			nearest = at->keys[i].name;
			nearest_distance = d;
		}
	}
	return nearest;
}

const char *
config_words(const struct config_key *key)
{
	return key->words->all;
}

bool
config_word_value(const struct config_key *key, struct span word, unsigned *value)
{
	const struct config_words *words = key->words;

	for (unsigned i = 0; i < WORDS_MAX && words->names[i]; i++) {
		if (span_equal(word, span_of(words->names[i]))) {
			*value = i;
			return true;
		}
	}
	if (words != &words_flag)
		return false;
	*value = span_equal(word, SPAN("yes")) || span_equal(word, SPAN("on"));
	return *value || span_equal(word, SPAN("no")) || span_equal(word, SPAN("off"));
}

const char *
config_word_name(const struct config_key *key, unsigned value)
{
	return value < WORDS_MAX ? key->words->names[value] : NULL;
}

static void *
member(void *owner, const struct config_key *key)
{
	return (char *)owner + key->offset;
}

static const void *
member_const(const void *owner, const struct config_key *key)
{
	return (const char *)owner + key->offset;
}

/* Enums are as wide as this with the compilers that build here; a bool is the only other word. */
_Static_assert(sizeof(enum action) == sizeof(unsigned), "a word is read as an unsigned");

unsigned
config_get_word(const void *owner, const struct config_key *key)
{
	unsigned value;

	if (key->kind != CONFIG_WORD)
		BUG("a configuration key without words was read as a word");
	if (key->size == sizeof(bool))
		return *(const bool *)member_const(owner, key);
	memcpy(&value, member_const(owner, key), sizeof value);
	return value;
}

void
config_set_word(void *owner, const struct config_key *key, unsigned value)
{
	if (key->kind != CONFIG_WORD)
		BUG("a configuration key without words was set as a word");
	if (key->size == sizeof(bool))
		*(bool *)member(owner, key) = value != 0;
	else
		memcpy(member(owner, key), &value, sizeof value);
}

uint64_t *
config_number(void *owner, const struct config_key *key)
{
	return member(owner, key);
}

const char **
config_text(void *owner, const struct config_key *key)
{
	return member(owner, key);
}

struct config_list *
config_list(void *owner, const struct config_key *key)
{
	return member(owner, key);
}

uint64_t
config_get_number(const void *owner, const struct config_key *key)
{
	return *(const uint64_t *)member_const(owner, key);
}

const char *
config_get_text(const void *owner, const struct config_key *key)
{
	return *(const char *const *)member_const(owner, key);
}

const struct config_list *
config_get_list(const void *owner, const struct config_key *key)
{
	return member_const(owner, key);
}

const char *
config_action_name(enum action action)
{
	return (unsigned)action < WORDS_MAX ? words_action.names[action] : "off";
}
