/* The sections of a configuration file: listener "NAME" { ... } and certificate "NAME" { ... }.
 *
 * libconfuse 3.3 forgets a section when another of the same title comes, and stops at the first one that it does not
 * know. So they are cut out of the text, and libconfuse is given the inside of each by itself.
 *
 * Trust: the administrator's file, cleaned by config_text.
 * On failure: a problem with the line of the key, or of the section when the key is missing.
 */
#include "conf/config_reader.h"
#include "conf/config_storage.h"
#include "conf/config_text.h"
#include "lib/peer.h"

enum { NAME_BYTES = 253 };

void
config_sections_blank(struct span text, struct buf *out)
{
	struct config_scan scan = { .rest = text, .line = 1 };
	struct config_section section;
	const char *at = text.data;

	while (config_text_next_section(&scan, &section)) {
		buf_append(out, span_make(at, (size_t)(section.begin - at)));
		for (at = section.begin; at < section.end; at++)
			buf_append_char(out, *at == '\n' ? '\n' : ' ');
	}
	buf_append(out, span_make(at, text.length - (size_t)(at - text.data)));
}

static unsigned
line_of(const struct config_reader *reader, const char *name)
{
	enum config_table table = reader->place->table;

	return reader->place->key_lines[config_key_index(table, config_key_find(table, span_of(name)))];
}

static bool
is_name(struct span title, bool may_be_wildcard)
{
	for (size_t i = 0; i < title.length; i++) {
		char c = title.data[i];
		bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
				(c != '\0' && strchr("-_.", c));

		if (!is_plain && !(may_be_wildcard && c == '*'))
			return false;
	}
	return title.length > 0 && title.length <= NAME_BYTES;
}

/* The section's name, kept; "" after a problem. */
static const char *
take_name(struct config_reader *reader, const struct config_section *section)
{
	enum config_table table = reader->place->table;
	const char *word = config_section_word(table);
	char quoted[PROBLEMS_QUOTE_SIZE];
	const char *name = NULL;

	if (!section->has_title)
		CONFIG_PROBLEM(reader, section->line, "this %s has no name; write %s \"NAME\" { KEY = \"VALUE\" ... }",
		    word, word);
	else if (!is_name(section->title, table == CONFIG_CERTIFICATE))
		CONFIG_PROBLEM(reader, section->line,
		    "the %s's name is \"%s\"; it must be made of letters, digits, \".\", \"-\" and \"_\"", word,
		    problems_quote(section->title, quoted));
	else
		name = config_storage_text(reader->config, section->title);
	return name ? name : "";
}

/* Fills one section's struct from its inside. */
static void
take_inside(struct config_reader *reader, const struct config_section *section)
{
	struct buf inside = BUF_LIMIT(CONFIG_FILE_BYTES + 1);

	/* So that libconfuse counts the file's lines. */
	for (unsigned line = 1; line < section->body_line; line++)
		buf_append_char(&inside, '\n');
	buf_append(&inside, section->body);
	config_parse(reader, buf_span(&inside));
	config_complete_presets(reader);
	buf_free(&inside);
}

/* Without the key, and nothing said of it so far. */
static bool
lacks(const struct config_reader *reader, const char *key)
{
	return line_of(reader, key) == 0 && !reader->is_cut_short;
}

static void
check_proxies(
    struct config_reader *reader, const struct config_section *section, const struct config_listener *listener)
{
	bool has_proxies = listener->proxy_from.count > 0;

	if (listener->proxy_protocol && !has_proxies)
		CONFIG_PROBLEM(reader, section->line,
		    "listener \"%s\" has proxy-protocol = true, but no proxy-from; nobody else may claim to be "
		    "somebody: "
		    "add the networks of the proxies, such as proxy-from = {\"10.0.0.0/8\"}",
		    listener->name);
	if (!listener->proxy_protocol && has_proxies)
		CONFIG_PROBLEM(reader, line_of(reader, "proxy-from"),
		    "proxy-from has no meaning without proxy-protocol = true; add that, or take proxy-from out");
}

/* Two listeners cannot be told apart by name, or cannot be bound. */
static void
check_doubled(
    struct config_reader *reader, const struct config_section *section, const struct config_listener *listener)
{
	struct peer_address address = { 0 };
	struct peer_address other;

	(void)peer_parse(span_of(listener->address), &address);
	for (const struct config_listener *before = reader->config->listeners; before < listener; before++) {
		if (listener->name[0] && strcmp(before->name, listener->name) == 0)
			CONFIG_PROBLEM(reader, section->line,
			    "there are two listeners named \"%s\"; give one of them another name", listener->name);
		if (address.family && peer_parse(span_of(before->address), &other) && peer_equal(&address, &other))
			CONFIG_PROBLEM(reader, line_of(reader, "address"),
			    "address is \"%s\", which is already that of listener \"%s\"; keep one of them",
			    listener->address, before->name);
	}
}

