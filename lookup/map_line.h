/* One line of a recipients file (lookup/map_source.h has its form).
 *
 * Trust: the administrator's file. Pure but for memory.
 * On failure: a problem of the source.
 */
#ifndef TIDEGATE_LOOKUP_MAP_LINE_H
#define TIDEGATE_LOOKUP_MAP_LINE_H

#include "lib/span.h"
#include "lookup/map_entries.h"

/* Adds the entry of line `number` of a file, without its line end, to the source. */
void map_line_parse(struct map_entries *source, unsigned file, unsigned number, struct span text);

#endif
