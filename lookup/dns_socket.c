/* One lent UDP socket.
 *
 * On failure: see lookup/dns_socket.h.
 */
#include "lookup/dns_socket.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"

enum {
	DATAGRAM_BYTES = 4096, /* more than any resolver sends to one that announced 1232 */
	DATAGRAMS_A_WAKE_UP = 16
};

/* Hands a datagram to the question it belongs to. */
static void
deliver(struct dns_socket *socket, struct span message)
{
	struct dns_socket_use *use = NULL;

	if (message.length >= 2) {
		unsigned id = (unsigned)(unsigned char)message.data[0] << 8 | (unsigned char)message.data[1];

		LIST_FOREACH(use, &socket->waiting, entry)
		if (use->id == id)
			break;
	}
	if (use && socket->events->on_datagram(socket->context, use, message))
		return;
	socket->unmatched++;
	socket->forged++;
}

static void
refuse_all(struct dns_socket *socket)
{
	struct dns_socket_waiting refused = LIST_HEAD_INITIALIZER(refused);

	/* Those that ask again at once on the same socket must not be met a second time. */
	while (!LIST_EMPTY(&socket->waiting)) {
		struct dns_socket_use *use = LIST_FIRST(&socket->waiting);

		LIST_REMOVE(use, entry);
		LIST_INSERT_HEAD(&refused, use, entry);
	}
	while (!LIST_EMPTY(&refused)) {
		struct dns_socket_use *use = LIST_FIRST(&refused);

		dns_socket_leave(use);
		socket->events->on_refused(socket->context, use);
	}
}

static void
on_readable(evutil_socket_t fd, short what, void *argument)
{
	struct dns_socket *socket = argument;
	char datagram[DATAGRAM_BYTES];

	(void)what;
	for (unsigned taken = 0; taken < DATAGRAMS_A_WAKE_UP && socket->fd == fd; taken++) {
		/* MSG_TRUNC: a longer one tells its real length, and is no answer to us. */
		ssize_t length = recv(fd, datagram, sizeof datagram, MSG_DONTWAIT | MSG_TRUNC);

		if (length < 0) {
			if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
				refuse_all(socket);
			return;
		}
		bool fits = (size_t)length <= sizeof datagram;
		deliver(socket, span_make(datagram, fits ? (size_t)length : 0));
		/* Usually there was one to wait for: no call that only says EAGAIN. */
		if (LIST_EMPTY(&socket->waiting))
			return;
	}
}

bool
dns_socket_open(struct dns_socket *socket, struct event_base *base, int fd, const struct peer_address *address)
{
	if (event_assign(&socket->readable, base, fd, EV_READ | EV_PERSIST, on_readable, socket) != 0 ||
	    event_add(&socket->readable, NULL) != 0) {
		(void)close(fd);
		return false;
	}
	socket->state = DNS_SOCKET_OPEN;
	socket->fd = fd;
	socket->address = *address;
	socket->uses = 0;
	socket->forged = 0;
	socket->born_ms = clock_monotonic_ms();
	LIST_INIT(&socket->waiting);
	return true;
}

bool
dns_socket_is_worn(const struct dns_socket *socket)
{
	return socket->uses >= DNS_SOCKET_USES || socket->forged >= DNS_SOCKET_FORGED ||
	       clock_monotonic_ms() - socket->born_ms >= DNS_SOCKET_AGE_MS;
}

void
dns_socket_close(struct dns_socket *socket)
{
	(void)event_del(&socket->readable);
	(void)close(socket->fd);
	socket->fd = -1;
	socket->state = DNS_SOCKET_FREE;
}

void
dns_socket_finish(struct dns_socket *socket)
{
	socket->state = DNS_SOCKET_DONE_WITH;
	if (LIST_EMPTY(&socket->waiting))
		dns_socket_close(socket);
}

bool
dns_socket_has_id(const struct dns_socket *socket, uint16_t id)
{
	const struct dns_socket_use *use;

	LIST_FOREACH(use, &socket->waiting, entry)
	if (use->id == id)
		return true;
	return false;
}

bool
dns_socket_ask(struct dns_socket *socket, struct dns_socket_use *use, uint16_t id, struct span message)
{
	ssize_t sent = send(socket->fd, message.data, message.length, MSG_DONTWAIT | MSG_NOSIGNAL);

	/* The kernel may first report what became of an earlier datagram; this one is then not sent yet. */
	if (sent < 0 && errno == ECONNREFUSED)
		sent = send(socket->fd, message.data, message.length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0)
		return false;
	socket->uses++;
	use->socket = socket;
	use->id = id;
	LIST_INSERT_HEAD(&socket->waiting, use, entry);
	return true;
}

void
dns_socket_leave(struct dns_socket_use *use)
{
	struct dns_socket *socket = use->socket;

	if (!socket)
		return;
	LIST_REMOVE(use, entry);
	use->socket = NULL;
	if (socket->state == DNS_SOCKET_DONE_WITH && LIST_EMPTY(&socket->waiting))
		dns_socket_close(socket);
}
