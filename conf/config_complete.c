/* What the file leaves out: the schema's presets, the system's host name, the system's resolvers; and a problem for
 * each key that nobody else can know.
 *
 * Trust: /etc/resolv.conf and the host name are the system's.
 * On failure: a problem with the remedy; without /etc/resolv.conf a warning in the log.
 */
#include <errno.h>
#include <unistd.h>

#include "lib/log.h"
#include "conf/config_reader.h"
#include "conf/config_storage.h"
#include "conf/config_value.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define LOCAL_RESOLVER "127.0.0.1:53"

enum { RESOLV_CONF_BYTES = 65536, HOSTNAME_BYTES = 256, RESOLVERS_BYTES = 1024 };

struct needed {
	const char *key;
	const char *example;
};

static const struct needed needed_keys[] = {
	{ "recipients", "recipients = \"/etc/tidegate/recipients\"" },
	{ "mailboxes", "mailboxes = \"/var/mail/tidegate\"" },
	{ "state", "state = \"/var/lib/tidegate\"" },
};

static bool
is_given(const struct config_reader *reader, const struct config_key *key)
{
	return reader->place->key_lines[config_key_index(reader->place->table, key)] != 0;
}

static const struct config_key *
key_named(const char *name)
{
	return config_key_find(CONFIG_FILE, span_of(name));
}

static void
complete_needed(struct config_reader *reader)
{
	for (size_t i = 0; i < sizeof needed_keys / sizeof needed_keys[0]; i++)
		if (!is_given(reader, key_named(needed_keys[i].key)))
			CONFIG_PROBLEM(reader, reader->last_line, "%s is missing; add a line such as %s",
			    needed_keys[i].key, needed_keys[i].example);
}

static void
complete_listeners(struct config_reader *reader)
{
	if (reader->config->listener_count == 0)
		CONFIG_PROBLEM(reader, reader->last_line,
		    "listen is missing, and so is every listener section; add a line such as listen = {\"0.0.0.0:25\", "
		    "\"[::]:25\"}");
}

static void
complete_hostname(struct config_reader *reader)
{
	char name[HOSTNAME_BYTES] = "";
	char quoted[PROBLEMS_QUOTE_SIZE];

	(void)gethostname(name, sizeof name - 1);
	struct span text = span_of(name);
	if (config_is_domain(text) && span_find(text, '.') < text.length) {
		reader->config->hostname = config_storage_text(reader->config, text);
		if (reader->config->hostname)
			return;
		reader->config->hostname = "";
	}
	CONFIG_PROBLEM(reader, reader->last_line,
	    "hostname is missing, and the system's own name, \"%s\", is not a full one; add a line such as "
	    "hostname = \"mx.example.org\"",
	    problems_quote(text, quoted));
}

static void
store_resolvers(struct config_reader *reader, struct span lines, size_t count)
{
	struct config_list *list = &reader->config->resolvers;

	if (!config_storage_list(reader->config, list, count)) {
		CONFIG_PROBLEM(reader, 0u, "there is not enough memory to read it; free some and try again");
		return;
	}
	for (size_t i = 0; i < count; i++) {
		size_t length = span_find(lines, '\n');
		const char *text = config_storage_text(reader->config, span_take(lines, length));

		list->items[i] = text ? text : LOCAL_RESOLVER;
		lines = span_skip(lines, length + 1);
	}
}

static void
complete_resolvers(struct config_reader *reader)
{
	const struct config_key *key = key_named("resolvers");
	struct buf file = BUF_LIMIT(0);
	struct buf lines = BUF_LIMIT(RESOLVERS_BYTES);
	bool was_read = config_read_file(RESOLV_CONF, RESOLV_CONF_BYTES, &file);
	const char *reason = was_read ? "names no usable nameserver" : strerror(errno);
	size_t count = was_read ? config_resolvers_of(buf_span(&file), key->highest, &lines) : 0;

	if (count == 0) {
		log_warning("%s: resolvers is not set and " RESOLV_CONF " gives none (%s); " LOCAL_RESOLVER
			    " is used; set resolvers = {\"ADDRESS:PORT\"}",
		    reader->path, reason);
		buf_append_text(&lines, LOCAL_RESOLVER "\n");
		count = 1;
	}
	store_resolvers(reader, buf_span(&lines), count);
	buf_free(&lines);
	buf_free(&file);
}

void
config_complete_presets(struct config_reader *reader)
{
	for (size_t i = 0; i < config_key_count(reader->place->table); i++) {
		const struct config_key *key = config_key_at(reader->place->table, i);
		struct config_value preset = { 0, span_of(key->preset) };

		if (!is_given(reader, key) && preset.text.length)
			config_take(reader, key, &preset, 1);
	}
}

static bool
lies_inside(const char *folder, const char *other)
{
	size_t length = strlen(other);

	/* A missing key is "". */
	return length && strncmp(folder, other, length) == 0 && folder[length] == '/';
}

/* A mailbox in two roots would have two names: a message that reaches it by both would be there twice. */
static void
check_pair(struct config_reader *reader, unsigned line, const char *a, const char *b)
{
	const char *inner = lies_inside(a, b) ? a : b;
	const char *outer = inner == a ? b : a;

	if (lies_inside(inner, outer))
		CONFIG_PROBLEM(reader, line,
		    "\"%s\" lies inside of \"%s\"; mailbox roots must stand apart: take one of them out", inner, outer);
}

static void
check_roots(struct config_reader *reader)
{
	const struct config *config = reader->config;
	const struct config_list *roots = &config->mailbox_roots;
	unsigned line = reader->place->key_lines[config_key_index(CONFIG_FILE, key_named("mailbox-roots"))];

	for (size_t i = 0; i < roots->count; i++) {
		if (strcmp(roots->items[i], config->mailboxes) == 0)
			CONFIG_PROBLEM(reader, line,
			    "mailbox-roots lists \"%s\", which is already the mailboxes folder; take it out of the "
			    "list",
			    config->mailboxes);
		check_pair(reader, line, roots->items[i], config->mailboxes);
		for (size_t j = 0; j < i; j++)
			check_pair(reader, line, roots->items[i], roots->items[j]);
	}
}

/* Two places that know passwords would leave open which of them counts. */
static void
check_auth(struct config_reader *reader)
{
	const struct config *config = reader->config;
	unsigned line = reader->place->key_lines[config_key_index(CONFIG_FILE, key_named("auth-socket"))];

	if (*config->users && *config->auth_socket)
		CONFIG_PROBLEM(reader, line,
		    "users and auth-socket are both set; passwords can be checked by one of them only: take the other "
		    "out");
}

void
config_complete(struct config_reader *reader)
{
	if (!reader->config)
		return;
	config_complete_presets(reader);
	check_roots(reader);
	check_auth(reader);
	/* Behind a syntax error, keys that seem missing may only be out of sight. */
	if (reader->is_cut_short)
		return;
	complete_listeners(reader);
	complete_needed(reader);
	if (!is_given(reader, key_named("hostname")))
		complete_hostname(reader);
	if (!is_given(reader, key_named("resolvers")))
		complete_resolvers(reader);
}
