/* tidegate-keys: holds the private keys, and signs server TLS handshakes with them; nothing else, whoever asks.
 *
 * Keys come from the master in sealed memory files; what smtpd wants signed is judged by smtpd/keys_judge.h. There is
 * no message by which a key could leave.
 *
 * Trust: smtpd may be compromised. What it can have is signatures under handshakes, for as long as it is.
 * On failure: a verdict to the asker, whose handshake then fails; what is no handshake is logged (event=sign-refused).
 */
#ifndef TIDEGATE_SMTPD_KEYS_H
#define TIDEGATE_SMTPD_KEYS_H

#include "lib/child.h"

extern const struct child_program keys_program;

#endif
