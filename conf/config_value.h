/* Values of the configuration: from the text of the file, back to it, and whether they make sense.
 *
 * Trust: the administrator's file. Pure.
 * On failure: a sentence that says what is wrong and what would be right, without file and line.
 */
#ifndef TIDEGATE_CONF_CONFIG_VALUE_H
#define TIDEGATE_CONF_CONFIG_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/config_schema.h"
#include "conf/problems.h"
#include "lib/buf.h"
#include "lib/span.h"

/* "10", and for SIZE "64K", for DURATION "5m" (the number is then in bytes or seconds). False when it is none, or does
 * not fit in 64 bits. */
bool config_parse_number(enum config_kind kind, struct span text, uint64_t *number);
/* Checks one number against its key's bounds; false: why. */
bool config_check_number(const struct config_key *key, struct span text, uint64_t *number, struct buf *why);
/* Checks one text (or one item of a list) by what its key wants; false: why. */
bool config_check_text(const struct config_key *key, struct span text, struct buf *why);
/* "mx.example.org": letters, digits, "-" and "_" in labels of at most 63, 253 in all. */
bool config_is_domain(struct span text);
/* Appends value in double quotes, as libconfuse reads it back. */
void config_quote(struct buf *out, struct span value);
/* Is the key's text a path of the file system? */
bool config_is_path(const struct config_key *key);
/* Appends path without empty and "." components and without a slash at the end, put behind base (an absolute path)
 * when it is not absolute. */
void config_absolute_path(struct span base, struct span path, struct buf *out);
/* Appends "IP:53\n" for each nameserver line of a resolv.conf, at most `most` of them; returns how many. */
size_t config_resolvers_of(struct span resolv_conf, size_t most, struct buf *out);

#endif
