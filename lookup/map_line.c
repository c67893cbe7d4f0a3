/* The lines of lookup/map_line.h: an address, a word that says where to, and what that word takes.
 *
 * Trust: the administrator's file. Pure but for memory.
 * On failure: a problem that names the file, the line, and what would be right.
 */
#include "lookup/map_line.h"

#include "lookup/mail_address.h"
#include "lookup/map_words.h"

/* The line at hand. */
struct line {
	struct map_entries *source;
	struct map_entry entry;
	struct span rest;
	bool is_wrong; /* a problem was added */
};

#define WRONG(line, ...)                                                                                               \
	do {                                                                                                           \
		(line)->is_wrong = true;                                                                               \
		MAP_PROBLEM((line)->source, &(line)->entry, __VA_ARGS__);                                              \
	} while (0)

static struct span
next_word(struct line *line)
{
	return map_words_next(&line->rest);
}

static void *
allocate(struct line *line, size_t size)
{
	void *memory = arena_alloc(&line->source->arena, size);

	if (!memory)
		WRONG(line, "there is not enough memory for the map; free some and try again");
	return memory;
}

static struct span
keep(struct line *line, struct span text)
{
	struct span copy = arena_copy(&line->source->arena, text);

	if (!copy.data)
		WRONG(line, "there is not enough memory for the map; free some and try again");
	return copy;
}

static void
refuse_rest(struct line *line)
{
	char quoted[PROBLEMS_QUOTE_SIZE];
	struct span word = next_word(line);

	if (word.length)
		WRONG(line, "\"%s\" is left over at the end of the line; take it out, or put # before a comment",
		    problems_quote(word, quoted));
}

/* What is wrong with an address that has no canonical form. */
static const char *
address_problem(enum mail_address_result result, struct span word)
{
	char domain[MAIL_DOMAIN_BYTES];
	size_t length;

	if (result != MAIL_ADDRESS_BAD_DOMAIN || span_find(word, '[') < word.length)
		return mail_address_problem(result);
	return mail_domain_problem(mail_domain_read(mail_address_written_domain(word), domain, &length));
}

/* The canonical form of an address of the file; the data is NULL after a problem. */
static struct span
take_address(struct line *line, struct span word)
{
	struct mail_address address;
	char quoted[PROBLEMS_QUOTE_SIZE];
	enum mail_address_result result = mail_address_canonical(word, line->source->keeps_local_case, &address);

	if (result != MAIL_ADDRESS_OK) {
		WRONG(line, "\"%s\" is not a mail address: %s", problems_quote(word, quoted),
		    address_problem(result, word));
		return span_make(NULL, 0);
	}
	if (address.is_literal) {
		WRONG(line,
		    "\"%s\" has an address literal for a domain, which the map cannot hold; write a domain name",
		    problems_quote(word, quoted));
		return span_make(NULL, 0);
	}
	if (map_is_wildcard(mail_address_span(&address))) {
		WRONG(line, "\"%s\" stands for a whole domain, not for an address; write the address itself",
		    problems_quote(word, quoted));
		return span_make(NULL, 0);
	}
	return keep(line, mail_address_span(&address));
}

/* "*@domain" or "@domain". */
static struct span
take_domain_address(struct line *line, struct span word)
{
	char bytes[2 + MAIL_DOMAIN_BYTES];
	size_t head = word.data[0] == '*' ? 2 : 1;
	char quoted[PROBLEMS_QUOTE_SIZE];
	size_t length = 0;
	enum mail_domain_result result = mail_domain_read(span_skip(word, head), bytes + head, &length);

	if (result != MAIL_DOMAIN_OK) {
		WRONG(line, "\"%s\" is not a mail address: %s", problems_quote(word, quoted),
		    mail_domain_problem(result));
		return span_make(NULL, 0);
	}
	memcpy(bytes, word.data, head);
	return keep(line, span_make(bytes, head + length));
}

/* Finds the root that an absolute path lies in, and what is left of it; the longest one, when roots lie in each other.
 */
