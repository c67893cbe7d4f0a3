/* Starting and asking the rooms of control/explain_rooms.h.
 *
 * On failure: see the header.
 */
#include "control/explain_rooms.h"

#include <poll.h>
#include <unistd.h>

/* Nobody runs the event loop here: a room that ends is heard as the end of its channel. */
static const struct children_events no_events;

bool
explain_rooms_start(struct explain_rooms *rooms, struct event_base *base, const struct supplies *supplies,
    bool with_deliver, struct buf *why)
{
	rooms->dns = (struct ipc_channel){ .fd = -1, .self = ROLE_SMTPD, .peer = ROLE_DNS };
	rooms->deliver = (struct ipc_channel){ .fd = -1, .self = ROLE_SMTPD, .peer = ROLE_DELIVER };
	if (!children_init(&rooms->children, base, supplies, 1, &no_events, NULL)) {
		buf_printf(why, "no memory to start the side rooms");
		return false;
	}
	if (!children_start(&rooms->children, ROLE_CALLER, why) || !children_start(&rooms->children, ROLE_DNS, why))
		return false;
	rooms->dns.fd = children_take_end(&rooms->children, ROLE_SMTPD, ROLE_DNS);
	if (!with_deliver)
		return true;
	if (!children_start(&rooms->children, ROLE_DELIVER, why))
		return false;
	rooms->deliver.fd = children_take_end(&rooms->children, ROLE_SMTPD, ROLE_DELIVER);
	return true;
}

bool
explain_rooms_ask(const struct ipc_channel *room, const struct ipc_message *question)
{
	return room->fd >= 0 && ipc_send(room, question) == IPC_OK;
}

bool
explain_rooms_hear(struct explain_rooms *rooms, struct ipc_channel *room, uint64_t limit_ms, struct ipc_message *answer)
{
	struct pollfd watched = { .fd = room->fd, .events = POLLIN };
	const char *why;

	/* Several answers may have come in one datagram. */
	bool is_at_hand = room->unread.length > 0;
	if (room->fd < 0 || (!is_at_hand && poll(&watched, 1, (int)limit_ms) != 1))
		return false;
	return ipc_receive(room, rooms->storage, sizeof rooms->storage, answer, &why) == IPC_OK;
}

void
explain_rooms_stop(struct explain_rooms *rooms)
{
	children_end(&rooms->children);
	if (rooms->dns.fd >= 0)
		(void)close(rooms->dns.fd);
	if (rooms->deliver.fd >= 0)
		(void)close(rooms->deliver.fd);
}
