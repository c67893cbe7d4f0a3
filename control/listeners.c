/* Binding and keeping the sockets of control/listeners.h.
 *
 * On failure: see the header.
 */
#include "control/listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/log.h"

enum {
	BACKLOG = 1024,
	FIRST_INHERITED = 3, /* sd_listen_fds(3) */
	INHERITED_MAX = 64
};

void
listeners_init(struct listeners *listeners)
{
	*listeners = (struct listeners){ 0 };
	for (unsigned i = 0; i < LISTENERS_MAX; i++)
		listeners->slots[i].fd = -1;
}

static void
close_slot(struct listener *slot)
{
	(void)close(slot->fd);
	*slot = (struct listener){ .fd = -1 };
}

static struct listener *
find_address(struct listeners *listeners, const struct peer_address *address)
{
	for (unsigned i = 0; i < LISTENERS_MAX; i++)
		if (listeners->slots[i].fd >= 0 && peer_equal(&listeners->slots[i].address, address))
			return &listeners->slots[i];
	return NULL;
}

static struct listener *
find_free(struct listeners *listeners)
{
	for (unsigned i = 0; i < LISTENERS_MAX; i++)
		if (listeners->slots[i].fd < 0)
			return &listeners->slots[i];
	return NULL;
}

static const char *
bind_advice(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "another program is listening there; stop it, or choose another port";
	case EACCES:
		return "only root may use ports below 1024; start as root, or choose a higher port";
	case EADDRNOTAVAIL:
		return "this machine has no such address";
	default:
		return strerror(error);
	}
}

