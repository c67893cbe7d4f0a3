/* The text passes of conf/config_text.h: one that blanks comments and finds what libconfuse would swallow, one that
 * lists the keys, one that lists the sections.
 *
 * Trust: the administrator's file. Pure.
 * On failure: see conf/config_text.h.
 */
#include "conf/config_text.h"

struct cleaner {
	struct span rest;
	unsigned line;
	const char *file;
	struct problems *problems;
	struct buf *clean;
};

static bool
is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("-_.:/[]@%", c));
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
starts(struct span text, const char *with)
{
	struct span prefix = span_of(with);

	return text.length >= prefix.length && span_equal(span_take(text, prefix.length), prefix);
}

/* Moves n bytes over to the clean text, as they are or as spaces (line ends stay). */
static void
pass(struct cleaner *cleaner, size_t n, bool as_spaces)
{
	for (size_t i = 0; i < n; i++) {
		char c = cleaner->rest.data[i];

		if (c == '\n')
			cleaner->line++;
		buf_append_char(cleaner->clean, as_spaces && c != '\n' ? ' ' : c);
	}
	cleaner->rest = span_skip(cleaner->rest, n);
}

static bool
complain(struct cleaner *cleaner, unsigned line, const char *message)
{
	problems_add(cleaner->problems, span_of(cleaner->file), 0, line, "%s", message);
	return false;
}

static bool
clean_block_comment(struct cleaner *cleaner)
{
	unsigned line = cleaner->line;

	pass(cleaner, 2, true);
	while (cleaner->rest.length && !starts(cleaner->rest, "*/"))
		pass(cleaner, 1, true);
	if (cleaner->rest.length == 0)
		return complain(cleaner, line, "this comment has no end; close it with */");
	pass(cleaner, 2, true);
	return true;
}

/* libconfuse ends a value at a NUL that is written as a number, and drops a backslash that means nothing. */
static bool
is_wrong_escape(struct span text)
{
	return text.length > 1 && text.data[0] == '\\' && !strchr("\\\"$'\n", text.data[1]);
}

static bool
complain_escape(struct cleaner *cleaner, unsigned line)
{
	char quoted[PROBLEMS_QUOTE_SIZE];

	problems_add(cleaner->problems, span_of(cleaner->file), 0, line,
	    "\"%s\" has no meaning; a backslash itself is written \\\\",
	    problems_quote(span_take(cleaner->rest, 2), quoted));
	return false;
}

static bool
clean_string(struct cleaner *cleaner)
{
	char quote = cleaner->rest.data[0];
	unsigned line = cleaner->line;
	bool is_clean = true;

	pass(cleaner, 1, false);
	while (cleaner->rest.length && cleaner->rest.data[0] != quote && cleaner->rest.data[0] != '\n') {
		char c = cleaner->rest.data[0];

		if (quote == '"' && is_clean && starts(cleaner->rest, "${"))
			is_clean = complain(cleaner, line,
			    "environment variables are not put into values; write the value itself, or \\$ for a "
			    "dollar sign");
		if (quote == '"' && is_clean && is_wrong_escape(cleaner->rest))
			is_clean = complain_escape(cleaner, line);
		pass(cleaner, c == '\\' && cleaner->rest.length > 1 && cleaner->rest.data[1] != '\n' ? 2 : 1, false);
	}
	if (!starts(cleaner->rest, quote == '"' ? "\"" : "'"))
		return complain(cleaner, line, "this quoted value has no end on its line; close it with a quote");
	pass(cleaner, 1, false);
	return is_clean;
}

static bool
is_inside_word(const struct cleaner *cleaner)
{
	size_t length = cleaner->clean->length;

	return length && is_word_char(cleaner->clean->data[length - 1]);
}

static bool
clean_one(struct cleaner *cleaner)
{
	struct span rest = cleaner->rest;
	char c = rest.data[0];

	if (is_inside_word(cleaner) && (starts(rest, "//") || starts(rest, "/*"))) {
		pass(cleaner, 2, true);
		return complain(
		    cleaner, cleaner->line, "a comment cannot begin inside a word; write the value as \"...\"");
	}
	if (c == '#' || starts(rest, "//")) {
		pass(cleaner, span_find(rest, '\n'), true);
		return true;
	}
	if (starts(rest, "/*"))
		return clean_block_comment(cleaner);
	if (c == '"' || c == '\'')
		return clean_string(cleaner);
	if (starts(rest, "+=")) {
		pass(cleaner, 2, false);
		return true;
	}
	if (!is_word_char(c) && !is_blank(c) && c != '=' && c != '{' && c != '}' && c != ',') {
		char quoted[PROBLEMS_QUOTE_SIZE];

		problems_add(cleaner->problems, span_of(cleaner->file), 0, cleaner->line,
		    "\"%s\" cannot stand outside quotes; write the value as \"...\"",
		    problems_quote(span_take(rest, 1), quoted));
		pass(cleaner, 1, true);
		return false;
	}
	pass(cleaner, 1, false);
	return true;
}

