/* tidegate-auth: answers smtpd whether a password is the user's.
 *
 * Trust: smtpd may be compromised: it is told "passed" or "failed", never a hash. It opens no file and no socket.
 * On failure: AUTH_TROUBLE, which the client hears as a 454; a crash costs the questions in flight, nothing more.
 */
#ifndef TIDEGATE_LOOKUP_AUTH_H
#define TIDEGATE_LOOKUP_AUTH_H

#include "lib/child.h"

extern const struct child_program auth_program;

#endif
