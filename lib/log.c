/* The log of lib/log.h.
 *
 * On failure: a line that cannot be written is lost; the daemon goes on.
 */
#include "lib/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/bug.h"
#include "lib/clock.h"

enum { USUAL_LINE_BYTES = 512, LINE_LIMIT_BYTES = 16384, MESSAGE_LIMIT_BYTES = 4096, HELD_BYTES = 32768 };

static const char *process_name = "tidegate";
static bool is_holding;
static struct buf held = BUF_LIMIT(HELD_BYTES);

void
log_set_process(const char *name)
{
	process_name = name;
}

/* The time as text; of a second that was written before only the milliseconds are written anew. */
static const char *
time_text(void)
{
	static _Thread_local char text[CLOCK_ISO_SIZE];
	static _Thread_local uint64_t second;
	uint64_t wall_us = clock_wall_us();
	unsigned ms = (unsigned)(wall_us / 1000u % 1000u);

	if (wall_us / 1000000u != second) {
		clock_format_iso(wall_us, text);
		second = wall_us / 1000000u;
	}
	char *digits = text + strlen(text) - strlen("000Z");
	digits[0] = (char)('0' + ms / 100);
	digits[1] = (char)('0' + ms / 10 % 10);
	digits[2] = (char)('0' + ms % 10);
	return text;
}

void
log_begin(struct log_line *line, const char *event)
{
	line->text = BUF_LIMIT(LINE_LIMIT_BYTES);
	(void)buf_reserve(&line->text, USUAL_LINE_BYTES);
	log_pair_text(line, "time", time_text());
	log_pair_text(line, "process", process_name);
	log_pair_text(line, "event", event);
}

static bool
is_bare(struct span value)
{
	if (value.length == 0)
		return false;
	for (size_t i = 0; i < value.length; i++) {
		char c = value.data[i];

		if (c <= 0x20 || c >= 0x7f || c == '"' || c == '\\' || c == '=')
			return false;
	}
	return true;
}

void
log_pair(struct log_line *line, const char *key, struct span value)
{
	struct buf *text = &line->text;
	size_t before = text->length;

	if (text->length)
		buf_append_char(text, ' ');
	buf_append_text(text, key);
	buf_append_char(text, '=');
	if (is_bare(value)) {
		buf_append(text, value);
	} else {
		buf_append_char(text, '"');
		buf_append_escaped(text, value);
		buf_append_char(text, '"');
	}
	if (!buf_ok(text)) {
		/* Over the cap: this pair goes, the others stay. */
		text->length = before;
		text->failed = false;
	}
}

void
log_pair_text(struct log_line *line, const char *key, const char *value)
{
	log_pair(line, key, span_of(value));
}

void
log_pair_number(struct log_line *line, const char *key, uint64_t value)
{
	char storage[24];
	struct buf digits = { .data = storage, .capacity = sizeof storage, .limit_bytes = sizeof storage };

	buf_append_u64(&digits, value);
	log_pair(line, key, buf_span(&digits));
}

void
log_pair_hex(struct log_line *line, const char *key, uint64_t value)
{
	char digits[16];

	for (unsigned i = 0; i < sizeof digits; i++)
		digits[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 0xf];
	log_pair(line, key, span_make(digits, sizeof digits));
}

static void
write_all(struct span rest)
{
	while (rest.length) {
		ssize_t written = write(STDERR_FILENO, rest.data, rest.length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			break;
		rest = span_skip(rest, (size_t)written);
	}
}

void
log_hold(void)
{
	is_holding = true;
}

bool
log_has_held(void)
{
	return held.length != 0;
}

void
log_flush(void)
{
	/* Where nothing is held nothing is written to: many threads log at once in deliver, which never holds. */
	if (held.length == 0 && buf_ok(&held))
		return;
	write_all(buf_span(&held));
	buf_reset(&held);
}

void
log_end(struct log_line *line)
{
	line->text.limit_bytes++;
	buf_append_char(&line->text, '\n');
	if (is_holding) {
		if (held.length + line->text.length > HELD_BYTES)
			log_flush();
		buf_append(&held, buf_span(&line->text));
	}
	if (!is_holding || !buf_ok(&held)) {
		log_flush();
		write_all(buf_span(&line->text));
	}
	buf_free(&line->text);
}

static void
log_message(const char *event, const char *format, va_list arguments)
{
	char message[MESSAGE_LIMIT_BYTES];
	struct log_line line;

	(void)vsnprintf(message, sizeof message, format, arguments);
	log_begin(&line, event);
	log_pair_text(&line, "message", message);
	log_end(&line);
	log_flush();
}

#define LOG_FUNCTION(name, event)                                                                                      \
	void name(const char *format, ...)                                                                             \
	{                                                                                                              \
		va_list arguments;                                                                                     \
                                                                                                                       \
		va_start(arguments, format);                                                                           \
		log_message(event, format, arguments);                                                                 \
		va_end(arguments);                                                                                     \
	}

LOG_FUNCTION(log_info, "info")
LOG_FUNCTION(log_warning, "warning")
LOG_FUNCTION(log_error, "error")

void
log_error_lines(const char *what, struct span mistakes)
{
	while (mistakes.length) {
		struct span mistake = span_take(mistakes, span_find(mistakes, '\n'));

		mistakes = span_skip(mistakes, mistake.length + 1);
		log_error("%s: %.*s", what, SPAN_ARG(mistake));
	}
}

void
bug_abort(const char *file, int line, const char *what)
{
	log_error("internal error at %s:%d: %s; this process ends", file, line, what);
	abort();
}
