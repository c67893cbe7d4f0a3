/* tidegate-caller: connects to what the configuration lists, by index, for those who may not: the resolvers, for
 * tidegate-dns, and the auth-socket, for tidegate-auth.
 *
 * A UDP socket is passed on at once; a TCP connection only once it stands, since a socket that is still connecting
 * could be turned elsewhere by its new owner (docs/THREATS.md).
 *
 * Trust: askers may be compromised: they name an index, never an address, and may have only so many connections under
 * way. It never reads a byte from the network and holds no listener.
 * On failure: SOCKET_FAILED with the reason.
 */
#ifndef TIDEGATE_CONTROL_CALLER_H
#define TIDEGATE_CONTROL_CALLER_H

#include "lib/child.h"

extern const struct child_program caller_program;

#endif
