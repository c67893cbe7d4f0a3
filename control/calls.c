/* Connections under way: non-blocking connect(), one event each, and the answer once they stand.
 *
 * On failure: see control/calls.h.
 */
#include "control/calls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event_struct.h>

#include "lib/plan.h"

struct call {
	struct calls *calls;
	void *asker; /* NULL: free */
	uint32_t serial;
	struct peer_address address;
	int fd;
	struct event writable;
};

struct calls {
	struct event_base *base;
	calls_done *done;
	uint64_t made;
	uint64_t failed;
	struct call items[CALLS_MAX];
};

struct calls *
calls_new(struct event_base *base, calls_done *done)
{
	struct calls *calls = calloc(1, sizeof *calls);

	if (!calls)
		return NULL;
	calls->base = base;
	calls->done = done;
	for (size_t i = 0; i < CALLS_MAX; i++)
		calls->items[i].calls = calls;
	return calls;
}

void
calls_refuse(struct calls *calls, void *asker, uint32_t serial, const char *why)
{
	calls->failed++;
	calls->done(asker, serial, -1, &(struct peer_address){ .family = 0 }, why);
}

/* Hands the socket over, and closes this process's own descriptor of it. */
static void
pass(struct calls *calls, void *asker, uint32_t serial, int fd, const struct peer_address *address)
{
	calls->made++;
	calls->done(asker, serial, fd, address, NULL);
	(void)close(fd);
}

static void
end(struct call *call)
{
	(void)event_del(&call->writable);
	call->asker = NULL;
}

static int
error_of(int fd)
{
	int error = 0;
	socklen_t length = sizeof error;

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

static void
on_writable(evutil_socket_t fd, short what, void *argument)
{
	struct call *call = argument;
	void *asker = call->asker;
	int error = what & EV_TIMEOUT ? ETIMEDOUT : error_of(fd);

	end(call);
	if (error == 0) {
		pass(call->calls, asker, call->serial, fd, &call->address);
		return;
	}
	(void)close(fd);
	calls_refuse(call->calls, asker, call->serial, strerror(error));
}

static struct call *
find_room(struct calls *calls, const void *asker)
{
	struct call *room = NULL;
	size_t under_way = 0;

	for (size_t i = 0; i < CALLS_MAX; i++) {
		under_way += calls->items[i].asker == asker;
		if (!calls->items[i].asker)
			room = &calls->items[i];
	}
	return under_way < CALLS_AN_ASKER ? room : NULL;
}

static bool
wait_until_it_stands(struct call *call)
{
	static const struct timeval patience = { CALLS_CONNECT_MS / 1000, CALLS_CONNECT_MS % 1000 * 1000 };

	return event_assign(&call->writable, call->calls->base, call->fd, EV_WRITE, on_writable, call) == 0 &&
	       event_add(&call->writable, &patience) == 0;
}

static void
begin(struct calls *calls, void *asker, uint32_t serial, const struct peer_address *address, int fd)
{
	struct call *call = find_room(calls, asker);

	if (!call) {
		(void)close(fd);
		calls_refuse(calls, asker, serial, "too many connections under way");
		return;
	}
	*call = (struct call){ .calls = calls, .asker = asker, .serial = serial, .address = *address, .fd = fd };
	if (wait_until_it_stands(call))
		return;
	call->asker = NULL;
	(void)close(fd);
	calls_refuse(calls, asker, serial, "no memory for a connection");
}

void
calls_connect(struct calls *calls, void *asker, uint32_t serial, const struct peer_address *address, bool is_stream)
{
	int kind = (is_stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
	struct sockaddr_storage name;
	socklen_t length = peer_to_sockaddr(address, &name);
	int fd = socket(address->family == 6 ? AF_INET6 : AF_INET, kind, 0);

	if (fd < 0) {
		calls_refuse(calls, asker, serial, strerror(errno));
		return;
	}
	if (connect(fd, (struct sockaddr *)&name, length) == 0) {
		pass(calls, asker, serial, fd, address);
		return;
	}
	if (is_stream && errno == EINPROGRESS) {
		begin(calls, asker, serial, address, fd);
		return;
	}
	int error = errno;
	(void)close(fd);
	calls_refuse(calls, asker, serial, strerror(error));
}

int
calls_connect_local(const char *name, const char **why)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = -1;

	(void)snprintf(to.sun_path, sizeof to.sun_path, "%s", name);
	/* Behind chroot a path leads nowhere, but a folder's descriptor does. */
	if (fchdir(FD_FOLDER) == 0)
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to) == 0)
		return fd;
	/* /dev/null stands there where there is no folder. */
	*why = errno == ENOTDIR ? "its folder is not there" : strerror(errno);
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

void
calls_forget(struct calls *calls, const void *asker)
{
	for (size_t i = 0; i < CALLS_MAX; i++) {
		struct call *call = &calls->items[i];

		if (!asker || call->asker != asker)
			continue;
		end(call);
		(void)close(call->fd);
	}
}

size_t
calls_under_way(const struct calls *calls)
{
	size_t count = 0;

	for (size_t i = 0; i < CALLS_MAX; i++)
		count += calls->items[i].asker != NULL;
	return count;
}

uint64_t
calls_made(const struct calls *calls)
{
	return calls->made;
}

uint64_t
calls_failed(const struct calls *calls)
{
	return calls->failed;
}

void
calls_free(struct calls *calls)
{
	if (!calls)
		return;
	for (size_t i = 0; i < CALLS_MAX; i++)
		calls_forget(calls, calls->items[i].asker);
	free(calls);
}
