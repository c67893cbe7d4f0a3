/* The message text behind DATA (RFC 5321 4.1.1.4, 4.5.2): undoes dot-stuffing, finds CRLF.CRLF and nothing else as
 * the end, and watches what the text holds.
 *
 * A bare CR or LF never ends anything: the reader goes on to CRLF.CRLF and remembers the first such line, so that the
 * session can answer 550 5.6.11. What follows the end is left for the command reader.
 *
 * Trust: none. Pure: a value and a function from bytes to bytes.
 * On failure: nothing fails; findings are in the struct.
 */
#ifndef TIDEGATE_SMTPD_DOTSTREAM_H
#define TIDEGATE_SMTPD_DOTSTREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/span.h"
#include "smtpd/findings.h"

struct dotstream {
	struct findings found; /* only CRLF completes a line here */
	unsigned char state;   /* the reader's own */
};

void dotstream_begin(struct dotstream *stream);
/* Takes bytes; writes the message text among them (dots undone, CRLFs, bare CR and LF kept) to out, and its length to
 * *out_length. out needs room for input.length + 1 bytes: the CR of a line that begins "." CR is held back, and comes
 * first in the next call when no LF follows it. Nothing else is held back. out may not overlap input.
 * Returns true when CRLF.CRLF ended the text (or "." CRLF at its very start an empty one); *taken says how many input
 * bytes belong to it, the rest are the next command's; else all are taken. How the bytes were cut into calls never
 * changes text or findings. After the end it takes nothing more until dotstream_begin(). */
bool dotstream_feed(struct dotstream *stream, struct span input, char *out, size_t *out_length, size_t *taken);

#endif
