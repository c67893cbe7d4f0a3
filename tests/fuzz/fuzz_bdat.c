/* A message in any chunks and pieces must give the text and the findings that a plain reader of whole lines gives; and
 * the same octets as the argument of BDAT must be a number of octets or nothing.
 * On failure: BUG.
 */
#include <stdint.h>

#include "lib/bug.h"
#include "smtpd/bdat.h"
#include "tests/fuzz/chunks.h"
#include "tests/fuzz/plain_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_BYTES = 8 << 20 };

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
read_plainly(struct span rest, struct reading *reading)
{
	reading->found.in_header = true;
	while (rest.length) {
		size_t cr = span_find(rest, '\r');
		size_t lf = span_find(rest, '\n');
		size_t length = cr < lf ? cr : lf;
		bool has_end = length < rest.length;
		bool is_crlf = lf < rest.length && cr + 1 == lf;

		plain_take_line(reading, span_take(rest, length), has_end && !is_crlf);
		rest = span_skip(rest, length + (is_crlf ? 2 : 1));
	}
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
	if (!plain_is_same(&pieces, &plain))
		BUG("a message is read otherwise in pieces than in lines");
	buf_free(&plain.text);
	buf_free(&pieces.text);
	return 0;
}
