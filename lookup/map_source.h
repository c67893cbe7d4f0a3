/* The recipients file, or a folder of them, read into entries (tidegate-recipients(5)).
 *
 *     ADDRESS  maildir [PATH] [quota=SIZE]
 *     ADDRESS  alias ADDRESS…
 *     ADDRESS  refuse ["TEXT"]
 *     ADDRESS  defer ["TEXT"]
 *
 * ADDRESS may be "*@domain". "#" at the start of a word begins a comment. Of a folder, every regular file is read, by
 * name, but for those that begin with "." or end in "~".
 *
 * Trust: the administrator's files.
 * On failure: a problem with file and line; the entry is kept without a destination where its address is known, so that
 * nothing else seems wrong because of it.
 */
#ifndef TIDEGATE_LOOKUP_MAP_SOURCE_H
#define TIDEGATE_LOOKUP_MAP_SOURCE_H

#include "lib/span.h"
#include "lookup/map_entries.h"

/* Adds the entries of one file's text. Pure but for memory. name is copied. */
void map_source_parse(struct map_entries *source, struct span name, struct span text);
/* Reads a file or a folder of them. What cannot be read is a problem too. */
void map_source_read(struct map_entries *source, const char *path);

#endif
