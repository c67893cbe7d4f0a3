/* One key's values: checked against the schema and stored.
 *
 * Trust: the administrator's file, or the schema's own presets.
 * On failure: a problem with the value's line.
 */
#include "conf/config_reader.h"
#include "conf/config_storage.h"
#include "conf/config_value.h"

enum { WHY_BYTES = 8192, PATH_BYTES = 8192 };

static void
complain(struct config_reader *reader, unsigned line, struct buf *why)
{
	const char *text = buf_text(why);

	CONFIG_PROBLEM(reader, line, "%s", text ? text : "this value is wrong; see tidegate.conf(5)");
}

/* Checks a text and makes a path absolute, in path. False: why. */
static bool
check_text(const struct config_reader *reader, const struct config_key *key, struct span *text, struct buf *path,
    struct buf *why)
{
	if (!config_check_text(key, *text, why))
		return false;
	if (text->length == 0 || !config_is_path(key))
		return true;
	config_absolute_path(buf_span(&reader->folder), *text, path);
	*text = buf_span(path);
	if (buf_ok(path) && path->length <= CONFIG_TEXT_BYTES)
		return true;
	buf_printf(why,
	    "%s is too long: behind the folder of this file it is longer than %d bytes; write a shorter path",
	    key->name, (int)CONFIG_TEXT_BYTES);
	return false;
}

/* Checks and stores a text; NULL after a problem. */
static const char *
take_text(struct config_reader *reader, const struct config_key *key, const struct config_value *value)
{
	struct buf why = BUF_LIMIT(WHY_BYTES);
	struct buf path = BUF_LIMIT(PATH_BYTES);
	struct span text = value->text;
	const char *kept = NULL;

	if (check_text(reader, key, &text, &path, &why)) {
		kept = config_storage_text(reader->config, text);
		if (!kept)
			CONFIG_PROBLEM(
			    reader, value->line, "there is not enough memory to keep it; free some and try again");
	} else {
		complain(reader, value->line, &why);
	}
	buf_free(&why);
	buf_free(&path);
	return kept;
}

static void
take_list(struct config_reader *reader, const struct config_key *key, const struct config_value *values, size_t count)
{
	struct config_list *list = config_list(reader->place->owner, key);
	unsigned line = reader->place->key_lines[config_key_index(reader->place->table, key)];
	size_t kept = 0;

	if (count < key->lowest || count > key->highest) {
		CONFIG_PROBLEM(reader, line, "%s has %zu values; it must have from %llu to %llu", key->name, count,
		    (unsigned long long)key->lowest, (unsigned long long)key->highest);
		return;
	}
	if (!config_storage_list(reader->config, list, count)) {
		CONFIG_PROBLEM(reader, line, "there is not enough memory to keep it; free some and try again");
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const char *text = take_text(reader, key, &values[i]);

		if (!text)
			continue;
		for (size_t j = 0; j < kept; j++)
			if (strcmp(list->items[j], text) == 0)
				CONFIG_PROBLEM(
				    reader, values[i].line, "%s lists \"%s\" twice; keep one of them", key->name, text);
		list->items[kept++] = text;
	}
	list->count = kept;
}

static void
take_number(struct config_reader *reader, const struct config_key *key, const struct config_value *value)
{
	struct buf why = BUF_LIMIT(WHY_BYTES);
	uint64_t number;

	if (config_check_number(key, value->text, &number, &why))
		*config_number(reader->place->owner, key) = key->kind == CONFIG_DURATION ? number * 1000 : number;
	else
		complain(reader, value->line, &why);
	buf_free(&why);
}

static void
take_word(struct config_reader *reader, const struct config_key *key, const struct config_value *value)
{
	char quoted[PROBLEMS_QUOTE_SIZE];
	unsigned word;

	if (config_word_value(key, value->text, &word))
		config_set_word(reader->place->owner, key, word);
	else
		CONFIG_PROBLEM(reader, value->line, "%s is \"%s\"; it must be %s", key->name,
		    problems_quote(value->text, quoted), config_words(key));
}

void
config_take(struct config_reader *reader, const struct config_key *key, const struct config_value *values, size_t count)
{
	if (key->kind == CONFIG_LIST_OF_TEXTS) {
		/* Behind a syntax error a list may be cut short; its length then says nothing. */
		if (count || !reader->is_cut_short)
			take_list(reader, key, values, count);
		return;
	}
	if (count == 0)
		return;
	switch (key->kind) {
	case CONFIG_TEXT: {
		const char *text = take_text(reader, key, &values[0]);

		if (text)
			*config_text(reader->place->owner, key) = text;
		return;
	}
	case CONFIG_NUMBER:
	case CONFIG_SIZE:
	case CONFIG_DURATION:
		take_number(reader, key, &values[0]);
		return;
	case CONFIG_WORD:
		take_word(reader, key, &values[0]);
		return;
	case CONFIG_LIST_OF_TEXTS:
		return;
	}
}
