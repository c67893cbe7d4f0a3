/* One line of a recipients file (see lookup/map_source.h for its form).
 *
 * Trust: the administrator's file. Pure but for memory.
 * On failure: a problem of the source.
 */
#ifndef TIDEGATE_LOOKUP_MAP_LINE_H
#define TIDEGATE_LOOKUP_MAP_LINE_H

#include "lib/span.h"
#include "lookup/map_source.h"

/* Adds the entry of a line, without its line end, to the source. */
void map_line_parse(struct map_source *source, unsigned file, unsigned line, struct span text);

#endif
