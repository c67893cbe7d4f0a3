/* Reading a message file for control/explain_message.h.
 *
 * On failure: see the header.
 */
#include "control/explain_message.h"

#include <errno.h>
#include <stdio.h>

#include "smtpd/dotstream.h"

enum { PIECE_BYTES = 16384 };

struct reading {
	struct dotstream stream;
	bool is_unix;  /* LF stands for CRLF */
	bool is_known; /* the first line's end has been seen */
	bool at_line_start;
	char last;
	struct buf wire; /* what goes to the stream */
	char out[4 * PIECE_BYTES];
};

/* Does the first line end in a bare LF? */
static void
look_at_first_line(struct reading *reading, struct span piece)
{
	size_t end = span_find(piece, '\n');

	if (reading->is_known || end == piece.length)
		return;
	reading->is_known = true;
	reading->is_unix = end == 0 ? reading->last != '\r' : piece.data[end - 1] != '\r';
}

/* As a client would send it: CRLF, and a dot more where a line begins with one. */
static void
put_on_wire(struct reading *reading, struct span piece)
{
	for (size_t i = 0; i < piece.length; i++) {
		char c = piece.data[i];

		if (c == '.' && reading->at_line_start)
			buf_append_char(&reading->wire, '.');
		if (c == '\n' && reading->is_unix)
			buf_append_char(&reading->wire, '\r');
		buf_append_char(&reading->wire, c);
		reading->at_line_start = c == '\n';
		reading->last = c;
	}
}

static void
feed(struct reading *reading)
{
	size_t written;
	size_t taken;

	(void)dotstream_feed(&reading->stream, buf_span(&reading->wire), reading->out, &written, &taken);
	buf_reset(&reading->wire);
}

static void
take_piece(struct reading *reading, struct span piece)
{
	look_at_first_line(reading, piece);
	put_on_wire(reading, piece);
	feed(reading);
}

static void
end_message(struct reading *reading)
{
	buf_append(&reading->wire, reading->at_line_start ? SPAN(".\r\n") : SPAN("\r\n.\r\n"));
	feed(reading);
}

bool
explain_message_read(const char *path, struct message_facts *facts, struct buf *why)
{
	static struct reading reading;
	static char piece[PIECE_BYTES];
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	size_t got;

	if (!file) {
		buf_printf(why, "%s: %s", path, strerror(errno));
		return false;
	}
	reading.at_line_start = true;
	reading.wire = BUF_LIMIT(2 * PIECE_BYTES + 16);
	dotstream_begin(&reading.stream);
	do {
		got = fread(piece, 1, sizeof piece, file);
		take_piece(&reading, span_make(piece, got));
	} while (got > 0);
	bool is_read = !ferror(file);
	end_message(&reading);
	buf_free(&reading.wire);
	if (file != stdin)
		(void)fclose(file);
	if (!is_read)
		buf_printf(why, "%s: cannot be read", path);
	*facts = (struct message_facts){ .text_bytes = reading.stream.found.text_bytes,
		.bare_newline_line = reading.stream.found.bare_newline_line,
		.nul_line = reading.stream.found.nul_line,
		.long_line = reading.stream.found.long_line,
		.received_fields = reading.stream.found.received_fields,
		.body = BODY_HELD };
	return is_read;
}
