/* The libconfuse part of config_read: its table is made from the schema, every value comes out with its line.
 *
 * All keys are given to libconfuse as lists of pointers to {line, text}: then it neither stops at the first wrong value
 * nor turns a value into something else, and all checks are ours.
 *
 * Trust: the administrator's file, cleaned by config_text.
 * On failure: problems; a syntax error ends the reading of what follows it, and nothing else.
 */
#include <confuse.h>
#include <stdlib.h>

#include "conf/config_reader.h"
#include "conf/config_storage.h"
#include "conf/config_text.h"

enum { UNKNOWN_MAX = 64, MESSAGE_BYTES = 256 };

struct raw_value {
	unsigned line;
	char text[];
};

/* libconfuse's error function gets no context of ours; its scanner is global, so there is one reading at a time. */
static struct config_reader *reading;

static void
on_error(cfg_t *cfg, const char *format, va_list arguments)
{
	char message[MESSAGE_BYTES];
	char quoted[PROBLEMS_QUOTE_SIZE];

	(void)vsnprintf(message, sizeof message, format, arguments);
	reading->is_cut_short = true;
	CONFIG_PROBLEM(reading, (unsigned)cfg->line,
	    "%s; a setting is written KEY = \"VALUE\", or KEY = {\"VALUE\", \"VALUE\"} for a list",
	    problems_quote(span_of(message), quoted));
}

static int
on_value(cfg_t *cfg, cfg_opt_t *option, const char *value, void *result)
{
	size_t length = strlen(value);
	struct raw_value *raw = malloc(sizeof *raw + length + 1);

	(void)option;
	if (!raw)
		return -1;
	raw->line = (unsigned)cfg->line;
	memcpy(raw->text, value, length + 1);
	*(void **)result = raw;
	return 0;
}

static void
complain_unknown(struct config_reader *reader, const struct config_assignment *assignment)
{
	const char *nearest = config_key_nearest(reader->place->table, assignment->key);
	char quoted[PROBLEMS_QUOTE_SIZE];
	enum config_table section;

	(void)problems_quote(assignment->key, quoted);
	if (config_section_find(assignment->key, &section))
		CONFIG_PROBLEM(reader, assignment->line,
		    "\"%s\" begins a section; write %s \"NAME\" { KEY = \"VALUE\" ... }", quoted, quoted);
	else if (nearest)
		CONFIG_PROBLEM(reader, assignment->line, "\"%s\" is not a key; did you mean \"%s\"?", quoted, nearest);
	else
		CONFIG_PROBLEM(reader, assignment->line,
		    "\"%s\" is not a key; tidegate.conf(5) lists the keys, and so does \"tidegate config\"", quoted);
}

static void
check_known(struct config_reader *reader, const struct config_assignment *assignment, size_t index)
{
	const struct config_key *key = config_key_at(reader->place->table, index);
	unsigned *first = &reader->place->key_lines[index];
	bool is_list = key->kind == CONFIG_LIST_OF_TEXTS;

	if (*first && !(assignment->is_append && is_list))
		CONFIG_PROBLEM(reader, assignment->line, "%s is given twice, first on line %u; keep one of them",
		    key->name, *first);
	if (*first == 0)
		*first = assignment->line;
	if (is_list)
		return;
	if (assignment->is_list)
		CONFIG_PROBLEM(reader, assignment->line, "%s takes one value, not a list; write %s = \"VALUE\"",
		    key->name, key->name);
	else if (assignment->is_append)
		CONFIG_PROBLEM(reader, assignment->line,
		    "%s takes one value, so += has no meaning; write %s = \"VALUE\"", key->name, key->name);
}

static bool
is_among(const cfg_opt_t *options, size_t count, struct span name)
{
	for (size_t i = 0; i < count; i++)
		if (span_equal(span_of(options[i].name), name))
			return true;
	return false;
}

/* Looks through the keys of the text, and adds an option for each unknown one, so that libconfuse reads past it. */
static size_t
survey(struct config_reader *reader, struct span text, cfg_opt_t *options, size_t count)
{
	struct config_scan scan = { .rest = text, .line = 1 };
	struct config_assignment assignment;
	size_t limit = count + UNKNOWN_MAX;

	while (config_text_next(&scan, &assignment)) {
		const struct config_key *key = config_key_find(reader->place->table, assignment.key);

		if (key) {
			check_known(reader, &assignment, config_key_index(reader->place->table, key));
			continue;
		}
		complain_unknown(reader, &assignment);
		if (count == limit || is_among(options, count, assignment.key))
			continue;
		const char *name = config_storage_text(reader->config, assignment.key);
		if (name)
			options[count++] = (cfg_opt_t)CFG_PTR_LIST_CB(name, NULL, CFGF_NODEFAULT, on_value, free);
	}
	return count;
}

static void
take_key(struct config_reader *reader, cfg_t *cfg, const struct config_key *key, unsigned line)
{
	cfg_opt_t *option = cfg_getopt(cfg, key->name);
	size_t count = cfg_opt_size(option);
	struct config_value *values = calloc(count + 1, sizeof *values);

	if (!values) {
		CONFIG_PROBLEM(reader, line, "there is not enough memory to read it; free some and try again");
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const struct raw_value *raw = cfg_opt_getnptr(option, (unsigned)i);

		values[i] = (struct config_value){ raw->line, span_of(raw->text) };
	}
	config_take(reader, key, values, count);
	free(values);
}

static void
parse_with(struct config_reader *reader, cfg_opt_t *options, const char *text)
{
	cfg_t *cfg = cfg_init(options, CFGF_NONE);

	if (!cfg) {
		CONFIG_PROBLEM(reader, 0u, "there is not enough memory to read it; free some and try again");
		return;
	}
	(void)cfg_set_error_function(cfg, on_error);
	reading = reader;
	int result = cfg_parse_buf(cfg, text);
	reading = NULL;
	if (result != CFG_SUCCESS && !reader->is_cut_short) {
		reader->is_cut_short = true;
		CONFIG_PROBLEM(reader, (unsigned)cfg->line, "the file cannot be read on from here; check this line");
	}
	for (size_t i = 0; i < config_key_count(reader->place->table); i++)
		if (reader->place->key_lines[i])
			take_key(reader, cfg, config_key_at(reader->place->table, i), reader->place->key_lines[i]);
	(void)cfg_free(cfg);
}

void
config_parse(struct config_reader *reader, struct span text)
{
	size_t keys = config_key_count(reader->place->table);
	cfg_opt_t *options = calloc(keys + UNKNOWN_MAX + 1, sizeof *options);
	struct buf copy = BUF_LIMIT(CONFIG_FILE_BYTES + 1);

	buf_append(&copy, text);
	const char *terminated = buf_text(&copy);
	if (!options || !terminated || !reader->config) {
		CONFIG_PROBLEM(reader, 0u, "there is not enough memory to read it; free some and try again");
	} else {
		for (size_t i = 0; i < keys; i++)
			options[i] = (cfg_opt_t)CFG_PTR_LIST_CB(
			    config_key_at(reader->place->table, i)->name, NULL, CFGF_NODEFAULT, on_value, free);
		size_t count = survey(reader, text, options, keys);
		options[count] = (cfg_opt_t)CFG_END();
		parse_with(reader, options, terminated);
	}
	buf_free(&copy);
	free(options);
}