static bool
find_root(const struct map_entries *source, struct span path, struct map_maildir *maildir)
{
	size_t longest = 0;

	for (unsigned i = 0; i < source->root_count; i++) {
		struct span root = source->roots[i];

		if (path.length <= root.length + 1 || root.length < longest || path.data[root.length] != '/' ||
		    !span_equal(span_take(path, root.length), root))
			continue;
		longest = root.length;
		maildir->root = i;
		maildir->path = span_skip(path, root.length + 1);
	}
	return longest > 0;
}

static bool
has_control(struct span text)
{
	for (size_t i = 0; i < text.length; i++)
		if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
			return true;
	return false;
}

/* What is wrong with a path, quotes taken off; NULL when it is right, and then in *maildir. */
static const char *
place_path(const struct map_entries *source, struct span path, struct map_maildir *maildir)
{
	if (path.length == 0 || has_control(path))
		return "is empty or holds a control character; write the folder's plain path";
	while (path.length > 1 && path.data[path.length - 1] == '/')
		path.length--;
	maildir->path = path;
	if (path.data[0] == '/' && !find_root(source, path, maildir))
		return "does not lie in a mailbox root; write one below `mailboxes`, or add its root to "
		       "`mailbox-roots` in "
		       "the configuration";
	if (!map_path_is_safe(maildir->path))
		return "has an empty, \".\" or \"..\" part, or one over 255 bytes; write the folder's plain path";
	return NULL;
}

static void
take_path(struct line *line, struct span word, struct map_maildir *maildir)
{
	char bytes[MAP_PATH_BYTES];
	char quoted[PROBLEMS_QUOTE_SIZE];
	struct span path = word;
	bool is_quoted = map_words_is_quoted(word);
	size_t length;

	/* One too long keeps its quotes, and is refused for its length. */
	if (is_quoted && map_words_unquote(word, bytes, sizeof bytes, &length))
		path = span_make(bytes, length);
	struct map_maildir placed = *maildir;
	const char *wrong = place_path(line->source, path, &placed);
	if (!is_quoted && span_find(word, '"') < word.length)
		wrong = "holds a double quote; a path with blanks stands in double quotes as a whole";
	if (wrong) {
		WRONG(line, "the path \"%s\" %s", problems_quote(path, quoted), wrong);
		return;
	}
	maildir->root = placed.root;
	maildir->path = keep(line, placed.path);
}

static void
parse_maildir(struct line *line)
{
	struct map_maildir maildir = { 0 };
	char quoted[PROBLEMS_QUOTE_SIZE];
	bool has_path = false;
	bool has_quota = false;

	for (struct span word = next_word(line); word.length; word = next_word(line)) {
		bool is_quota = span_equal(span_take(word, 6), SPAN("quota="));

		if (is_quota ? has_quota : has_path) {
			WRONG(line, "\"%s\" is one too many; maildir takes one path and one quota=SIZE",
			    problems_quote(word, quoted));
		} else if (!is_quota) {
			take_path(line, word, &maildir);
		} else if (!map_words_size(span_skip(word, 6), &maildir.quota_bytes)) {
			WRONG(line,
			    "\"%s\" is no quota; write a number above 0 with K, M, G or T behind it, such as quota=2G",
			    problems_quote(word, quoted));
		}
		has_path = has_path || !is_quota;
		has_quota = has_quota || is_quota;
	}
	line->entry.maildir = NULL;
	if (line->is_wrong || (!has_path && !has_quota))
		return;
	struct map_maildir *kept = allocate(line, sizeof *kept);
	if (kept)
		*kept = maildir;
	line->entry.maildir = kept;
}

static void
parse_alias(struct line *line)
{
	size_t count = map_words_count(line->rest);
	struct map_targets *targets = NULL;

	if (count == 0) {
		WRONG(line, "this alias leads nowhere; write one or more addresses of yours behind \"alias\"");
		return;
	}
	if (count > MAP_MAILBOXES_MAX) {
		WRONG(line, "this alias names %zu addresses; %d is the most, so split it", count, MAP_MAILBOXES_MAX);
		return;
	}
	targets = allocate(line, sizeof *targets);
	if (targets)
		targets->items = allocate(line, count * sizeof *targets->items);
	for (size_t i = 0; targets && targets->items && i < count; i++) {
		targets->items[i] = take_address(line, next_word(line));
		targets->count = i + 1;
	}
	line->entry.targets = targets;
}

