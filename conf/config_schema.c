/* The tables of conf/config_schema.h, made from the lists of conf/schema.h.
 *
 * Trust: constant data.
 * On failure: see conf/config_schema.h; a kind asked for the wrong member is BUG.
 */
#include "conf/config_schema.h"

#include <string.h>

#include "lib/bug.h"

#define KIND_TEXT CONFIG_TEXT
#define KIND_LIST CONFIG_LIST_OF_TEXTS
#define KIND_NUMBER CONFIG_NUMBER
#define KIND_SIZE CONFIG_SIZE
#define KIND_DURATION CONFIG_DURATION
#define KIND_FLAG CONFIG_FLAG
#define KIND_ACTION CONFIG_ACTION
#define KIND_WALLS CONFIG_WALLS
#define KIND_RESOLVER_DOWN CONFIG_RESOLVER_DOWN
#define KIND_LETTER_CASE CONFIG_LETTER_CASE
#define KIND_BARE_NEWLINE CONFIG_BARE_NEWLINE
#define KIND_LISTENER_ROLE CONFIG_LISTENER_ROLE
#define KIND_LISTENER_TLS CONFIG_LISTENER_TLS
#define KIND_TLS_POLICY CONFIG_TLS_POLICY

#define K(kind, member, key, preset, lowest, highest, help)                                                            \
	{ KIND_##kind, key, offsetof(struct TABLE, member), preset, lowest, highest, help },
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

enum { WORDS_MAX = 6, NEAREST_NAME_BYTES = 64, NEAREST_DISTANCE = 3 };

struct words {
	enum config_kind kind;
	const char *all;
	const char *names[WORDS_MAX]; /* by value */
};

static const struct words word_kinds[] = {
	{ CONFIG_FLAG, "true or false", { "false", "true" } },
	{ CONFIG_ACTION, "off, note, doubt, defer, refuse or junk",
	    { [ACTION_OFF] = "off",
		[ACTION_NOTE] = "note",
		[ACTION_DOUBT] = "doubt",
		[ACTION_DEFER] = "defer",
		[ACTION_REFUSE] = "refuse",
		[ACTION_JUNK] = "junk" } },
	{ CONFIG_WALLS, "none or all", { [WALLS_NONE] = "none", [WALLS_ALL] = "all" } },
	{ CONFIG_RESOLVER_DOWN, "defer or accept",
	    { [RESOLVER_DOWN_DEFER] = "defer", [RESOLVER_DOWN_ACCEPT] = "accept" } },
	{ CONFIG_LETTER_CASE, "fold or keep", { [LETTER_CASE_FOLD] = "fold", [LETTER_CASE_KEEP] = "keep" } },
	{ CONFIG_BARE_NEWLINE, "normalise or refuse",
	    { [BARE_NEWLINE_NORMALISE] = "normalise", [BARE_NEWLINE_REFUSE] = "refuse" } },
	{ CONFIG_LISTENER_ROLE, "mx or submission", { [LISTENER_MX] = "mx", [LISTENER_SUBMISSION] = "submission" } },
	{ CONFIG_LISTENER_TLS, "off, starttls or implicit",
	    { [LISTENER_TLS_OFF] = "off",
		[LISTENER_TLS_STARTTLS] = "starttls",
		[LISTENER_TLS_IMPLICIT] = "implicit" } },
	{ CONFIG_TLS_POLICY, "compatible or modern",
	    { [TLS_POLICY_COMPATIBLE] = "compatible", [TLS_POLICY_MODERN] = "modern" } },
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

static const struct words *
words_of(enum config_kind kind)
{
	for (size_t i = 0; i < sizeof word_kinds / sizeof word_kinds[0]; i++)
		if (word_kinds[i].kind == kind)
			return &word_kinds[i];
	return NULL;
}

const char *
config_words(enum config_kind kind)
{
	const struct words *words = words_of(kind);

	return words ? words->all : NULL;
}

bool
config_word_value(enum config_kind kind, struct span word, unsigned *value)
{
	const struct words *words = words_of(kind);

	for (unsigned i = 0; words && i < WORDS_MAX && words->names[i]; i++) {
		if (span_equal(word, span_of(words->names[i]))) {
			*value = i;
			return true;
		}
	}
	if (kind != CONFIG_FLAG)
		return false;
	if (span_equal(word, SPAN("yes")) || span_equal(word, SPAN("on"))) {
		*value = 1;
		return true;
	}
	*value = 0;
	return span_equal(word, SPAN("no")) || span_equal(word, SPAN("off"));
}

const char *
config_word_name(enum config_kind kind, unsigned value)
{
	const struct words *words = words_of(kind);

	return words && value < WORDS_MAX ? words->names[value] : NULL;
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

unsigned
config_get_word(const void *owner, const struct config_key *key)
{
	const void *at = member_const(owner, key);

	switch (key->kind) {
	case CONFIG_FLAG:
		return *(const bool *)at;
	case CONFIG_ACTION:
		return *(const enum action *)at;
	case CONFIG_WALLS:
		return *(const enum walls *)at;
	case CONFIG_RESOLVER_DOWN:
		return *(const enum resolver_down *)at;
	case CONFIG_LETTER_CASE:
		return *(const enum letter_case *)at;
	case CONFIG_BARE_NEWLINE:
		return *(const enum bare_newline *)at;
	case CONFIG_LISTENER_ROLE:
		return *(const enum listener_role *)at;
	case CONFIG_LISTENER_TLS:
		return *(const enum listener_tls *)at;
	case CONFIG_TLS_POLICY:
		return *(const enum tls_policy *)at;
	case CONFIG_TEXT:
	case CONFIG_LIST_OF_TEXTS:
	case CONFIG_NUMBER:
	case CONFIG_SIZE:
	case CONFIG_DURATION:
		break;
	}
	BUG("a configuration key without words was read as a word");
}

void
config_set_word(void *owner, const struct config_key *key, unsigned value)
{
	void *at = member(owner, key);

	switch (key->kind) {
	case CONFIG_FLAG:
		*(bool *)at = value != 0;
		return;
	case CONFIG_ACTION:
		*(enum action *)at = (enum action)value;
		return;
	case CONFIG_WALLS:
		*(enum walls *)at = (enum walls)value;
		return;
	case CONFIG_RESOLVER_DOWN:
		*(enum resolver_down *)at = (enum resolver_down)value;
		return;
	case CONFIG_LETTER_CASE:
		*(enum letter_case *)at = (enum letter_case)value;
		return;
	case CONFIG_BARE_NEWLINE:
		*(enum bare_newline *)at = (enum bare_newline)value;
		return;
	case CONFIG_LISTENER_ROLE:
		*(enum listener_role *)at = (enum listener_role)value;
		return;
	case CONFIG_LISTENER_TLS:
		*(enum listener_tls *)at = (enum listener_tls)value;
		return;
	case CONFIG_TLS_POLICY:
		*(enum tls_policy *)at = (enum tls_policy)value;
		return;
	case CONFIG_TEXT:
	case CONFIG_LIST_OF_TEXTS:
	case CONFIG_NUMBER:
	case CONFIG_SIZE:
	case CONFIG_DURATION:
		break;
	}
	BUG("a configuration key without words was set as a word");
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
	const char *name = config_word_name(CONFIG_ACTION, (unsigned)action);

	return name ? name : "off";
}
