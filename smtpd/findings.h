/* What a message text holds that somebody may object to: counted while the text streams by, whether it came by DATA or
 * by BDAT, so that both find the same in the same text.
 *
 * The readers (smtpd/dotstream, smtpd/bdat) know where lines end; this counts what is in them.
 *
 * Trust: none in the text. Pure: a value and functions over bytes.
 * On failure: nothing fails; findings are in the struct.
 */
#ifndef TIDEGATE_SMTPD_FINDINGS_H
#define TIDEGATE_SMTPD_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/span.h"

struct findings {
	uint64_t text_bytes;        /* of the message so far, CRLFs counted, stuffed dots not */
	uint64_t lines;             /* complete lines so far */
	uint64_t bare_newline_line; /* number (from 1) of the first line with a bare CR or LF; 0: none */
	uint64_t nul_line;          /* the first line with a NUL; 0: none */
	uint64_t long_line;         /* the first line over 998 octets without CRLF (RFC 5322 2.1.1); 0: none */
	uint64_t longest_line;      /* octets without CRLF and stuffed dot, the line under way included */
	unsigned received_fields;   /* "Received:" in any case, at line starts before the first empty line */
	bool has_8bit;              /* a byte over 127 */
	/* of the line under way */
	bool in_header;
	unsigned char name_matched;
	uint64_t line_bytes;
};

void findings_begin(struct findings *found);
/* Octets of the line under way, its end excepted; has_nul: there is a NUL among them. */
void findings_take(struct findings *found, struct span text, bool has_nul);
/* A CR that stays in the line under way, and is bare. */
void findings_take_bare_cr(struct findings *found);
/* The line with this number has a bare CR or LF; the first such line is kept. */
void findings_bare_newline(struct findings *found, uint64_t line);
/* The line under way is complete. */
void findings_end_line(struct findings *found);
/* Looks for bytes over 127 in text, until there was one. */
void findings_look_for_8bit(struct findings *found, struct span text);

#endif
