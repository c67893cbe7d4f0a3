/* Command lines: cuts CRLF-ended lines out of a stream of bytes, and refuses everything that is not one.
 *
 * A line that ends in a bare LF, or holds a bare CR or a NUL, is LINE_BROKEN: the session answers 500 5.5.2 and
 * closes, since a peer that disagrees with us about line ends cannot be talked to (SMTP smuggling).
 *
 * Trust: none. Pure: no I/O, no globals.
 * On failure: see enum line_result.
 */
#ifndef TIDEGATE_SMTPD_LINE_H
#define TIDEGATE_SMTPD_LINE_H

#include "lib/span.h"

enum {
	/* Of a command, with its CRLF. RFC 5321 4.5.3.1.4 gives 512; extensions add to it (SIZE 26, 8BITMIME 16, AUTH
	 * 500, and room for those to come). */
	LINE_LIMIT_BYTES = 2048
};

enum line_result {
	LINE_WHOLE,   /* *line is the line without CRLF; *taken bytes are used up */
	LINE_PARTIAL, /* no CRLF yet and still under the limit: read on */
	LINE_LONG,  /* over the limit without CRLF: *taken bytes can be dropped; the line is to be skipped to its CRLF,
		     * that is: call again, drop what LINE_LONG takes, and drop the LINE_WHOLE that ends it */
	LINE_BROKEN /* bare LF, bare CR or NUL */
};

/* Looks at the bytes at hand, which begin with a line's first byte. A line has limit_bytes at most, with its CRLF;
 * the limit is the same for all calls about one line. *scanned (0 for a new line) says how many bytes an earlier
 * PARTIAL call has judged, and is updated, so that a byte a minute costs no more than its own look. *line points into
 * bytes; it is empty and *taken 0 for LINE_PARTIAL and LINE_BROKEN. How the bytes were cut into calls never changes
 * what comes out. */
enum line_result line_take(struct span bytes, size_t limit_bytes, size_t *scanned, struct span *line, size_t *taken);

#endif
