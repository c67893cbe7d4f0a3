/* CHUNKING (RFC 3030): the argument of BDAT, and the message text that its chunks make together.
 *
 * What the text holds is known by count, so no line end has a meaning for the protocol here, and one that is bare does
 * no harm: each CR, LF and CRLF becomes a CRLF, and the first line with a bare one is remembered for those who would
 * rather refuse it. A last line without an end gets one.
 *
 * Trust: none. Pure: values and functions over bytes.
 * On failure: an argument that is none is false; in the text nothing fails, findings are in the struct.
 */
#ifndef TIDEGATE_SMTPD_BDAT_H
#define TIDEGATE_SMTPD_BDAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/span.h"
#include "smtpd/findings.h"

struct bdat_chunk {
	uint64_t octets; /* UINT64_MAX stands for all that is more */
	bool is_last;
};

/* Reads "octets" or "octets LAST" (RFC 3030 2). False: it is neither, and *chunk is untouched. */
bool bdat_parse(struct span argument, struct bdat_chunk *chunk);

struct bdat_stream {
	struct findings found;
	bool is_after_cr; /* the line end that a CR made is written; an LF right behind it belongs to it */
};

void bdat_begin(struct bdat_stream *stream);
/* Takes octets of a chunk, all of them; writes the text they make to out, which has room for 2 * input.length bytes and
 * does not overlap input, and returns its length. How the message was cut into chunks and calls never changes text or
 * findings. */
size_t bdat_feed(struct bdat_stream *stream, struct span input, char *out);
/* After the last chunk: writes the CRLF that a last line lacks to out, which has room for 2 bytes, and returns its
 * length. */
size_t bdat_finish(struct bdat_stream *stream, char *out);

#endif
