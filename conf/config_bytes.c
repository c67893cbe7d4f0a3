/* The configuration as bytes for the child processes.
 *
 * "TGCF" · version · number of keys · the values in the order of the schema: texts and items with a u32 length, lists
 * with a u16 count, numbers as u64, words as u8; all integers big-endian. A child is the same build as its master, so
 * any difference is refused.
 *
 * Trust: the bytes come from the master in a sealed memory file; they are checked as if they did not. Pure.
 * On failure: config_decode gives NULL; config_encode the buffer's sticky error.
 */
#include "conf/config_schema.h"
#include "conf/config_storage.h"

enum { VERSION = 1, NUMBER_BYTES = 8, LENGTH_BYTES = 4, COUNT_BYTES = 2, WORD_BYTES = 1 };

static const char magic[] = "TGCF";

static void
put(struct buf *out, uint64_t value, unsigned bytes)
{
	while (bytes-- > 0)
		buf_append_char(out, (char)(value >> (8 * bytes) & 0xff));
}

static void
put_text(struct buf *out, const char *text)
{
	struct span bytes = span_of(text);

	put(out, bytes.length, LENGTH_BYTES);
	buf_append(out, bytes);
}

static void
encode_key(const struct config *config, const struct config_key *key, struct buf *out)
{
	switch (key->kind) {
	case CONFIG_TEXT:
		put_text(out, config_get_text(config, key));
		return;
	case CONFIG_LIST_OF_TEXTS: {
		const struct config_list *list = config_get_list(config, key);

		put(out, list->count, COUNT_BYTES);
		for (size_t i = 0; i < list->count; i++)
			put_text(out, list->items[i]);
		return;
	}
	case CONFIG_NUMBER:
	case CONFIG_SIZE:
	case CONFIG_DURATION:
		put(out, config_get_number(config, key), NUMBER_BYTES);
		return;
	case CONFIG_FLAG:
	case CONFIG_ACTION:
	case CONFIG_WALLS:
	case CONFIG_RESOLVER_DOWN:
	case CONFIG_LETTER_CASE:
	case CONFIG_BARE_NEWLINE:
	case CONFIG_TLS_POLICY:
		put(out, config_get_word(config, key), WORD_BYTES);
		return;
	}
}

void
config_encode(const struct config *config, struct buf *out)
{
	buf_append_text(out, magic);
	put(out, VERSION, COUNT_BYTES);
	put(out, config_key_count(), COUNT_BYTES);
	for (size_t i = 0; i < config_key_count(); i++)
		encode_key(config, config_key_at(i), out);
}

static bool
take(struct span *rest, unsigned bytes, uint64_t *value)
{
	if (rest->length < bytes)
		return false;
	*value = 0;
	for (unsigned i = 0; i < bytes; i++)
		*value = *value << 8 | (unsigned char)rest->data[i];
	*rest = span_skip(*rest, bytes);
	return true;
}

static bool
take_text(struct config *config, struct span *rest, const char **text)
{
	uint64_t length;

	if (!take(rest, LENGTH_BYTES, &length) || length > rest->length || length > CONFIG_TEXT_BYTES)
		return false;
	struct span bytes = span_take(*rest, (size_t)length);
	*rest = span_skip(*rest, (size_t)length);
	if (span_find(bytes, '\0') < bytes.length)
		return false;
	*text = config_storage_text(config, bytes);
	return *text != NULL;
}

static bool
take_list(struct config *config, const struct config_key *key, struct span *rest)
{
	struct config_list *list = config_list(config, key);
	uint64_t count;

	if (!take(rest, COUNT_BYTES, &count) || count < key->lowest || count > key->highest)
		return false;
	if (!config_storage_list(config, list, (size_t)count))
		return false;
	for (size_t i = 0; i < list->count; i++)
		if (!take_text(config, rest, &list->items[i]))
			return false;
	return true;
}

static bool
take_number(struct config *config, const struct config_key *key, struct span *rest)
{
	uint64_t scale = key->kind == CONFIG_DURATION ? 1000 : 1;
	uint64_t *number = config_number(config, key);

	return take(rest, NUMBER_BYTES, number) && *number >= key->lowest * scale && *number <= key->highest * scale;
}

static bool
take_word(struct config *config, const struct config_key *key, struct span *rest)
{
	uint64_t word;

	if (!take(rest, WORD_BYTES, &word) || !config_word_name(key->kind, (unsigned)word))
		return false;
	config_set_word(config, key, (unsigned)word);
	return true;
}

static bool
decode_key(struct config *config, const struct config_key *key, struct span *rest)
{
	switch (key->kind) {
	case CONFIG_TEXT:
		return take_text(config, rest, config_text(config, key));
	case CONFIG_LIST_OF_TEXTS:
		return take_list(config, key, rest);
	case CONFIG_NUMBER:
	case CONFIG_SIZE:
	case CONFIG_DURATION:
		return take_number(config, key, rest);
	case CONFIG_FLAG:
	case CONFIG_ACTION:
	case CONFIG_WALLS:
	case CONFIG_RESOLVER_DOWN:
	case CONFIG_LETTER_CASE:
	case CONFIG_BARE_NEWLINE:
	case CONFIG_TLS_POLICY:
		return take_word(config, key, rest);
	}
	return false;
}

static bool
decode_all(struct config *config, struct span rest)
{
	uint64_t version;
	uint64_t count;

	if (!span_equal(span_take(rest, strlen(magic)), span_of(magic)))
		return false;
	rest = span_skip(rest, strlen(magic));
	if (!take(&rest, COUNT_BYTES, &version) || version != VERSION)
		return false;
	if (!take(&rest, COUNT_BYTES, &count) || count != config_key_count())
		return false;
	for (size_t i = 0; i < config_key_count(); i++)
		if (!decode_key(config, config_key_at(i), &rest))
			return false;
	return rest.length == 0;
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
