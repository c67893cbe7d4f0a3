/* What `tidegate config` prints: every effective value, as a file that config_read reads back to the same values.
 *
 * Trust: a checked configuration: no control characters in it.
 * On failure: the buffer's sticky error.
 */
#include "conf/config_schema.h"
#include "conf/config_value.h"

static void
print_list(const struct config_list *list, struct buf *out)
{
	buf_append_char(out, '{');
	for (size_t i = 0; i < list->count; i++) {
		if (i)
			buf_append_text(out, ", ");
		config_quote(out, span_of(list->items[i]));
	}
	buf_append_char(out, '}');
}

static void
print_value(const void *owner, const struct config_key *key, struct buf *out)
{
	switch (key->kind) {
	case CONFIG_TEXT:
		config_quote(out, span_of(config_get_text(owner, key)));
		return;
	case CONFIG_LIST_OF_TEXTS:
		print_list(config_get_list(owner, key), out);
		return;
	case CONFIG_NUMBER:
	case CONFIG_SIZE:
		buf_append_u64(out, config_get_number(owner, key));
		return;
	case CONFIG_DURATION:
		buf_append_u64(out, config_get_number(owner, key) / 1000);
		return;
	case CONFIG_WORD:
		buf_append_text(out, config_word_name(key, config_get_word(owner, key)));
		return;
	}
}

static void
print_table(const void *owner, enum config_table table, const char *indent, struct buf *out)
{
	for (size_t i = 0; i < config_key_count(table); i++) {
		const struct config_key *key = config_key_at(table, i);

		buf_append_text(out, indent);
		buf_append_text(out, key->name);
		buf_append_text(out, " = ");
		print_value(owner, key, out);
		buf_append_char(out, '\n');
	}
}

static void
print_section(const void *owner, enum config_table table, const char *name, struct buf *out)
{
	buf_append_text(out, config_section_word(table));
	buf_append_char(out, ' ');
	config_quote(out, span_of(name));
	buf_append_text(out, " {\n");
	print_table(owner, table, "\t", out);
	buf_append_text(out, "}\n");
}

void
config_print(const struct config *config, struct buf *out)
{
	print_table(config, CONFIG_FILE, "", out);
	for (size_t i = config->listen.count; i < config->listener_count; i++)
		print_section(&config->listeners[i], CONFIG_LISTENER, config->listeners[i].name, out);
	for (size_t i = 0; i < config->certificate_count; i++)
		print_section(&config->certificates[i], CONFIG_CERTIFICATE, config->certificates[i].name, out);
}
