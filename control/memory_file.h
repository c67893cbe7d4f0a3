/* Sealed memory files: how the master hands more than a few bytes to its children, none of whom can change them.
 *
 * On failure: -1 or false with errno.
 */
#ifndef TIDEGATE_CONTROL_MEMORY_FILE_H
#define TIDEGATE_CONTROL_MEMORY_FILE_H

#include <stdbool.h>

#include "lib/span.h"

/* An empty one, close-on-exec, the caller's. */
int memory_file_new(const char *name);
bool memory_file_append(int fd, struct span bytes);
/* From now on nobody can change it. */
bool memory_file_seal(int fd);
/* All of it at once: new, written, sealed. */
int memory_file_of(const char *name, struct span bytes);

#endif
