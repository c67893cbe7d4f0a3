/* What a plain reader of whole lines finds in a message's text, for the fuzzers of the readers that take it in pieces
 * (smtpd/dotstream.h, smtpd/bdat.h).
 *
 * On failure: none; the fuzzers compare.
 */
#ifndef TIDEGATE_TESTS_FUZZ_PLAIN_TEXT_H
#define TIDEGATE_TESTS_FUZZ_PLAIN_TEXT_H

#include "lib/buf.h"
#include "smtpd/findings.h"

/* What a reading gave. */
struct reading {
	struct findings found;
	struct buf text;
	size_t taken; /* octets of the input; dotstream only */
	bool ended;   /* dotstream only */
};

static inline void
plain_set_once(uint64_t *line, bool is_here, uint64_t number)
{
	if (*line == 0 && is_here)
		*line = number;
}

static inline bool
plain_is_received(struct span line)
{
	struct span name = SPAN("received");

	if (!span_starts_nocase(line, name))
		return false;
	line = span_skip(line, name.length);
	while (line.length && (line.data[0] == ' ' || line.data[0] == '\t'))
		line = span_skip(line, 1);
	return line.length && line.data[0] == ':';
}

/* A line without its end, or what is there of the last one; the caller counts it. */
static inline void
plain_judge_line(struct findings *found, struct span line, bool is_bare)
{
	uint64_t number = found->lines + 1;

	plain_set_once(&found->bare_newline_line, is_bare, number);
	plain_set_once(&found->nul_line, span_find(line, '\0') < line.length, number);
	plain_set_once(&found->long_line, line.length > 998, number);
	if (line.length > found->longest_line)
		found->longest_line = line.length;
	for (size_t i = 0; i < line.length; i++)
		found->has_8bit |= (unsigned char)line.data[i] > 127;
	found->received_fields += found->in_header && plain_is_received(line);
}

/* A whole line, with what it should end in. */
static inline void
plain_take_line(struct reading *reading, struct span line, bool is_bare)
{
	struct findings *found = &reading->found;

	plain_judge_line(found, line, is_bare);
	found->lines++;
	found->in_header &= line.length > 0;
	buf_append(&reading->text, line);
	buf_append_text(&reading->text, "\r\n");
}

static inline bool
plain_is_same(const struct reading *a, const struct reading *b)
{
	return a->ended == b->ended && a->taken == b->taken && span_equal(buf_span(&a->text), buf_span(&b->text)) &&
	       a->found.text_bytes == a->text.length && a->found.lines == b->found.lines &&
	       a->found.bare_newline_line == b->found.bare_newline_line && a->found.nul_line == b->found.nul_line &&
	       a->found.long_line == b->found.long_line && a->found.longest_line == b->found.longest_line &&
	       a->found.received_fields == b->found.received_fields && a->found.has_8bit == b->found.has_8bit;
}

#endif
