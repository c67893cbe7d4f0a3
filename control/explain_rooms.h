/* The side rooms that `tidegate explain` starts for itself: caller and dns, and deliver when there is a recipient. It
 * stands in for smtpd and asks them what smtpd would.
 *
 * They have their walls like those of the server, and end with explain. deliver gets a journal folder that it cannot
 * write to, so that the running server's journal stays untouched; a probe makes nothing.
 *
 * Trust: their answers are what smtpd would believe.
 * On failure: an answer that does not come is "unknown", as it would be for smtpd.
 */
#ifndef TIDEGATE_CONTROL_EXPLAIN_ROOMS_H
#define TIDEGATE_CONTROL_EXPLAIN_ROOMS_H

#include <stdbool.h>

#include "control/children.h"

struct explain_rooms {
	struct children children;
	struct ipc_channel dns; /* fd -1: not there */
	struct ipc_channel deliver;
	char storage[IPC_MESSAGE_BYTES]; /* of the answer received last */
};

/* Starts them. False: why says what failed; explain_rooms_stop() is still to be called. */
bool explain_rooms_start(struct explain_rooms *rooms, struct event_base *base, const struct supplies *supplies,
    bool with_deliver, struct buf *why);
/* Sends a question. */
bool explain_rooms_ask(const struct ipc_channel *room, const struct ipc_message *question);
/* Waits for the next message of a room, up to limit_ms. Its spans are good until the next call. */
bool explain_rooms_hear(
    struct explain_rooms *rooms, struct ipc_channel *room, uint64_t limit_ms, struct ipc_message *answer);
/* Ends them and waits until they have. */
void explain_rooms_stop(struct explain_rooms *rooms);

#endif