bool
config_text_clean(struct span text, const char *file, struct problems *problems, struct buf *clean)
{
	struct cleaner cleaner = { text, 1, file, problems, clean };
	bool is_clean = true;

	if (span_find(text, '\0') < text.length)
		return complain(
		    &cleaner, 1, "this file holds a NUL byte, so it is not a configuration; write plain text");
	while (cleaner.rest.length)
		is_clean = clean_one(&cleaner) && is_clean;
	return is_clean && buf_ok(clean);
}

static void
scan_skip(struct config_scan *scan, size_t n)
{
	for (size_t i = 0; i < n && i < scan->rest.length; i++)
		scan->line += scan->rest.data[i] == '\n';
	scan->rest = span_skip(scan->rest, n);
}

static void
scan_blanks(struct config_scan *scan)
{
	while (scan->rest.length && is_blank(scan->rest.data[0]))
		scan_skip(scan, 1);
}

static void
scan_string(struct config_scan *scan)
{
	char quote = scan->rest.data[0];

	scan_skip(scan, 1);
	while (scan->rest.length && scan->rest.data[0] != quote)
		scan_skip(scan, scan->rest.data[0] == '\\' ? 2 : 1);
	scan_skip(scan, 1);
}

static struct span
scan_word(struct config_scan *scan)
{
	size_t length = 0;

	while (length < scan->rest.length && is_word_char(scan->rest.data[length]))
		length++;
	struct span word = span_take(scan->rest, length);
	scan_skip(scan, length);
	return word;
}

bool
config_text_next(struct config_scan *scan, struct config_assignment *assignment)
{
	while (scan->rest.length) {
		char c = scan->rest.data[0];

		if (c == '"' || c == '\'') {
			scan_string(scan);
			continue;
		}
		if (!is_word_char(c)) {
			scan_skip(scan, 1);
			continue;
		}
		assignment->line = scan->line;
		assignment->key = scan_word(scan);
		scan_blanks(scan);
		assignment->is_append = starts(scan->rest, "+=");
		if (!assignment->is_append && !starts(scan->rest, "="))
			continue;
		scan_skip(scan, assignment->is_append ? 2 : 1);
		scan_blanks(scan);
		assignment->is_list = starts(scan->rest, "{");
		return true;
	}
	return false;
}

/* From an opening brace to behind the closing one that belongs to it; false when there is none. */
static bool
scan_braces(struct config_scan *scan)
{
	unsigned depth = 0;

	while (scan->rest.length) {
		char c = scan->rest.data[0];

		if (c == '"' || c == '\'') {
			scan_string(scan);
			continue;
		}
		scan_skip(scan, 1);
		if (c == '{')
			depth++;
		if (c == '}' && --depth == 0)
			return true;
	}
	return false;
}

/* Behind "=": a value, or a list of them. */
static void
scan_value(struct config_scan *scan)
{
	scan_blanks(scan);
	if (starts(scan->rest, "{"))
		(void)scan_braces(scan);
	else if (starts(scan->rest, "\"") || starts(scan->rest, "'"))
		scan_string(scan);
	else
		(void)scan_word(scan);
}

/* A title in quotes, or one of plain letters; false when there is none. */
static bool
scan_title(struct config_scan *scan, struct span *title)
{
	struct span before = scan->rest;

	if (!starts(before, "\"") && !starts(before, "'")) {
		*title = scan_word(scan);
		return title->length > 0;
	}
	scan_string(scan);
	*title = span_take(span_skip(before, 1), before.length - scan->rest.length - 2);
	return true;
}

/* Behind a word that no "=" follows: a title and an opening brace make it a section, whose body then follows. */
static bool
scan_section(struct config_scan *scan, struct config_section *section)
{
	section->has_title = scan_title(scan, &section->title);
	scan_blanks(scan);
	if (!starts(scan->rest, "{"))
		return false;
	struct span body = span_skip(scan->rest, 1);
	section->body_line = scan->line;
	section->is_closed = scan_braces(scan);
	section->end = scan->rest.data;
	section->body = span_take(body, body.length - scan->rest.length - (section->is_closed ? 1 : 0));
	return true;
}

bool
config_text_next_section(struct config_scan *scan, struct config_section *section)
{
	while (scan->rest.length) {
		if (!is_word_char(scan->rest.data[0])) {
			/* A stray brace or quote is libconfuse's to complain of. */
			scan_skip(scan, 1);
			continue;
		}
		section->line = scan->line;
		section->begin = scan->rest.data;
		section->word = scan_word(scan);
		scan_blanks(scan);
		if (starts(scan->rest, "+=") || starts(scan->rest, "=")) {
			scan_skip(scan, starts(scan->rest, "=") ? 1 : 2);
			scan_value(scan);
			continue;
		}
		struct config_scan behind_word = *scan;
		if (scan_section(scan, section))
			return true;
		*scan = behind_word;
	}
	return false;
}
