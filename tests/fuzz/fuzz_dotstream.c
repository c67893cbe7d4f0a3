/* A message text in any pieces must give the text and the findings that a plain reader of whole lines gives. */
#include <stdint.h>

#include "lib/bug.h"
#include "smtpd/dotstream.h"
#include "tests/fuzz/chunks.h"
#include "tests/fuzz/plain_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_BYTES = 4 << 20 };

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

/* The dot-stream has lines between CRLFs only: every other CR or LF is bare, and stays in its line. */
static bool
is_bare(struct span line)
{
	return span_find(line, '\n') < line.length || span_find(line, '\r') < line.length;
}

static void
read_plainly(struct span stream, struct reading *reading)
{
	struct span rest = stream;

	reading->found.in_header = true;
	for (size_t length = find_crlf(rest); length < rest.length; length = find_crlf(rest)) {
		struct span line = span_take(rest, length);

		rest = span_skip(rest, length + 2);
		if (span_equal(line, SPAN("."))) {
			reading->ended = true;
			break;
		}
		line = without_dot(line);
		plain_take_line(reading, line, is_bare(line));
	}
	if (!reading->ended) {
		struct span line = without_dot(rest);
		bool ends_in_cr = rest.length && rest.data[rest.length - 1] == '\r';

		/* A CR at the end is nothing yet; that of ".CR" is not even passed on. */
		if (!span_equal(rest, SPAN(".\r")))
			buf_append(&reading->text, line);
		line = span_take(line, line.length - (ends_in_cr ? 1 : 0));
		plain_judge_line(&reading->found, line, is_bare(line));
		rest = span_skip(rest, rest.length);
	}
	reading->taken = stream.length - rest.length;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chunks chunks = chunks_begin(data, size);
	struct reading plain = { .text = BUF_LIMIT(TEXT_BYTES) };
	struct reading pieces = { .text = BUF_LIMIT(TEXT_BYTES) };

	read_plainly(chunks.rest, &plain);
	read_pieces(&chunks, &pieces);
	if (!plain_is_same(&pieces, &plain))
		BUG("a text is read otherwise in pieces than in lines");
	buf_free(&plain.text);
	buf_free(&pieces.text);
	return 0;
}
