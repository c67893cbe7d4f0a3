/* A whole file put in the place of another one of its name: written aside, synced, renamed over it, and the folder
 * synced. Whoever opens the name gets the old file or the new one, never a part.
 *
 * Trust: the folder is root's (or the user's whom the server runs as), and nobody else writes there at the same time.
 * On failure: nothing is left beside the old file.
 */
#ifndef TIDEGATE_LIB_DURABLE_REPLACE_H
#define TIDEGATE_LIB_DURABLE_REPLACE_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/span.h"

enum durable_replaced {
	DURABLE_REPLACED,
	DURABLE_UNCHANGED, /* errno says why */
	DURABLE_UNSURE     /* the new one is there, but after a power cut the old one may be back; errno says why */
};

/* Writes the content; false with errno. */
typedef bool durable_fill(void *context, int fd);

/* Makes the file of this name below folder what fill writes. For a moment it is called NAME.new. */
enum durable_replaced durable_replace(int folder, const char *name, mode_t mode, durable_fill *fill, void *context);
/* The same with bytes. */
enum durable_replaced durable_replace_with(int folder, const char *name, mode_t mode, struct span bytes);

#endif
