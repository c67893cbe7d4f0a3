/* A certificate of the server's own making, so that senders can encrypt from the first minute: senders that do not
 * insist on a name take any certificate (RFC 7672 1.3, RFC 3207 4.1).
 *
 * It is one file in the state folder, with the private key, mode 0600; made once, and anew when the host name changes
 * or it has expired.
 *
 * Trust: the state folder is root's.
 * On failure: false, and a sentence.
 */
#ifndef TIDEGATE_CONTROL_SELF_SIGNED_H
#define TIDEGATE_CONTROL_SELF_SIGNED_H

#include <stdbool.h>

#include "lib/buf.h"

extern const char self_signed_name[]; /* "self-signed.pem", in the state folder */

/* Makes the file below folder where there is none that serves for hostname; *is_new says whether it did. */
bool self_signed_ensure(int folder, const char *hostname, bool *is_new, struct buf *why);

#endif
