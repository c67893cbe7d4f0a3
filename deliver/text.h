/* The text of a copy: our header fields on top, and CRLF turned into LF.
 *
 * Pure.
 *
 * Trust: bodies are anybody's; addresses come from smtpd and from the map.
 * On failure: text_fields returns false when an address holds what would break out of its line.
 */
#ifndef TIDEGATE_DELIVER_TEXT_H
#define TIDEGATE_DELIVER_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/span.h"

/* Appends Return-Path (RFC 5321 4.4; an empty mailfrom is the null path) and Delivered-To, lines ended by LF. */
bool text_fields(struct span mailfrom, struct span delivered_to, struct buf *out);
/* Could the address stand in a header field as it is? No control characters. */
bool text_is_address(struct span address);
/* Could these be header fields? Empty, or ended by LF, with no CR, NUL or empty line. */
bool text_is_header(struct span fields);

/* A body on its way from CRLF to LF. A CR that no LF follows stays. */
struct text_lines {
	bool holds_cr; /* the last piece ended in CR */
};

/* Turns one more piece; out has room for bytes.length + 1. Returns how many bytes were put there. */
size_t text_to_lf(struct text_lines *lines, struct span bytes, char *out);
/* The end: a CR that was held back, if any; out has room for one byte. */
size_t text_end(struct text_lines *lines, char *out);

#endif
