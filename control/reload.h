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
/* Asks keys about a set of certificates; sends the one in force to smtpd; or notes that one was refused. */
extern const struct certificates_events reload_certificates_events;
/* Sends the map in force to those who read it. The context of these three is the struct master. */
void reload_send_map(void *context);
/* Sends the users in force to tidegate-auth. */
void reload_send_users(void *context);
/* Sends tidegate-caller the folder of the auth-socket. */
void reload_send_folder(void *context);

#endif
