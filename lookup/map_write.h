/* Writes a compiled map: aside, fsync, rename over the old one, fsync of the folder.
 *
 * Trust: the source has been checked.
 * On failure: false with a sentence; the old map is untouched and nothing is left beside it.
 */
#ifndef TIDEGATE_LOOKUP_MAP_WRITE_H
#define TIDEGATE_LOOKUP_MAP_WRITE_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lookup/map_flatten.h"
#include "lookup/map_record.h"
#include "lookup/map_entries.h"

/* Writes all entries as `name` in folder, mode 0644. totals: settings and the time are the caller's, the counts and the
 * digest are filled in. The caller sees to it that nobody else writes there at the same time. */
bool map_write(int folder, const char *name, const struct map_entries *source, const struct map_flat *flat,
    struct map_totals *totals, struct buf *why);

#endif
