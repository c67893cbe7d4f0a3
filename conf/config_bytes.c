/* The configuration as bytes for the child processes.
 *
 * "TGCF" · version · number of keys · the values in the order of the schema: texts and items with a u32 length, lists
 * with a u16 count, numbers as u64, words as u8; then the sections, listeners before certificates: their number as u16,
 * each with its name and values; all integers big-endian. A child is the same build as its master, so
 * any difference is refused.
 *
 * Trust: the bytes come from the master in a sealed memory file; they are checked as if they did not. Pure.
 * On failure: config_decode gives NULL; config_encode the buffer's sticky error.
 */
#include "conf/config_schema.h"
#include "conf/config_storage.h"

enum { VERSION = 2, NUMBER_BYTES = 8, LENGTH_BYTES = 4, COUNT_BYTES = 2, WORD_BYTES = 1 };

static const char magic[] = "TGCF";

static void
put_text(struct buf *out, const char *text)
{
	struct span bytes = span_of(text);

	buf_append_number(out, bytes.length, LENGTH_BYTES);
	buf_append(out, bytes);
}

static void
encode_key(const void *owner, const struct config_key *key, struct buf *out)
{
	switch (key->kind) {
	case CONFIG_TEXT:
		put_text(out, config_get_text(owner, key));
		return;
	case CONFIG_LIST_OF_TEXTS: {
		const struct config_list *list = config_get_list(owner, key);

		buf_append_number(out, list->count, COUNT_BYTES);
		for (size_t i = 0; i < list->count; i++)
			put_text(out, list->items[i]);
		return;
	}
	case CONFIG_NUMBER:
	case CONFIG_SIZE:
	case CONFIG_DURATION:
		buf_append_number(out, config_get_number(owner, key), NUMBER_BYTES);
		return;
	case CONFIG_WORD:
		buf_append_number(out, config_get_word(owner, key), WORD_BYTES);
		return;
	}
}

static void
encode_table(const void *owner, enum config_table table, struct buf *out)
{
	for (size_t i = 0; i < config_key_count(table); i++)
		encode_key(owner, config_key_at(table, i), out);
}

void
config_encode(const struct config *config, struct buf *out)
{
	buf_append_text(out, magic);
	buf_append_number(out, VERSION, COUNT_BYTES);
	buf_append_number(out, config_key_count(CONFIG_FILE), COUNT_BYTES);
	encode_table(config, CONFIG_FILE, out);
	/* Those of `listen` are made of it again. */
	buf_append_number(out, config->listener_count - config->listen.count, COUNT_BYTES);
	for (size_t i = config->listen.count; i < config->listener_count; i++) {
		put_text(out, config->listeners[i].name);
		encode_table(&config->listeners[i], CONFIG_LISTENER, out);
	}
	buf_append_number(out, config->certificate_count, COUNT_BYTES);
	for (size_t i = 0; i < config->certificate_count; i++) {
		put_text(out, config->certificates[i].name);
		encode_table(&config->certificates[i], CONFIG_CERTIFICATE, out);
	}
}

static bool
take_text(struct config *config, struct span *rest, const char **text)
{
	uint64_t length;

	if (!span_take_number(rest, LENGTH_BYTES, &length) || length > rest->length || length > CONFIG_TEXT_BYTES)
		return false;
	struct span bytes = span_take(*rest, (size_t)length);
	*rest = span_skip(*rest, (size_t)length);
	if (span_find(bytes, '\0') < bytes.length)
		return false;
	*text = config_storage_text(config, bytes);
	return *text != NULL;
}

static bool
take_list(struct config *config, void *owner, const struct config_key *key, struct span *rest)
{
	struct config_list *list = config_list(owner, key);
	uint64_t count;

	if (!span_take_number(rest, COUNT_BYTES, &count) || count < key->lowest || count > key->highest)
		return false;
	if (!config_storage_list(config, list, (size_t)count))
		return false;
	for (size_t i = 0; i < list->count; i++)
		if (!take_text(config, rest, &list->items[i]))
			return false;
	return true;
}

static bool
take_number(void *owner, const struct config_key *key, struct span *rest)
{
	uint64_t scale = key->kind == CONFIG_DURATION ? 1000 : 1;
	uint64_t *number = config_number(owner, key);

	return span_take_number(rest, NUMBER_BYTES, number) && *number >= key->lowest * scale &&
	       *number <= key->highest * scale;
}

static bool
take_word(void *owner, const struct config_key *key, struct span *rest)
{
	uint64_t word;

	if (!span_take_number(rest, WORD_BYTES, &word) || !config_word_name(key, (unsigned)word))
		return false;
	config_set_word(owner, key, (unsigned)word);
	return true;
}

static bool
decode_key(struct config *config, void *owner, const struct config_key *key, struct span *rest)
{
	switch (key->kind) {
	case CONFIG_TEXT:
		return take_text(config, rest, config_text(owner, key));
	case CONFIG_LIST_OF_TEXTS:
		return take_list(config, owner, key, rest);
	case CONFIG_NUMBER:
	case CONFIG_SIZE:
	case CONFIG_DURATION:
		return take_number(owner, key, rest);
	case CONFIG_WORD:
		return take_word(owner, key, rest);
	}
	return false;
}

static bool
decode_table(struct config *config, void *owner, enum config_table table, struct span *rest)
{
	for (size_t i = 0; i < config_key_count(table); i++)
		if (!decode_key(config, owner, config_key_at(table, i), rest))
			return false;
	return true;
}

static bool
decode_listeners(struct config *config, struct span *rest)
{
	uint64_t count;

	if (!span_take_number(rest, COUNT_BYTES, &count) || count > CONFIG_SECTIONS_MAX)
		return false;
	struct config_listener *listeners = config_storage_listeners(config, (size_t)count);
	if (!listeners)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!take_text(config, rest, &listeners[i].name) ||
		    !decode_table(config, &listeners[i], CONFIG_LISTENER, rest))
			return false;
	return config->listener_count > 0;
}

static bool
decode_certificates(struct config *config, struct span *rest)
{
	uint64_t count;

	if (!span_take_number(rest, COUNT_BYTES, &count) || count > CONFIG_SECTIONS_MAX)
		return false;
	struct config_certificate *certificates = config_storage_certificates(config, (size_t)count);
	if (!certificates)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!take_text(config, rest, &certificates[i].name) ||
		    !decode_table(config, &certificates[i], CONFIG_CERTIFICATE, rest))
			return false;
	return true;
}

static bool
decode_all(struct config *config, struct span rest)
{
	uint64_t version;
	uint64_t count;

	if (!span_equal(span_take(rest, strlen(magic)), span_of(magic)))
		return false;
	rest = span_skip(rest, strlen(magic));
	if (!span_take_number(&rest, COUNT_BYTES, &version) || version != VERSION)
		return false;
	if (!span_take_number(&rest, COUNT_BYTES, &count) || count != config_key_count(CONFIG_FILE))
		return false;
	return decode_table(config, config, CONFIG_FILE, &rest) && decode_listeners(config, &rest) &&
	       decode_certificates(config, &rest) && rest.length == 0;
}

struct config *
config_decode(struct span bytes)
{
	struct config *config = config_storage_new();

	if (config && !decode_all(config, bytes)) {
		config_free(config);
		return NULL;
	}
	return config;
}
