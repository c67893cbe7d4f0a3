/* Names on the wire of DNS (RFC 1035 3.1, 4.1.4), to and from text; c-ares behind a guard.
 *
 * c-ares 1.18 expands names of any length (fifty pointers over the same 64 KiB), and a label that is a single NUL
 * ends its text early, so that "victim.example" could stand for somebody else's name. The guard walks a name first:
 * 255 octets at most, a bounded number of pointers, and no label that text cannot hold.
 *
 * Text is raw octets with dots between labels, without escapes and without a final dot; the root is empty.
 *
 * Trust: messages are the Internet's. Pure.
 * On failure: an enum; a name that cannot be asked is false.
 */
#ifndef TIDEGATE_LOOKUP_DNS_NAME_H
#define TIDEGATE_LOOKUP_DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/span.h"
#include "lookup/replay.h"

enum dns_name_result {
	DNS_NAME_READ,    /* text and length are set, ASCII letters in lower case */
	DNS_NAME_STRANGE, /* well-formed, but with a dot or a NUL inside a label: nobody's host; has no text */
	DNS_NAME_BROKEN
};

/* Reads the name at *at of a message and moves *at behind it (unless BROKEN). */
enum dns_name_result dns_name_read(struct span message, size_t *at, char text[static DNS_NAME_BYTES], size_t *length);

/* Moves *at behind the name that is there. False: it is broken. */
bool dns_name_skip(struct span message, size_t *at);

enum { DNS_NAME_ESCAPED_SIZE = 2 * DNS_NAME_BYTES + 1 };

/* The name as c-ares takes it: NUL-terminated, backslashes doubled. False when it is too long or holds a NUL. */
bool dns_name_escape(struct span name, char escaped[static DNS_NAME_ESCAPED_SIZE]);

#endif
