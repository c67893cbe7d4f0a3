/* The door: accepts clients on the listeners that the master lends, caps them in all and per address, and passes
 * each to the smtpd that has the fewest.
 *
 * Trust: it never reads a byte from a client, and may not connect. It believes an smtpd only about the connections
 * that it was given.
 * On failure: a client that cannot be taken hears 421 and is closed; without any smtpd the door stops accepting and
 * clients wait in the kernel's queue; without descriptors it rests for a moment.
 */
#ifndef TIDEGATE_CONTROL_DOOR_H
#define TIDEGATE_CONTROL_DOOR_H

#include "lib/child.h"

extern const struct child_program door_program;

#endif
