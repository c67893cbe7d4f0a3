/* The value rules of conf/config_value.h that are common to all keys of a kind: numbers, quoting, paths.
 *
 * Trust: the administrator's file. Pure.
 * On failure: see conf/config_value.h.
 */
#include "conf/config_value.h"

#include "lib/peer.h"

enum { RESOLVER_PORT = 53 };

/* What a letter behind a number multiplies it with; 0 for a letter that the kind does not know. */
static uint64_t
unit_of(enum config_kind kind, char letter)
{
	static const char sizes[] = "kmg";
	static const uint64_t bytes[] = { 1u << 10, 1u << 20, 1u << 30 };
	static const char durations[] = "smhd";
	static const uint64_t seconds[] = { 1, 60, 3600, 86400 };
	const char *letters = kind == CONFIG_SIZE ? sizes : kind == CONFIG_DURATION ? durations : "";
	const uint64_t *units = kind == CONFIG_SIZE ? bytes : seconds;

	for (size_t i = 0; letters[i]; i++)
		if (letters[i] == span_lower(letter))
			return units[i];
	return 0;
}

bool
config_parse_number(enum config_kind kind, struct span text, uint64_t *number)
{
	uint64_t value = 0;
	size_t i = 0;

	for (; i < text.length && text.data[i] >= '0' && text.data[i] <= '9'; i++) {
		uint64_t digit = (uint64_t)(text.data[i] - '0');

		if (value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (i == 0 || text.length > i + 1)
		return false;
	if (i < text.length) {
		uint64_t unit = unit_of(kind, text.data[i]);

		if (unit == 0 || value > UINT64_MAX / unit)
			return false;
		value *= unit;
	}
	*number = value;
	return true;
}

static const char *
number_form(enum config_kind kind)
{
	if (kind == CONFIG_SIZE)
		return "a whole number of bytes, with K, M or G behind it if you like";
	if (kind == CONFIG_DURATION)
		return "a whole number of seconds, or one with s, m, h or d behind it";
	return "a whole number";
}

static const char *
number_unit(enum config_kind kind)
{
	if (kind == CONFIG_SIZE)
		return " bytes";
	return kind == CONFIG_DURATION ? " seconds" : "";
}

bool
config_check_number(const struct config_key *key, struct span text, uint64_t *number, struct buf *why)
{
	char quoted[PROBLEMS_QUOTE_SIZE];
	uint64_t value;

	if (!config_parse_number(key->kind, text, &value)) {
		buf_printf(why, "%s is \"%s\"; it must be %s", key->name, problems_quote(text, quoted),
		    number_form(key->kind));
		return false;
	}
	if (value < key->lowest || value > key->highest) {
		buf_printf(why, "%s is %s, out of range; it must be from %llu to %llu%s", key->name,
		    problems_quote(text, quoted), (unsigned long long)key->lowest, (unsigned long long)key->highest,
		    number_unit(key->kind));
		return false;
	}
	*number = value;
	return true;
}

void
config_quote(struct buf *out, struct span value)
{
	buf_append_char(out, '"');
	for (size_t i = 0; i < value.length; i++) {
		char c = value.data[i];

		/* "\$" keeps "${" from being taken for an environment variable. */
		if (c == '"' || c == '\\' || c == '$')
			buf_append_char(out, '\\');
		buf_append_char(out, c);
	}
	buf_append_char(out, '"');
}

/* Appends the components of a path that say something, each behind a slash. */
static void
append_components(struct span path, struct buf *out)
{
	while (path.length) {
		size_t length = span_find(path, '/');
		struct span component = span_take(path, length);

		path = span_skip(path, length + 1);
		if (component.length == 0 || span_equal(component, SPAN(".")))
			continue;
		buf_append_char(out, '/');
		buf_append(out, component);
	}
}

void
config_absolute_path(struct span base, struct span path, struct buf *out)
{
	size_t before = out->length;

	if (path.length == 0 || path.data[0] != '/')
		append_components(base, out);
	append_components(path, out);
	if (out->length == before)
		buf_append_char(out, '/');
}

static struct span
next_word(struct span *line)
{
	size_t length = 0;

	*line = span_trim(*line);
	while (length < line->length && line->data[length] != ' ' && line->data[length] != '\t')
		length++;
	struct span word = span_take(*line, length);
	*line = span_skip(*line, length);
	return word;
}

size_t
config_resolvers_of(struct span resolv_conf, size_t most, struct buf *out)
{
	size_t count = 0;

	while (resolv_conf.length && count < most) {
		size_t length = span_find(resolv_conf, '\n');
		struct span line = span_take(resolv_conf, length);
		struct peer_address resolver;
		char text[PEER_TEXT_SIZE];

		resolv_conf = span_skip(resolv_conf, length + 1);
		if (!span_equal(next_word(&line), SPAN("nameserver")))
			continue;
		/* A link-local address with its interface ("fe80::1%eth0") has no meaning behind the walls. */
		if (!peer_parse_ip(next_word(&line), &resolver))
			continue;
		resolver.port = RESOLVER_PORT;
		peer_format(&resolver, text);
		buf_printf(out, "%s\n", text);
		count++;
	}
	return count;
}
