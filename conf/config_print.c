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
print_value(const struct config *config, const struct config_key *key, struct buf *out)
{
	switch (key->kind) {
	case CONFIG_TEXT:
		config_quote(out, span_of(config_get_text(config, key)));
		return;
	case CONFIG_LIST_OF_TEXTS:
		print_list(config_get_list(config, key), out);
		return;
	case CONFIG_NUMBER:
	case CONFIG_SIZE:
		buf_append_u64(out, config_get_number(config, key));
		return;
	case CONFIG_DURATION:
		buf_append_u64(out, config_get_number(config, key) / 1000);
		return;
	case CONFIG_FLAG:
	case CONFIG_ACTION:
	case CONFIG_WALLS:
	case CONFIG_RESOLVER_DOWN:
	case CONFIG_LETTER_CASE:
	case CONFIG_BARE_NEWLINE:
	case CONFIG_TLS_POLICY:
		buf_append_text(out, config_word_name(key->kind, config_get_word(config, key)));
		return;
	}
}

void
config_print(const struct config *config, struct buf *out)
{
	for (size_t i = 0; i < config_key_count(); i++) {
		const struct config_key *key = config_key_at(i);

		buf_append_text(out, key->name);
		buf_append_text(out, " = ");
		print_value(config, key, out);
		buf_append_char(out, '\n');
	}
}
