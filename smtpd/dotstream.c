/* The reader of smtpd/dotstream.h: a state machine that takes whole runs of bytes at a time.
 *
 * Only dots at line starts and the ending ".CRLF" are left out, so the text is copied in runs that span many lines. No
 * byte is searched for more than a fixed number of times, whatever a hostile peer sends.
 *
 * Trust: none in the bytes.
 * On failure: nothing fails; findings are in the struct.
 */
#include "smtpd/dotstream.h"

enum state {
	AT_LINE_START, /* at the start of the text or after CRLF */
	AFTER_DOT,     /* "." at a line start, left out: stuffed, or the end begins */
	AFTER_DOT_CR,  /* the CR behind it, held back */
	IN_LINE,
	AFTER_CR, /* a CR in a line, copied: CRLF or bare, the next byte says */
	ENDED
};

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
	*stream = (struct dotstream){ .state = AT_LINE_START };
	findings_begin(&stream->found);
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

static void
pass_line_start(struct pass *pass)
{
	pass->stream->state = IN_LINE;
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
	findings_take_bare_cr(&pass->stream->found);
	pass->stream->state = IN_LINE;
}

static void
pass_in_line(struct pass *pass)
{
	struct findings *found = &pass->stream->found;
	struct span rest = span_skip(pass->input, pass->at);
	size_t cr = span_find(rest, '\r');
	struct span text = span_take(rest, cr);

	/* The first bare LF is all that is asked for: no need to stop at each. */
	if (found->bare_newline_line == 0 && span_find(text, '\n') < text.length)
		findings_bare_newline(found, found->lines + 1);
	pass->at += text.length;
	findings_take(found, text, pass->nul_at < pass->at);
	if (cr < rest.length) {
		pass->at++;
		pass->stream->state = AFTER_CR;
	}
}

static void
pass_after_cr(struct pass *pass)
{
	if (pass->input.data[pass->at] == '\n') {
		pass->at++;
		findings_end_line(&pass->stream->found);
		pass->stream->state = AT_LINE_START;
		return;
	}
	findings_take_bare_cr(&pass->stream->found);
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

bool
dotstream_feed(struct dotstream *stream, struct span input, char *out, size_t *out_length, size_t *taken)
{
	struct pass pass = { .stream = stream, .input = input, .out = out };

	if (stream->found.nul_line == 0)
		pass.nul_at = span_find(input, '\0');
	while (pass.at < input.length && stream->state != ENDED)
		pass_step(&pass);
	copy_run(&pass);
	findings_look_for_8bit(&stream->found, span_take(input, pass.at));
	stream->found.text_bytes += pass.out_length;
	*out_length = pass.out_length;
	*taken = pass.at;
	return stream->state == ENDED;
}
