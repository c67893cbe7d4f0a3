/* A message text in any pieces must give the text and the findings that a plain reader of whole lines gives. */
#include <stdint.h>

#include "lib/buf.h"
#include "lib/bug.h"
#include "smtpd/dotstream.h"
#include "tests/fuzz/chunks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_BYTES = 4 << 20 };

/* What a reading gave. */
struct reading {
	struct findings found;
	struct buf text;
	size_t taken;
	bool ended;
};

static void
read_pieces(struct chunks *chunks, struct reading *reading)
{
	struct dotstream stream;

	dotstream_begin(&stream);
	while (chunks->rest.length && !reading->ended) {
		struct span piece = chunks_next(chunks);
		char *out = malloc(piece.length + 1);
		size_t out_length;
		size_t taken;

		if (!out)
			BUG("no memory");
		reading->ended = dotstream_feed(&stream, piece, out, &out_length, &taken);
		if (!reading->ended && taken != piece.length)
			BUG("bytes were left before the end");
		buf_append(&reading->text, span_make(out, out_length));
		reading->taken += taken;
		free(out);
	}
	reading->found = stream.found;
}

static void
set_once(uint64_t *line, bool is_here, uint64_t number)
{
	if (*line == 0 && is_here)
		*line = number;
}

static bool
is_received(struct span line)
{
	struct span name = SPAN("received");

	if (!span_starts_nocase(line, name))
		return false;
	line = span_skip(line, name.length);
	while (line.length && (line.data[0] == ' ' || line.data[0] == '\t'))
		line = span_skip(line, 1);
	return line.length && line.data[0] == ':';
}

/* A line without its CRLF and stuffed dot, or what is there of the last one. */
static void
judge_line(struct findings *found, struct span line)
{
	uint64_t number = found->lines + 1;

	set_once(&found->bare_newline_line, span_find(line, '\n') < line.length, number);
	set_once(&found->bare_newline_line, span_find(line, '\r') < line.length, number);
	set_once(&found->nul_line, span_find(line, '\0') < line.length, number);
	set_once(&found->long_line, line.length > 998, number);
	if (line.length > found->longest_line)
		found->longest_line = line.length;
	for (size_t i = 0; i < line.length; i++)
		found->has_8bit |= (unsigned char)line.data[i] > 127;
	found->received_fields += found->in_header && is_received(line);
}

static size_t
find_crlf(struct span bytes)
{
	for (size_t i = 0; i + 1 < bytes.length; i++)
		if (bytes.data[i] == '\r' && bytes.data[i + 1] == '\n')
			return i;
	return bytes.length;
}

static struct span
without_dot(struct span line)
{
	return line.length && line.data[0] == '.' ? span_skip(line, 1) : line;
}

static void
read_plainly(struct span stream, struct reading *reading)
{
	struct findings *found = &reading->found;
	struct span rest = stream;

	found->in_header = true;
	for (size_t length = find_crlf(rest); length < rest.length; length = find_crlf(rest)) {
		struct span line = span_take(rest, length);

		rest = span_skip(rest, length + 2);
		if (span_equal(line, SPAN("."))) {
			reading->ended = true;
			break;
		}
		line = without_dot(line);
		judge_line(found, line);
		buf_append(&reading->text, line);
		buf_append_text(&reading->text, "\r\n");
		found->in_header &= line.length > 0;
		found->lines++;
	}
	if (!reading->ended) {
		struct span line = without_dot(rest);
		bool ends_in_cr = rest.length && rest.data[rest.length - 1] == '\r';

		/* A CR at the end is nothing yet; that of ".CR" is not even passed on. */
		if (!span_equal(rest, SPAN(".\r")))
			buf_append(&reading->text, line);
		judge_line(found, span_take(line, line.length - (ends_in_cr ? 1 : 0)));
		rest = span_skip(rest, rest.length);
	}
	reading->taken = stream.length - rest.length;
}

static bool
is_same(const struct reading *a, const struct reading *b)
{
	return a->ended == b->ended && a->taken == b->taken && span_equal(buf_span(&a->text), buf_span(&b->text)) &&
	       a->found.text_bytes == a->text.length && a->found.lines == b->found.lines &&
	       a->found.bare_newline_line == b->found.bare_newline_line && a->found.nul_line == b->found.nul_line &&
	       a->found.long_line == b->found.long_line && a->found.longest_line == b->found.longest_line &&
	       a->found.received_fields == b->found.received_fields && a->found.has_8bit == b->found.has_8bit;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chunks chunks = chunks_begin(data, size);
	struct reading plain = { .text = BUF_LIMIT(TEXT_BYTES) };
	struct reading pieces = { .text = BUF_LIMIT(TEXT_BYTES) };

	read_plainly(chunks.rest, &plain);
	read_pieces(&chunks, &pieces);
	if (!is_same(&pieces, &plain))
		BUG("a text is read otherwise in pieces than in lines");
	buf_free(&plain.text);
	buf_free(&pieces.text);
	return 0;
}
