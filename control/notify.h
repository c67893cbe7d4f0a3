/* Tells a service manager how the server is (sd_notify(3)), by hand: one datagram to NOTIFY_SOCKET.
 *
 * Trust: the environment is the administrator's.
 * On failure: nothing; without a service manager nothing is done.
 */
#ifndef TIDEGATE_CONTROL_NOTIFY_H
#define TIDEGATE_CONTROL_NOTIFY_H

/* Keeps NOTIFY_SOCKET for later and takes it out of the environment. */
void notify_init(void);
void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);

#endif
