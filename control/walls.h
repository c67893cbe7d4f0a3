/* Which walls are missing, as the processes said when they got READY.
 *
 * Trust: a process says so before it has read a byte from anybody.
 * On failure: nothing here can fail.
 */
#ifndef TIDEGATE_CONTROL_WALLS_H
#define TIDEGATE_CONTROL_WALLS_H

#include <stdbool.h>

#include "control/children.h"

/* Is any wall of any process missing? */
bool walls_any_missing(const struct children *children);
/* Appends "chroot (reason) in door.0, dns.0; …" to text; processes that miss the same share one part. */
void walls_describe(const struct children *children, struct buf *text);

#endif
