/* Reloading: everything is read and checked first; only then is anything changed.
 *
 * Trust: as at the start.
 * On failure: the old configuration, map and listeners stay in force, and why says what is wrong.
 */
#ifndef TIDEGATE_CONTROL_RELOAD_H
#define TIDEGATE_CONTROL_RELOAD_H

#include "control/master_state.h"

/* Reads the configuration again and picks up a new map. No session is dropped. */
bool reload_all(struct master *master, struct buf *why);
/* Lends the door all listeners; one that it has is replaced, and loses nobody who waits to be accepted. */
void reload_lend_listeners(struct master *master);
/* Asks keys about a set of certificates; sends the one in force to smtpd; or notes that one was refused. The context is
 * the struct master. */
extern const struct certificates_events reload_certificates_events;
/* Looks at all that may change beside the configuration (maps, certificates, the folder of the auth-socket), and hands
 * on what is new. */
void reload_look(struct master *master);

#endif