static bool
is_printable_ascii(struct span text)
{
	for (size_t i = 0; i < text.length; i++)
		if (text.data[i] < 0x20 || text.data[i] >= 0x7f)
			return false;
	return true;
}

/* The words for the client: without quotes, printable ASCII. */
static void
parse_text(struct line *line, const char *word_name)
{
	char bytes[MAP_TEXT_BYTES];
	struct span word = next_word(line);
	size_t length = 0;

	line->entry.text = span_make("", 0);
	if (word.length == 0)
		return;
	if (!map_words_is_quoted(word)) {
		WRONG(line,
		    "what %s says must stand in double quotes on the same line, such as %s \"This address is closed.\"",
		    word_name, word_name);
		return;
	}
	if (!map_words_unquote(word, bytes, sizeof bytes, &length)) {
		WRONG(line, "the text is longer than %d characters, which a reply cannot carry; shorten it",
		    MAP_TEXT_BYTES);
		return;
	}
	if (!is_printable_ascii(span_make(bytes, length))) {
		WRONG(line, "the text holds a character that a reply cannot carry; use printable ASCII only");
		return;
	}
	line->entry.text = keep(line, span_make(bytes, length));
	refuse_rest(line);
}

/* Destinations that the language of the file has and this version does not. */
static void
refuse_future(struct line *line, struct span word)
{
	if (span_equal(word, SPAN("user")))
		WRONG(line,
		    "delivery to system users is not available in this version; write \"maildir\" with a path in a "
		    "mailbox root");
	else
		WRONG(line,
		    "next hops by %.*s are not available in this version; write \"maildir\" and let the other "
		    "system fetch the mail from there",
		    SPAN_ARG(word));
}

static void
parse_destination(struct line *line)
{
	char quoted[PROBLEMS_QUOTE_SIZE];
	struct span word = next_word(line);

	if (word.length == 0) {
		WRONG(line,
		    "no destination is given; write maildir, alias ADDRESS, refuse \"TEXT\" or defer \"TEXT\" behind "
		    "the address");
	} else if (span_equal(word, SPAN("user")) || span_equal(word, SPAN("lmtp")) || span_equal(word, SPAN("smtp"))) {
		refuse_future(line, word);
	} else if (line->entry.address.data && line->entry.address.data[0] == '@') {
		WRONG(line, "\"%.*s\" would stand for a whole domain at a next hop; for a catch-all write \"*%.*s\"",
		    SPAN_ARG(line->entry.address), SPAN_ARG(line->entry.address));
	} else if (span_equal(word, SPAN("maildir"))) {
		line->entry.destination = MAP_TO_MAILDIR;
		parse_maildir(line);
	} else if (span_equal(word, SPAN("alias"))) {
		line->entry.destination = MAP_TO_ALIAS;
		parse_alias(line);
	} else if (span_equal(word, SPAN("refuse"))) {
		line->entry.destination = MAP_TO_REFUSE;
		parse_text(line, "refuse");
	} else if (span_equal(word, SPAN("defer"))) {
		line->entry.destination = MAP_TO_DEFER;
		parse_text(line, "defer");
	} else {
		WRONG(line, "\"%s\" is not a destination; those are maildir, alias, refuse and defer",
		    problems_quote(word, quoted));
	}
}

void
map_line_parse(struct map_entries *source, unsigned file, unsigned number, struct span text)
{
	struct line line = { .source = source, .entry = { .file = file, .line = number }, .rest = text };
	struct span word = next_word(&line);

	if (word.length == 0)
		return;
	if (span_find(text, '\0') < text.length) {
		WRONG(&line, "this line holds a NUL byte; the recipients file must be plain text");
		return;
	}
	bool is_domain = word.data[0] == '@' || map_is_wildcard(word);
	line.entry.address = is_domain ? take_domain_address(&line, word) : take_address(&line, word);
	parse_destination(&line);
	if (line.is_wrong)
		line.entry.destination = MAP_TO_NOTHING;
	if (line.entry.address.data && !map_entries_add(source, &line.entry))
		MAP_PROBLEM(source, &line.entry, "there is not enough memory for the map; free some and try again");
}
