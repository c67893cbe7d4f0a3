/* The frame of every value in a compiled map, of recipients or of users: version, kind, what the map has to say, and a
 * checksum over key and value, so that a damaged record is never taken for another one.
 *
 * Trust: none in the bytes. Pure.
 * On failure: false; encoders have the buffer's sticky error.
 */
#ifndef TIDEGATE_LOOKUP_RECORD_H
#define TIDEGATE_LOOKUP_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/span.h"

enum { RECORD_FRAME_BYTES = 1 + 1 + 4 /* what a value has besides its body */ };

/* Begins a value; returns where, for record_end(). */
size_t record_begin(struct buf *out, uint8_t version, uint8_t kind);
/* Ends the value of this key. */
void record_end(struct buf *out, size_t start, struct span key);
/* Takes the frame off; false when checksum or version are not right. body points into value. */
bool record_open(struct span key, struct span value, uint8_t version, uint8_t *kind, struct span *body);

#endif
