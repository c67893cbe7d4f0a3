/* From the recipients files to the compiled map: read, check, flatten, write.
 *
 * Trust: the administrator's files.
 * On failure: every problem, one line each with file and line; the old map stays as it was.
 */
#ifndef TIDEGATE_LOOKUP_MAP_COMPILE_H
#define TIDEGATE_LOOKUP_MAP_COMPILE_H

#include <stdbool.h>

#include "conf/config.h"
#include "lib/buf.h"
#include "lookup/map_record.h"

enum { MAP_SHRINK_FROM = 20 }; /* a map of more addresses than this may not lose half of them without force */

/* Compiles the recipients of a configuration into `name` in folder (an open folder; nobody else writes there
 * meanwhile). is_forced: even when the map shrank by half. totals is filled in on success; messages gets the errors,
 * or, on success too, warnings. */
bool map_compile(const struct config *config, int folder, const char *name, bool is_forced, struct map_totals *totals,
    struct buf *messages);

#endif
