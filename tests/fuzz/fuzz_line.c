/* A stream in any pieces, cut into lines as the session does, must give what a reader of single bytes gives. */
#include <stdint.h>

#include "lib/buf.h"
#include "lib/bug.h"
#include "smtpd/line.h"
#include "tests/fuzz/chunks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EVENT_BYTES = 4 << 20 };

static void
note(struct buf *events, char kind, struct span bytes)
{
	buf_append_char(events, kind);
	buf_append_u64(events, bytes.length);
	buf_append(events, bytes);
}

/* Takes the lines at the front of `pending`; false when the stream is broken. */
static bool
take_lines(struct buf *pending, size_t *scanned, struct buf *events)
{
	struct span line;
	size_t taken;

	for (;;) {
		switch (line_take(buf_span(pending), LINE_LIMIT_BYTES, scanned, &line, &taken)) {
		case LINE_WHOLE:
			note(events, 'W', line);
			break;
		case LINE_LONG:
			note(events, 'L', span_take(buf_span(pending), taken));
			break;
		case LINE_PARTIAL:
			return true;
		case LINE_BROKEN:
			note(events, 'B', SPAN(""));
			return false;
		}
		buf_consume(pending, taken);
	}
}

/* The same by bytes: a line begins at `start`, and what came just before is known. */
static void
take_bytes(struct span stream, struct buf *events)
{
	size_t start = 0;

	for (size_t i = 0; i < stream.length; i++) {
		bool follows_cr = i > start && stream.data[i - 1] == '\r';
		bool is_newline = stream.data[i] == '\n';

		if (follows_cr != is_newline || stream.data[i] == '\0') {
			note(events, 'B', SPAN(""));
			return;
		}
		if (is_newline) {
			note(events, 'W', span_make(stream.data + start, i - 1 - start));
			start = i + 1;
		} else if (i + 1 - start == LINE_LIMIT_BYTES) {
			size_t end = stream.data[i] == '\r' ? i : i + 1;

			note(events, 'L', span_make(stream.data + start, end - start));
			start = end;
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chunks chunks = chunks_begin(data, size);
	struct buf pending = BUF_LIMIT(EVENT_BYTES);
	struct buf events = BUF_LIMIT(EVENT_BYTES);
	struct buf expected = BUF_LIMIT(EVENT_BYTES);
	size_t scanned = 0;

	take_bytes(chunks.rest, &expected);
	do {
		buf_append(&pending, chunks_next(&chunks));
	} while (take_lines(&pending, &scanned, &events) && chunks.rest.length);
	if (!span_equal(buf_span(&events), buf_span(&expected)))
		BUG("lines depend on how the stream was cut");
	buf_free(&pending);
	buf_free(&events);
	buf_free(&expected);
	return 0;
}
