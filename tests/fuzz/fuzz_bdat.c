/* A message in any chunks and pieces must give the text and the findings that a plain reader of whole lines gives; and
 * the same octets as the argument of BDAT must be a number of octets or nothing.
 * On failure: BUG.
 */
#include <stdint.h>

#include "lib/buf.h"
#include "lib/bug.h"
#include "smtpd/bdat.h"
#include "tests/fuzz/chunks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_BYTES = 8 << 20 };

/* What a reading gave. */
struct reading {
	struct findings found;
	struct buf text;
};

static void
read_pieces(struct chunks *chunks, struct reading *reading)
{
	struct bdat_stream stream;
	char end[2];

	bdat_begin(&stream);
	while (chunks->rest.length) {
		struct span piece = chunks_next(chunks);
		char *out = malloc(2 * piece.length + 1);

		if (!out)
			BUG("no memory");
		buf_append(&reading->text, span_make(out, bdat_feed(&stream, piece, out)));
		free(out);
	}
	buf_append(&reading->text, span_make(end, bdat_finish(&stream, end)));
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

static void
take_line(struct reading *reading, struct span line, bool is_bare)
{
	struct findings *found = &reading->found;
	uint64_t number = ++found->lines;

	set_once(&found->bare_newline_line, is_bare, number);
	set_once(&found->nul_line, span_find(line, '\0') < line.length, number);
	set_once(&found->long_line, line.length > 998, number);
	if (line.length > found->longest_line)
		found->longest_line = line.length;
	for (size_t i = 0; i < line.length; i++)
		found->has_8bit |= (unsigned char)line.data[i] > 127;
	found->received_fields += found->in_header && is_received(line);
	found->in_header &= line.length > 0;
	buf_append(&reading->text, line);
	buf_append_text(&reading->text, "\r\n");
}

static void
read_plainly(struct span rest, struct reading *reading)
{
	reading->found.in_header = true;
	while (rest.length) {
		size_t cr = span_find(rest, '\r');
		size_t lf = span_find(rest, '\n');
		size_t length = cr < lf ? cr : lf;
		bool has_end = length < rest.length;
		bool is_crlf = lf < rest.length && cr + 1 == lf;

		take_line(reading, span_take(rest, length), has_end && !is_crlf);
		rest = span_skip(rest, length + (is_crlf ? 2 : 1));
	}
}

static bool
is_same(const struct reading *a, const struct reading *b)
{
	return span_equal(buf_span(&a->text), buf_span(&b->text)) && a->found.text_bytes == a->text.length &&
	       a->found.lines == b->found.lines && a->found.bare_newline_line == b->found.bare_newline_line &&
	       a->found.nul_line == b->found.nul_line && a->found.long_line == b->found.long_line &&
	       a->found.longest_line == b->found.longest_line && a->found.received_fields == b->found.received_fields &&
	       a->found.has_8bit == b->found.has_8bit;
}

static void
check_argument(struct span argument)
{
	struct bdat_chunk chunk = { .octets = 0 };
	size_t digits = 0;

	while (digits < argument.length && argument.data[digits] >= '0' && argument.data[digits] <= '9')
		digits++;
	if (!bdat_parse(argument, &chunk))
		return;
	if (digits == 0 || chunk.is_last != (digits < argument.length && span_trim(span_skip(argument, digits)).length))
		BUG("something else than octets and LAST was taken for them");
	if (digits <= 9 && chunk.octets > 999999999)
		BUG("a short number was read as a long one");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chunks chunks = chunks_begin(data, size);
	struct reading plain = { .text = BUF_LIMIT(TEXT_BYTES) };
	struct reading pieces = { .text = BUF_LIMIT(TEXT_BYTES) };

	check_argument(chunks.rest);
	read_plainly(chunks.rest, &plain);
	read_pieces(&chunks, &pieces);
	if (!is_same(&pieces, &plain))
		BUG("a message is read otherwise in pieces than in lines");
	buf_free(&plain.text);
	buf_free(&pieces.text);
	return 0;
}