static void
take_listener(struct config_reader *reader, const struct config_section *section, struct config_listener *listener)
{
	size_t problems = reader->problems.count;

	listener->name = take_name(reader, section);
	take_inside(reader, section);
	if (lacks(reader, "address"))
		CONFIG_PROBLEM(reader, section->line,
		    "listener \"%s\" has no address; add one, such as address = \"0.0.0.0:25\"", listener->name);
	if (listener->role == LISTENER_SUBMISSION && listener->tls == LISTENER_TLS_OFF)
		CONFIG_PROBLEM(reader, line_of(reader, "tls"),
		    "a submission listener cannot have tls = off, since passwords would be sent in clear; write "
		    "tls = \"starttls\" or tls = \"implicit\"");
	/* Of a list that was wrong, nothing may be left. */
	if (reader->problems.count == problems)
		check_proxies(reader, section, listener);
	check_doubled(reader, section, listener);
}

static void
take_certificate(
    struct config_reader *reader, const struct config_section *section, struct config_certificate *certificate)
{
	certificate->name = take_name(reader, section);
	take_inside(reader, section);
	if (lacks(reader, "chain"))
		CONFIG_PROBLEM(reader, section->line,
		    "certificate \"%s\" has no chain; add the PEM file of the certificate and those above it, such as "
		    "chain = \"/etc/tidegate/chain.pem\"",
		    certificate->name);
	if (lacks(reader, "key"))
		CONFIG_PROBLEM(reader, section->line,
		    "certificate \"%s\" has no key; add the PEM file of its private key, such as "
		    "key = \"/etc/tidegate/key.pem\"",
		    certificate->name);
}

static void
complain_unknown(struct config_reader *reader, const struct config_section *section)
{
	char quoted[PROBLEMS_QUOTE_SIZE];

	CONFIG_PROBLEM(reader, section->line,
	    "\"%s\" begins no section that is known here; there are listener \"NAME\" { ... } and certificate \"NAME\" "
	    "{ "
	    "... }",
	    problems_quote(section->word, quoted));
}

/* Counts the sections of each kind, and complains of those of no kind. */
static void
count_sections(struct config_reader *reader, struct span text, size_t counts[static CONFIG_TABLE_COUNT])
{
	struct config_scan scan = { .rest = text, .line = 1 };
	struct config_section section;
	enum config_table table;

	while (config_text_next_section(&scan, &section)) {
		if (!section.is_closed) {
			CONFIG_PROBLEM(reader, section.line, "this section has no end; close it with }");
			reader->is_cut_short = true;
		}
		if (!config_section_find(section.word, &table))
			complain_unknown(reader, &section);
		else if (++counts[table] == CONFIG_SECTIONS_MAX + 1)
			CONFIG_PROBLEM(reader, section.line,
			    "there are more than %d sections of this kind; take some out", (int)CONFIG_SECTIONS_MAX);
	}
	for (size_t i = 0; i < CONFIG_TABLE_COUNT; i++)
		if (counts[i] > CONFIG_SECTIONS_MAX)
			counts[i] = CONFIG_SECTIONS_MAX;
}

void
config_sections_read(struct config_reader *reader, struct span text)
{
	struct config_place *outside = reader->place;
	struct config_scan scan = { .rest = text, .line = 1 };
	size_t counts[CONFIG_TABLE_COUNT] = { 0 };
	size_t taken[CONFIG_TABLE_COUNT] = { 0 };
	struct config_section section;
	enum config_table table;

	if (!reader->config)
		return;
	count_sections(reader, text, counts);
	struct config_listener *listeners = config_storage_listeners(reader->config, counts[CONFIG_LISTENER]);
	struct config_certificate *certificates =
	    config_storage_certificates(reader->config, counts[CONFIG_CERTIFICATE]);
	if (!listeners || !certificates) {
		CONFIG_PROBLEM(reader, 0u, "there is not enough memory to read it; free some and try again");
		return;
	}
	while (config_text_next_section(&scan, &section)) {
		if (!config_section_find(section.word, &table) || taken[table] == counts[table])
			continue;
		size_t index = taken[table]++;
		struct config_place inside = { .table = table };

		reader->place = &inside;
		if (table == CONFIG_LISTENER) {
			inside.owner = &listeners[index];
			take_listener(reader, &section, &listeners[index]);
		} else {
			inside.owner = &certificates[index];
			take_certificate(reader, &section, &certificates[index]);
		}
	}
	reader->place = outside;
}
