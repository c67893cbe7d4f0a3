/* The log: one line of key=value pairs on standard error, written with one write(2).
 *
 * Grammar (tidegate(8) documents it): line = pair *( SP pair ) LF; pair = key "=" value; key = lower-case letters,
 * digits and "-"; value = bare (no space, quote, backslash, "=" or byte outside printable ASCII) or a quoted
 * string in which such bytes stand as \xHH. Every line begins with time= and process=.
 *
 * Trust: values may be a client's bytes; they are escaped here and nowhere else.
 * On failure: a line that cannot be written is lost; the daemon goes on.
 */
#ifndef TIDEGATE_LIB_LOG_H
#define TIDEGATE_LIB_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/span.h"

/* A line being built. Pairs appear in the order added. */
struct log_line {
	struct buf text;
};

/* The name that every line of this process carries, such as "smtpd.0". The text is kept, not copied. */
void log_set_process(const char *name);

/* Starts a line: time=… process=… event=EVENT. */
void log_begin(struct log_line *line, const char *event);
void log_pair(struct log_line *line, const char *key, struct span value);
void log_pair_text(struct log_line *line, const char *key, const char *value);
/* Sixteen digits. */
void log_pair_hex(struct log_line *line, const char *key, uint64_t value);
void log_pair_number(struct log_line *line, const char *key, uint64_t value);
/* Writes the line and frees it. A line that did not fit its cap is cut, never lost. */
void log_end(struct log_line *line);

/* Lines that log_end() finishes from now on are held, and leave together: at log_flush(), when many are held, or with
 * the next message. For processes without threads that write many lines. */
void log_hold(void);
/* Writes the lines that are held. Each is whole in one write(2). */
void log_flush(void);
bool log_has_held(void);

/* event=info|warning|error message="…", for what has no shape of its own. */
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The mistakes of a file, which are told one a line: a line of the log for each of them, "what: mistake". */
void log_error_lines(const char *what, struct span mistakes);

#endif
