/* Both sides of control/control_socket.h.
 *
 * The socket's name is short and relative to the state folder, since a full path may be longer than the 107 bytes
 * that fit an address; the working folder is left for the moment of the call.
 *
 * On failure: see the header.
 */
#include "control/control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/datagram.h"

enum { ASKERS_MAX = 16, BACKLOG = 16 };

static const struct sockaddr_un socket_name = { AF_UNIX, "control.sock" };

struct control_asker {
	struct control_socket *socket;
	int fd; /* -1: the place is free */
	struct event *readable;
	int descriptor; /* that came with the request; -1: none */
	bool has_asked;
	void (*on_gone)(void *context); /* NULL: it does not stay */
	void *context;
};

struct control_socket {
	struct event_base *base;
	int fd;
	int folder;
	struct event *acceptable;
	control_handler *handler;
	void *context;
	struct control_asker askers[ASKERS_MAX];
};

/* bind() or connect() to the name inside a folder. */
static int
call_in_folder(int folder, int (*call)(int fd, const struct sockaddr *name, socklen_t length), int fd)
{
	int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (here < 0)
		return -1;
	int result = fchdir(folder) == 0 ? call(fd, (const struct sockaddr *)&socket_name, sizeof socket_name) : -1;
	int error = errno;
	/* Nothing but the path of the configuration depends on it; a folder that cannot be re-entered stays left. */
	if (fchdir(here) != 0)
		error = error ? error : errno;
	(void)close(here);
	errno = error;
	return result;
}

static void
forget(struct control_asker *asker)
{
	if (asker->readable)
		event_free(asker->readable);
	asker->readable = NULL;
	if (asker->fd >= 0)
		(void)close(asker->fd);
	if (asker->descriptor >= 0)
		(void)close(asker->descriptor);
	asker->fd = -1;
	asker->descriptor = -1;
	asker->has_asked = false;
	asker->on_gone = NULL;
}

/* A request, and the descriptor that came with it. */
static ssize_t
receive(struct control_asker *asker, char request[static CONTROL_REQUEST_BYTES])
{
	struct enclosed enclosed;
	ssize_t got = datagram_receive(asker->fd, request, CONTROL_REQUEST_BYTES, &enclosed);

	asker->descriptor = enclosed.descriptor;
	return (enclosed.flags & (MSG_TRUNC | MSG_CTRUNC)) || enclosed.descriptors > 1 ? -1 : got;
}

/* One who stays has gone. */
static void
let_go(struct control_asker *asker)
{
	void (*on_gone)(void *context) = asker->on_gone;
	void *context = asker->context;

	forget(asker);
	on_gone(context);
}

static void
on_readable(evutil_socket_t fd, short what, void *argument)
{
	struct control_asker *asker = argument;
	char request[CONTROL_REQUEST_BYTES];

	(void)fd;
	(void)what;
	if (asker->on_gone) {
		let_go(asker);
		return;
	}
	ssize_t got = receive(asker, request);
	if (got <= 0) {
		forget(asker);
		return;
	}
	(void)event_del(asker->readable);
	asker->has_asked = true;
	asker->socket->handler(asker->socket->context, asker, span_make(request, (size_t)got));
}

static bool
may_ask(int fd)
{
	struct ucred peer;
	socklen_t length = sizeof peer;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && (peer.uid == 0 || peer.uid == geteuid());
}

static struct control_asker *
find_place(struct control_socket *control)
{
	for (unsigned i = 0; i < ASKERS_MAX; i++)
		if (control->askers[i].fd < 0)
			return &control->askers[i];
	/* Somebody who connected and says nothing makes way. */
	for (unsigned i = 0; i < ASKERS_MAX; i++) {
		if (control->askers[i].has_asked)
			continue;
		forget(&control->askers[i]);
		return &control->askers[i];
	}
	return NULL;
}

static void
on_acceptable(evutil_socket_t listener, short what, void *argument)
{
	struct control_socket *control = argument;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (fd < 0)
		return;
	struct control_asker *asker = may_ask(fd) ? find_place(control) : NULL;
	if (!asker) {
		(void)close(fd);
		return;
	}
	asker->fd = fd;
	asker->readable = event_new(control->base, fd, EV_READ | EV_PERSIST, on_readable, asker);
	if (!asker->readable || event_add(asker->readable, NULL) != 0)
		forget(asker);
}

static bool
bind_socket(struct control_socket *control)
{
	/* The folder is locked, so a socket that is there belongs to nobody. */
	if (unlinkat(control->folder, socket_name.sun_path, 0) != 0 && errno != ENOENT)
		return false;
	mode_t before = umask(0177);
	int bound = call_in_folder(control->folder, bind, control->fd);
	int error = errno;
	(void)umask(before);
	errno = error;
	return bound == 0 && listen(control->fd, BACKLOG) == 0;
}

