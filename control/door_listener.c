/* The listeners of control/door_listener.h.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "control/door_listener.h"

#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"

enum { FLOCK_US = 100 /* wake-ups closer than this come in flocks */ };

void
door_listener_close(struct door_listener *listener)
{
	if (listener->acceptable)
		event_free(listener->acceptable);
	if (listener->fd >= 0)
		(void)close(listener->fd);
	buf_free(&listener->proxies);
	*listener = (struct door_listener){ .door = listener->door, .fd = -1 };
}

static bool
take_facts(struct door_listener *listener, const struct ipc_listener *facts)
{
	memcpy(listener->name, facts->name.data, facts->name.length);
	listener->name[facts->name.length] = '\0';
	listener->role = facts->role;
	listener->tls = facts->tls;
	listener->is_proxied = facts->is_proxied;
	listener->proxies = BUF_LIMIT(IPC_NETWORKS_BYTES);
	buf_append(&listener->proxies, facts->proxy_from);
	return buf_ok(&listener->proxies);
}

bool
door_listener_open(struct door_listener *listener, struct event_base *base, const struct ipc_message *message,
    event_callback_fn on_acceptable)
{
	if (message->descriptor < 0) {
		log_error(
		    "no descriptor is left to listen on %.*s; restart the server", SPAN_ARG(message->listener.address));
		return false;
	}
	listener->fd = message->descriptor;
	listener->acceptable = event_new(base, listener->fd, EV_READ | EV_PERSIST, on_acceptable, listener);
	if (listener->acceptable && take_facts(listener, &message->listener))
		return true;
	log_error("no memory to listen on %.*s", SPAN_ARG(message->listener.address));
	door_listener_close(listener);
	return false;
}

bool
door_listener_suits(const struct door_listener *listener, const struct peer_address *peer)
{
	return !listener->is_proxied || network_list_contains(buf_span(&listener->proxies), peer);
}

void
door_listener_describe(const struct door_listener *listener, struct ipc_connection *connection)
{
	connection->listener = span_of(listener->name);
	connection->role = listener->role;
	connection->tls = listener->tls;
	connection->is_proxied = listener->is_proxied;
}

bool
door_listener_came_at_once(struct door_listener *listener)
{
	uint64_t now_us = clock_monotonic_us();
	bool at_once = now_us - listener->woken_us < FLOCK_US;

	listener->woken_us = now_us;
	return at_once;
}
