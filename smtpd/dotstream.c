/* The reader of smtpd/dotstream.h: a state machine that takes whole runs of bytes at a time.
 *
 * Only dots at line starts and the ending ".CRLF" are left out, so the text is copied in runs that span many lines. No
 * byte is searched for more than a fixed number of times, whatever a hostile peer sends.
 *
 * Trust: none in the bytes.
 * On failure: nothing fails; findings are in the struct.
 */
#include "smtpd/dotstream.h"

enum { LONG_LINE_BYTES = 998 };

enum state {
	AT_LINE_START, /* at the start of the text or after CRLF */
	AFTER_DOT,     /* "." at a line start, left out: stuffed, or the end begins */
	AFTER_DOT_CR,  /* the CR behind it, held back */
	IN_LINE,
	AFTER_CR, /* a CR in a line, copied: CRLF or bare, the next byte says */
	ENDED
};

static const char field_name[] = "received";

enum { NAME_BYTES = sizeof field_name - 1, NAME_OVER = 255 /* counted, or not this name */ };

/* One call's bytes. */
struct pass {
	struct dotstream *stream;
	struct span input;
	size_t at;        /* next byte to look at */
	size_t run_start; /* bytes from here to `at` are text, not yet copied */
	size_t nul_at;    /* the first NUL, or where the input ends; looked for until a stream has had one */
	char *out;
	size_t out_length;
};

void
dotstream_begin(struct dotstream *stream)
{
	*stream = (struct dotstream){ .state = AT_LINE_START, .in_header = true };
}

static void
copy_run(struct pass *pass)
{
	size_t length = pass->at - pass->run_start;

	if (length)
		memcpy(pass->out + pass->out_length, pass->input.data + pass->run_start, length);
	pass->out_length += length;
	pass->run_start = pass->at;
}

/* Counts bytes of the current line, its CRLF excepted. */
static void
count_in_line(struct dotstream *stream, size_t bytes)
{
	stream->line_bytes += bytes;
	if (stream->line_bytes > stream->longest_line)
		stream->longest_line = stream->line_bytes;
	if (stream->line_bytes > LONG_LINE_BYTES && stream->long_line == 0)
		stream->long_line = stream->lines + 1;
}

/* A CR of the current line turned out to be bare. */
static void
count_bare_cr(struct dotstream *stream)
{
	if (stream->bare_newline_line == 0)
		stream->bare_newline_line = stream->lines + 1;
	stream->name_matched = NAME_OVER;
	count_in_line(stream, 1);
}

static void
begin_line(struct dotstream *stream)
{
	stream->state = IN_LINE;
	stream->line_bytes = 0;
	stream->name_matched = stream->in_header ? 0 : NAME_OVER;
}

static void
end_line(struct dotstream *stream)
{
	if (stream->line_bytes == 0)
		stream->in_header = false;
	stream->lines++;
	stream->state = AT_LINE_START;
}

/* Matches a header line's first bytes, wherever the input was cut. RFC 5322 4.5.8 lets white space stand before the
 * colon. */
static void
match_field_name(struct dotstream *stream, struct span bytes)
{
	for (size_t i = 0; i < bytes.length && stream->name_matched != NAME_OVER; i++) {
		char c = bytes.data[i];

		if (stream->name_matched < NAME_BYTES) {
			bool fits = span_lower(c) == field_name[stream->name_matched];

			stream->name_matched = fits ? (unsigned char)(stream->name_matched + 1) : NAME_OVER;
		} else if (c != ' ' && c != '\t') {
			stream->received_fields += c == ':';
			stream->name_matched = NAME_OVER;
		}
	}
}

static void
pass_line_start(struct pass *pass)
{
	begin_line(pass->stream);
	if (pass->input.data[pass->at] != '.')
		return;
	copy_run(pass);
	pass->run_start = ++pass->at;
	pass->stream->state = AFTER_DOT;
}

static void
pass_after_dot(struct pass *pass)
{
	pass->stream->state = IN_LINE;
	if (pass->input.data[pass->at] != '\r')
		return;
	pass->run_start = ++pass->at;
	pass->stream->state = AFTER_DOT_CR;
}

static void
pass_after_dot_cr(struct pass *pass)
{
	if (pass->input.data[pass->at] == '\n') {
		pass->run_start = ++pass->at;
		pass->stream->state = ENDED;
		return;
	}
	/* The run is empty here: the CR that was held back comes before it. */
	pass->out[pass->out_length++] = '\r';
	count_bare_cr(pass->stream);
	pass->stream->state = IN_LINE;
}

static void
pass_in_line(struct pass *pass)
{
	struct dotstream *stream = pass->stream;
	struct span rest = span_skip(pass->input, pass->at);
	size_t cr = span_find(rest, '\r');
	struct span text = span_take(rest, cr);

	match_field_name(stream, text);
	/* The first bare LF is all that is asked for: no need to stop at each. */
	if (stream->bare_newline_line == 0 && span_find(text, '\n') < text.length)
		stream->bare_newline_line = stream->lines + 1;
	count_in_line(stream, text.length);
	pass->at += text.length;
	if (stream->nul_line == 0 && pass->nul_at < pass->at)
		stream->nul_line = stream->lines + 1;
	if (cr < rest.length) {
		pass->at++;
		stream->state = AFTER_CR;
	}
}

static void
pass_after_cr(struct pass *pass)
{
	if (pass->input.data[pass->at] == '\n') {
		pass->at++;
		end_line(pass->stream);
		return;
	}
	count_bare_cr(pass->stream);
	pass->stream->state = IN_LINE;
}

static void
pass_step(struct pass *pass)
{
	switch ((enum state)pass->stream->state) {
	case AT_LINE_START:
		pass_line_start(pass);
		return;
	case AFTER_DOT:
		pass_after_dot(pass);
		return;
	case AFTER_DOT_CR:
		pass_after_dot_cr(pass);
		return;
	case IN_LINE:
		pass_in_line(pass);
		return;
	case AFTER_CR:
		pass_after_cr(pass);
		return;
	case ENDED:
		return;
	}
}

/* Are there bytes over 127? Eight at a time: most text has none. */
static bool
find_8bit(struct span text)
{
	const uint64_t high_bits = 0x8080808080808080u;
	uint64_t seen = 0;
	uint64_t word;
	size_t i = 0;

	for (; i + sizeof word <= text.length; i += sizeof word) {
		memcpy(&word, text.data + i, sizeof word);
		seen |= word;
	}
	for (; i < text.length; i++)
		seen |= (unsigned char)text.data[i];
	return (seen & high_bits) != 0;
}

bool
dotstream_feed(struct dotstream *stream, struct span input, char *out, size_t *out_length, size_t *taken)
{
	struct pass pass = { .stream = stream, .input = input, .out = out };

	if (stream->nul_line == 0)
		pass.nul_at = span_find(input, '\0');
	while (pass.at < input.length && stream->state != ENDED)
		pass_step(&pass);
	copy_run(&pass);
	if (!stream->has_8bit)
		stream->has_8bit = find_8bit(span_take(input, pass.at));
	stream->text_bytes += pass.out_length;
	*out_length = pass.out_length;
	*taken = pass.at;
	return stream->state == ENDED;
}
