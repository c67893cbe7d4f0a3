/* The reader of smtpd/bdat.h.
 *
 * A CR ends a line at once, before it is known what follows, so that nothing is ever held back between chunks. No byte
 * is searched for more than a fixed number of times, whatever a hostile peer sends.
 *
 * Trust: none in the bytes.
 * On failure: see the header.
 */
#include "smtpd/bdat.h"

/* One call's bytes. */
struct pass {
	struct bdat_stream *stream;
	struct span input;
	size_t at;     /* next byte to look at */
	size_t cr_at;  /* the first CR at or behind it, or where the input ends */
	size_t nul_at; /* the first NUL, or where the input ends; looked for until a stream has had one */
	char *out;
	size_t out_length;
};

bool
bdat_parse(struct span argument, struct bdat_chunk *chunk)
{
	struct span digits = span_take(argument, span_find(argument, ' '));
	struct span word = span_trim(span_skip(argument, digits.length));
	uint64_t octets;

	if (!span_read_decimal(digits, &octets))
		return false;
	if (word.length && !span_equal_nocase(word, SPAN("LAST")))
		return false;
	*chunk = (struct bdat_chunk){ .octets = octets, .is_last = word.length > 0 };
	return true;
}

void
bdat_begin(struct bdat_stream *stream)
{
	*stream = (struct bdat_stream){ .is_after_cr = false };
	findings_begin(&stream->found);
}

static void
put(struct pass *pass, struct span text)
{
	if (text.length)
		memcpy(pass->out + pass->out_length, text.data, text.length);
	pass->out_length += text.length;
}

/* The byte behind a CR: true when it is the LF that belongs to it. */
static bool
pass_after_cr(struct pass *pass)
{
	struct findings *found = &pass->stream->found;

	pass->stream->is_after_cr = false;
	if (pass->input.data[pass->at] == '\n') {
		pass->at++;
		return true;
	}
	findings_bare_newline(found, found->lines);
	return false;
}

/* Takes text up to the next CR or LF. */
static void
pass_text(struct pass *pass)
{
	struct span rest = span_skip(pass->input, pass->at);

	if (pass->cr_at < pass->at)
		pass->cr_at = pass->at + span_find(rest, '\r');
	struct span text = span_take(rest, pass->cr_at - pass->at);
	text = span_take(text, span_find(text, '\n'));
	put(pass, text);
	pass->at += text.length;
	findings_take(&pass->stream->found, text, pass->nul_at < pass->at);
}

static void
pass_line_end(struct pass *pass)
{
	struct findings *found = &pass->stream->found;

	if (pass->input.data[pass->at] == '\n')
		findings_bare_newline(found, found->lines + 1);
	else
		pass->stream->is_after_cr = true;
	pass->at++;
	put(pass, SPAN("\r\n"));
	findings_end_line(found);
}

size_t
bdat_feed(struct bdat_stream *stream, struct span input, char *out)
{
	struct pass pass = { .stream = stream, .input = input, .out = out };

	pass.cr_at = span_find(input, '\r');
	if (stream->found.nul_line == 0)
		pass.nul_at = span_find(input, '\0');
	while (pass.at < input.length) {
		if (stream->is_after_cr && pass_after_cr(&pass))
			continue;
		pass_text(&pass);
		if (pass.at < input.length)
			pass_line_end(&pass);
	}
	findings_look_for_8bit(&stream->found, input);
	stream->found.text_bytes += pass.out_length;
	return pass.out_length;
}

size_t
bdat_finish(struct bdat_stream *stream, char *out)
{
	struct pass pass = { .stream = stream, .out = out };

	if (stream->is_after_cr)
		findings_bare_newline(&stream->found, stream->found.lines);
	stream->is_after_cr = false;
	if (stream->found.line_bytes == 0)
		return 0;
	put(&pass, SPAN("\r\n"));
	findings_end_line(&stream->found);
	stream->found.text_bytes += pass.out_length;
	return pass.out_length;
}
