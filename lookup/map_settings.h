/* What the recipient map takes from the configuration.
 *
 * A map names mailbox roots by number and holds local parts folded or not: with another list of roots its mailboxes
 * would lie elsewhere. So it carries a digest of those settings, and is refused by a server whose settings differ.
 *
 * Trust: the configuration is the administrator's.
 * On failure: without memory a digest is all zero and suits nothing.
 */
#ifndef TIDEGATE_LOOKUP_MAP_SETTINGS_H
#define TIDEGATE_LOOKUP_MAP_SETTINGS_H

#include <stdbool.h>

#include "conf/config.h"
#include "lookup/map_read.h"
#include "lookup/map_record.h"

/* The rules of lookup; the spans point into the configuration. */
struct map_rules map_rules_of(const struct config *config);
/* SHA-256 of the mailbox roots, in order, and of local-part-case. */
void map_settings_digest(const struct config *config, unsigned char digest[static MAP_DIGEST_BYTES]);
/* Was the map made with these settings? If not, `tidegate map` must be run again. */
bool map_suits(const struct map *map, const struct config *config);

#endif
