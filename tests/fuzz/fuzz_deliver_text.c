/* A body in any pieces must become what a plain replacement of CRLF by LF makes of it. */
#include <stdint.h>

#include "deliver/text.h"
#include "lib/buf.h"
#include "lib/bug.h"
#include "tests/fuzz/chunks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_BYTES = 4 << 20 };

static void
replace_plainly(struct span body, struct buf *out)
{
	for (size_t i = 0; i < body.length; i++)
		if (body.data[i] != '\r' || i + 1 == body.length || body.data[i + 1] != '\n')
			buf_append_char(out, body.data[i]);
}

static void
replace_in_pieces(struct chunks *chunks, struct buf *out)
{
	struct text_lines lines = { 0 };
	char last;

	while (chunks->rest.length) {
		struct span piece = chunks_next(chunks);
		char *room = malloc(piece.length + 1);

		if (!room)
			BUG("no memory");
		buf_append(out, span_make(room, text_to_lf(&lines, piece, room)));
		free(room);
	}
	buf_append(out, span_make(&last, text_end(&lines, &last)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chunks chunks = chunks_begin(data, size);
	struct buf plain = BUF_LIMIT(TEXT_BYTES);
	struct buf pieces = BUF_LIMIT(TEXT_BYTES);

	if (text_is_header(chunks.rest) && chunks.rest.length && chunks.rest.data[chunks.rest.length - 1] != '\n')
		BUG("header fields do not end in LF");
	replace_plainly(chunks.rest, &plain);
	replace_in_pieces(&chunks, &pieces);
	if (!span_equal(buf_span(&plain), buf_span(&pieces)))
		BUG("a body becomes another in pieces");
	buf_free(&plain);
	buf_free(&pieces);
	return 0;
}
