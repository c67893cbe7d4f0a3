/* Text that is not ASCII: is it UTF-8 that may be kept and shown?
 *
 * Trust: none in the bytes. Pure; for ASCII ask span_is_ascii, which costs next to nothing.
 * On failure: false.
 */
#ifndef TIDEGATE_LIB_UTF8_H
#define TIDEGATE_LIB_UTF8_H

#include <stdbool.h>

#include "lib/span.h"

/* Is it well-formed UTF-8 (RFC 3629: no overlong form, no surrogate, nothing over U+10FFFF) without what would end a
 * line or steer a terminal: no control characters but those of ASCII, which are the caller's business (C1: U+0080 to
 * U+009F), no U+2028 and U+2029? */
bool utf8_is_text(struct span text);

/* A file's text without the mark (U+FEFF) that some editors put at its beginning. */
struct span utf8_skip_mark(struct span text);

#endif
