/* The listening sockets: bound by the master, or handed to it by a service manager (LISTEN_FDS), kept by it for a
 * door that is started again, and lent to the door.
 *
 * Trust: addresses come from the configuration. The master never accepts on them.
 * On failure: a sentence that names the address; a set that could not be made whole is not made at all.
 */
#ifndef TIDEGATE_CONTROL_LISTENERS_H
#define TIDEGATE_CONTROL_LISTENERS_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/config.h"
#include "lib/buf.h"
#include "lib/ipc.h"
#include "lib/peer.h"

/* `listen` and the sections may be 64 each, and a reload may hold old and new ones for a moment. */
enum { LISTENERS_MAX = 255 };

struct listener {
	int fd; /* -1: the slot is free */
	bool is_wanted;
	struct peer_address address;
};

struct listeners {
	struct listener slots[LISTENERS_MAX]; /* the slot's number is its index in LISTENER and UNLISTEN */
};

void listeners_init(struct listeners *listeners);
/* Takes the sockets of LISTEN_FDS when LISTEN_PID is this process; they serve the addresses they are bound to, and
 * those that fit no address serve in the order of the configuration. Unsets both variables. */
bool listeners_inherit(struct listeners *listeners, const struct config *config, struct buf *why);
/* Opens what the configuration wants and is not open. On failure what was newly opened is closed again. What is no
 * longer wanted stays open until listeners_drop_unwanted(). */
bool listeners_open(struct listeners *listeners, const struct config *config, struct buf *why);
/* Closes the slots that are not wanted; calls drop for each first. */
void listeners_drop_unwanted(struct listeners *listeners, void (*drop)(void *context, uint8_t index), void *context);
/* Fills in LISTENER for a slot; networks holds a text of the message. False: the configuration does not want that slot,
 * and nothing is filled in. */
bool listeners_describe(const struct listeners *listeners, uint8_t index, const struct config *config,
    struct buf *networks, struct ipc_message *message);
void listeners_close(struct listeners *listeners);

#endif
