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

enum { LINE_LIMIT_BYTES = 16384, MESSAGE_LIMIT_BYTES = 4096, HELD_BYTES = 32768 };

static const char *process_name = "tidegate";
static bool is_holding;
static struct buf held = BUF_LIMIT(HELD_BYTES);

void
log_set_process(const char *name)
{
	process_name = name;
}

void
log_begin(struct log_line *line, const char *event)
{
	char now[CLOCK_ISO_SIZE];

	line->text = BUF_LIMIT(LINE_LIMIT_BYTES);
	clock_format_iso(clock_wall_us(), now);
	log_pair_text(line, "time", now);
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
	char digits[24];
	int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);

	log_pair(line, key, span_make(digits, (size_t)length));
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
bug_abort(const char *file, int line, const char *what)
{
	log_error("internal error at %s:%d: %s; this process ends", file, line, what);
	abort();
}
