/* The text of a configuration file, made ready for libconfuse.
 *
 * libconfuse 3.3 counts lines wrongly behind comments, takes no comment inside a list, silently drops characters that
 * it does not know, puts environment variables into values, and stops at the first unknown key. So comments are blanked
 * before it sees the text, what it would drop or replace is an error here, and the keys are listed beforehand.
 *
 * Trust: the administrator's file. Pure: no I/O, no globals.
 * On failure: each mistake is added to the problems; config_text_clean then returns false.
 */
#ifndef TIDEGATE_CONF_CONFIG_TEXT_H
#define TIDEGATE_CONF_CONFIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/problems.h"
#include "lib/buf.h"
#include "lib/span.h"

/* Appends text to clean, with every comment replaced by spaces; lines keep their numbers. */
bool config_text_clean(struct span text, const char *file, struct problems *problems, struct buf *clean);

/* One "KEY =" or "KEY +=" as it stands in a cleaned text. */
struct config_assignment {
	struct span key;
	unsigned line;
	bool is_append; /* += */
	bool is_list;   /* an opening brace follows */
};

struct config_scan {
	struct span rest;
	unsigned line; /* 1 at the start */
};

/* The next assignment, or false at the end. */
bool config_text_next(struct config_scan *scan, struct config_assignment *assignment);

/* One WORD "TITLE" { ... } as it stands in a cleaned text. */
struct config_section {
	struct span word;
	struct span title; /* as written, without its quotes */
	bool has_title;
	struct span body; /* between the braces, or up to the end of the text */
	bool is_closed;
	unsigned line;      /* of the word */
	unsigned body_line; /* of the opening brace */
	const char *begin;  /* the whole of it, in the text */
	const char *end;
};

/* The next section outside of every other, or false at the end. */
bool config_text_next_section(struct config_scan *scan, struct config_section *section);

#endif