/* A listening socket on this address, or -1 with errno. */
static int
bind_listener(const struct peer_address *address)
{
	struct sockaddr_storage name;
	socklen_t length = peer_to_sockaddr(address, &name);
	const int on = 1;
	int fd = socket(name.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	/* REUSEADDR: a restarted server need not wait for the TIME_WAIT of its last one's sessions. V6ONLY: [::] and
	 * 0.0.0.0 are two addresses, whatever the system's default. */
	bool ok = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
		  (address->family != 6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
		  bind(fd, (const struct sockaddr *)&name, length) == 0 && listen(fd, BACKLOG) == 0;
	if (!ok) {
		int saved = errno;

		(void)close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static bool
open_one(struct listeners *listeners, const struct config_listener *wanted, struct buf *why)
{
	const char *text = wanted->address;
	struct peer_address address;

	if (!peer_parse(span_of(text), &address)) {
		buf_printf(
		    why, "listener: \"%s\" is no address with a port; write 192.0.2.1:25 or [2001:db8::1]:25", text);
		return false;
	}
	struct listener *slot = find_address(listeners, &address);
	if (slot) {
		slot->is_wanted = true;
		return true;
	}
	slot = find_free(listeners);
	if (!slot) {
		buf_printf(why, "there are too many listeners");
		return false;
	}
	int fd = bind_listener(&address);
	if (fd < 0) {
		buf_printf(why, "cannot listen on %s: %s", text, bind_advice(errno));
		return false;
	}
	*slot = (struct listener){ .fd = fd, .is_wanted = true, .address = address };
	return true;
}

bool
listeners_open(struct listeners *listeners, const struct config *config, struct buf *why)
{
	struct listeners before = *listeners;

	for (unsigned i = 0; i < LISTENERS_MAX; i++)
		listeners->slots[i].is_wanted = false;
	for (size_t i = 0; i < config->listener_count; i++) {
		if (open_one(listeners, &config->listeners[i], why))
			continue;
		for (unsigned slot = 0; slot < LISTENERS_MAX; slot++)
			if (listeners->slots[slot].fd >= 0 && before.slots[slot].fd < 0)
				close_slot(&listeners->slots[slot]);
		*listeners = before;
		return false;
	}
	return true;
}

void
listeners_drop_unwanted(struct listeners *listeners, void (*drop)(void *context, uint8_t index), void *context)
{
	for (unsigned i = 0; i < LISTENERS_MAX; i++) {
		struct listener *slot = &listeners->slots[i];

		if (slot->fd < 0 || slot->is_wanted)
			continue;
		drop(context, (uint8_t)i);
		close_slot(slot);
	}
}

void
listeners_close(struct listeners *listeners)
{
	for (unsigned i = 0; i < LISTENERS_MAX; i++)
		if (listeners->slots[i].fd >= 0)
			close_slot(&listeners->slots[i]);
}

static bool
is_listening_tcp(int fd)
{
	int value = 0;
	socklen_t length = sizeof value;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &length) != 0 || value != SOCK_STREAM)
		return false;
	length = sizeof value;
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &length) == 0 && value != 0;
}

/* How many sockets a service manager passed to this very process, and forgets them in the environment. */
static unsigned
inherited_count(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *count = getenv("LISTEN_FDS");
	unsigned long sockets = count ? strtoul(count, NULL, 10) : 0;
	bool is_ours = pid && strtoul(pid, NULL, 10) == (unsigned long)getpid();

	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	return is_ours && sockets <= INHERITED_MAX ? (unsigned)sockets : 0;
}

/* The first configured address that has no socket yet. */
static bool
next_unserved(struct listeners *listeners, const struct config *config, struct peer_address *address)
{
	for (size_t i = 0; i < config->listener_count; i++)
		if (peer_parse(span_of(config->listeners[i].address), address) && !find_address(listeners, address))
			return true;
	return false;
}

/* The listener of the configuration at this address, or NULL. */
static const struct config_listener *
find_configured(const struct config *config, const struct peer_address *address)
{
	struct peer_address wanted;

	for (size_t i = 0; i < config->listener_count; i++)
		if (peer_parse(span_of(config->listeners[i].address), &wanted) && peer_equal(&wanted, address))
			return &config->listeners[i];
	return NULL;
}

/* `fits`: take the sockets that are bound to a configured address, or those that are not. */
static bool
take_inherited(struct listeners *listeners, const struct config *config, int fd, bool fits, struct buf *why)
{
	struct sockaddr_storage name;
	socklen_t length = sizeof name;

	if (!is_listening_tcp(fd) || getsockname(fd, (struct sockaddr *)&name, &length) != 0) {
		buf_printf(why, "descriptor %d of LISTEN_FDS is no listening TCP socket", fd);
		return false;
	}
	struct peer_address address = peer_from_sockaddr(&name);
	if ((find_configured(config, &address) != NULL) != fits)
		return true;
	if (!fits && !next_unserved(listeners, config, &address)) {
		log_warning("descriptor %d of LISTEN_FDS serves no configured address; it is closed", fd);
		(void)close(fd);
		return true;
	}
	struct listener *slot = find_free(listeners);
	if (!slot || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
		buf_printf(why, "descriptor %d of LISTEN_FDS cannot be used", fd);
		return false;
	}
	*slot = (struct listener){ .fd = fd, .is_wanted = true, .address = address };
	return true;
}

bool
listeners_inherit(struct listeners *listeners, const struct config *config, struct buf *why)
{
	unsigned count = inherited_count();

	for (unsigned i = 0; i < count; i++)
		if (!take_inherited(listeners, config, FIRST_INHERITED + (int)i, true, why))
			return false;
	for (unsigned i = 0; i < count; i++) {
		int fd = FIRST_INHERITED + (int)i;
		bool is_taken = false;

		for (unsigned slot = 0; slot < LISTENERS_MAX; slot++)
			is_taken = is_taken || listeners->slots[slot].fd == fd;
		if (!is_taken && !take_inherited(listeners, config, fd, false, why))
			return false;
	}
	return true;
}

bool
listeners_describe(const struct listeners *listeners, uint8_t index, const struct config *config, struct buf *networks,
    struct ipc_message *message)
{
	const struct listener *slot = &listeners->slots[index];
	const struct config_listener *wanted = find_configured(config, &slot->address);

	if (slot->fd < 0 || !wanted)
		return false;
	*networks = BUF_LIMIT(IPC_NETWORKS_BYTES);
	for (size_t i = 0; i < wanted->proxy_from.count; i++)
		buf_printf(networks, i ? " %s" : "%s", wanted->proxy_from.items[i]);
	*message = (struct ipc_message){ .type = IPC_LISTENER, .descriptor = slot->fd };
	message->listener.index = index;
	message->listener.address = span_of(wanted->address);
	message->listener.name = span_of(wanted->name);
	message->listener.role = (uint8_t)wanted->role;
	message->listener.tls = (uint8_t)wanted->tls;
	message->listener.is_proxied = wanted->proxy_protocol;
	message->listener.proxy_from = buf_span(networks);
	return true;
}