struct control_socket *
control_socket_open(struct event_base *base, int state_folder, control_handler *handler, void *context, struct buf *why)
{
	struct control_socket *control = calloc(1, sizeof *control);

	if (!control) {
		buf_printf(why, "no memory for the control socket");
		return NULL;
	}
	*control =
	    (struct control_socket){ .base = base, .folder = state_folder, .handler = handler, .context = context };
	for (unsigned i = 0; i < ASKERS_MAX; i++)
		control->askers[i] = (struct control_asker){ .socket = control, .fd = -1, .descriptor = -1 };
	control->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool ok = control->fd >= 0 && bind_socket(control);
	if (ok) {
		control->acceptable = event_new(base, control->fd, EV_READ | EV_PERSIST, on_acceptable, control);
		ok = control->acceptable && event_add(control->acceptable, NULL) == 0;
	}
	if (!ok) {
		buf_printf(why, "cannot make %s in the state folder: %s", socket_name.sun_path, strerror(errno));
		control_socket_close(control);
		return NULL;
	}
	return control;
}

static void
say(const struct control_asker *asker, bool is_ok, struct span text)
{
	struct buf answer = BUF_LIMIT(CONTROL_ANSWER_BYTES);

	buf_append_text(&answer, is_ok ? "ok\n" : "error\n");
	buf_append(&answer, text);
	if (asker->fd >= 0)
		(void)send(asker->fd, answer.data, answer.length, MSG_DONTWAIT | MSG_NOSIGNAL);
	buf_free(&answer);
}

void
control_answer(struct control_asker *asker, bool is_ok, struct span text)
{
	say(asker, is_ok, text);
	forget(asker);
}

int
control_take_descriptor(struct control_asker *asker)
{
	int descriptor = asker->descriptor;

	asker->descriptor = -1;
	return descriptor;
}

void
control_stay(struct control_asker *asker, struct span text, void (*on_gone)(void *context), void *context)
{
	asker->on_gone = on_gone;
	asker->context = context;
	say(asker, true, text);
	if (event_add(asker->readable, NULL) != 0)
		let_go(asker);
}

void
control_socket_close(struct control_socket *control)
{
	if (!control)
		return;
	for (unsigned i = 0; i < ASKERS_MAX; i++)
		forget(&control->askers[i]);
	if (control->acceptable) {
		event_free(control->acceptable);
		(void)unlinkat(control->folder, socket_name.sun_path, 0);
	}
	if (control->fd >= 0)
		(void)close(control->fd);
	free(control);
}

static bool
wait_for_answer(int fd, int limit_ms, struct buf *answer)
{
	struct pollfd watched = { .fd = fd, .events = POLLIN };
	char *to = buf_reserve(answer, CONTROL_ANSWER_BYTES);

	if (!to || poll(&watched, 1, limit_ms) != 1)
		return false;
	ssize_t got = recv(fd, to, CONTROL_ANSWER_BYTES, 0);
	if (got <= 0)
		return false;
	answer->length += (size_t)got;
	return true;
}

/* A connection to the server of that state folder; -1 with why. */
static int
call_server(const char *state_path, struct buf *why)
{
	int folder = open(state_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	bool is_called = folder >= 0 && fd >= 0 && call_in_folder(folder, connect, fd) == 0;

	if (!is_called && (errno == ENOENT || errno == ECONNREFUSED))
		buf_printf(why, "no server runs on the state folder %s", state_path);
	else if (!is_called)
		buf_printf(why, "cannot ask the server of %s: %s", state_path, strerror(errno));
	if (folder >= 0)
		(void)close(folder);
	if (is_called)
		return fd;
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

int
control_call(
    const char *state_path, struct span request, int descriptor, int limit_ms, struct buf *answer, struct buf *why)
{
	int fd = call_server(state_path, why);

	if (fd < 0)
		return -1;
	if (datagram_send(fd, request, descriptor) == (ssize_t)request.length && wait_for_answer(fd, limit_ms, answer))
		return fd;
	buf_printf(why, "the server of %s does not answer", state_path);
	(void)close(fd);
	return -1;
}

bool
control_ask(const char *state_path, struct span request, int limit_ms, struct buf *answer, struct buf *why)
{
	int fd = control_call(state_path, request, -1, limit_ms, answer, why);

	if (fd < 0)
		return false;
	(void)close(fd);
	return true;
}
