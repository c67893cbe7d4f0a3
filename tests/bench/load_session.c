/* The client connection of tests/bench/load_session.h.
 *
 * On failure: see there.
 */
#include "tests/bench/load_session.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { INPUT_BYTES = 2048, OUTPUT_BYTES = 1024, HEAD_BYTES = 512 };

enum state { FREE, CONNECTING, BANNER, EHLO, MAIL, RCPT, DATA, BODY, DOT, RSET, QUIT, HELD };

struct load_session {
	int fd;
	int epoll;
	enum state state;
	bool waits_to_write;
	int sent_here;
	long serial;
	double began_at;
	char input[INPUT_BYTES];
	size_t input_length;
	char output[OUTPUT_BYTES];
	size_t output_length;
	char head[HEAD_BYTES]; /* of the message: every message has a Message-ID of its own */
	size_t head_length;
	size_t sent; /* of head and body */
};

static char *body;
static size_t body_length;
static int live;

void
load_make_message(void)
{
	static const char line[] = "The quick brown fox jumps over the lazy dog, again and again.\r\n";
	size_t length = sizeof line - 1;
	size_t wanted = load_options.size_bytes > 256 ? load_options.size_bytes - 256 : 0;

	body = malloc(wanted + length + 16);
	if (!body)
		load_die("no memory for a message");
	while (body_length + length <= wanted || body_length == 0) {
		memcpy(body + body_length, line, length);
		body_length += length;
	}
	const char *end = load_options.pipelines_quit ? ".\r\nQUIT\r\n" : ".\r\n";
	memcpy(body + body_length, end, strlen(end));
	body_length += strlen(end);
}

struct load_session *
load_sessions_new(int count)
{
	struct load_session *all = calloc((size_t)count, sizeof *all);

	if (!all)
		load_die("no memory for %d sessions", count);
	return all;
}

struct load_session *
load_session_at(struct load_session *all, int index)
{
	return &all[index];
}

bool
load_session_is_free(const struct load_session *session)
{
	return session->state == FREE;
}

int
load_sessions_live(void)
{
	return live;
}

static void
arm(struct load_session *session, bool to_write)
{
	struct epoll_event event = { .events = EPOLLIN | (to_write ? EPOLLOUT : 0), .data.ptr = session };

	if (session->waits_to_write == to_write)
		return;
	session->waits_to_write = to_write;
	if (epoll_ctl(session->epoll, EPOLL_CTL_MOD, session->fd, &event) < 0)
		load_die("epoll_ctl: %s", strerror(errno));
}

static void
end(struct load_session *session)
{
	(void)close(session->fd);
	session->state = FREE;
	live--;
}

static void
drop(struct load_session *session, const char *why)
{
	load_counts.dropped++;
	if (load_counts.dropped <= 5)
		(void)fprintf(stderr, "smtpload: a connection was dropped: %s\n", why);
	end(session);
}

static void
say(struct load_session *session, const char *format, ...)
{
	va_list arguments;
	size_t room = sizeof session->output - session->output_length;

	va_start(arguments, format);
	int length = vsnprintf(session->output + session->output_length, room, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= room)
		load_die("a command did not fit");
	session->output_length += (size_t)length;
}

static void
begin_transaction(struct load_session *session)
{
	session->serial = load_counts.begun++;
	if (session->sent_here++)
		session->began_at = load_now();
	session->state = MAIL;
	session->sent = 0;
	session->head_length = (size_t)snprintf(session->head, sizeof session->head,
	    "From: Sender <sender@client.test>\r\nTo: Recipient <u0@%s>\r\nSubject: load test message\r\n"
	    "Date: Sun, 22 Nov 2026 00:00:00 +0000\r\nMessage-ID: <%ld.%d@client.test>\r\n\r\n",
	    load_options.domain, session->serial, (int)getpid());
	say(session, "MAIL FROM:<sender@client.test>\r\n");
}

static void
next_or_quit(struct load_session *session)
{
	if (load_has_work() && (!load_options.messages_each || session->sent_here < load_options.messages_each)) {
		begin_transaction(session);
		return;
	}
	session->state = QUIT;
	if (!load_options.pipelines_quit || load_options.stops_at_refusal)
		say(session, "QUIT\r\n");
}

static void
count_failure(int code)
{
	if (code >= 500)
		load_counts.permanent++;
	else
		load_counts.temporary++;
}

static void
on_final_reply(struct load_session *session, int code)
{
	load_latency(load_now() - session->began_at);
	if (code == 250) {
		load_counts.accepted++;
		load_counts.accepted_at = load_now();
	} else {
		count_failure(code);
	}
	next_or_quit(session);
}

static void
on_recipient_reply(struct load_session *session, int code)
{
	if (code == 250 && !load_options.stops_at_refusal) {
		session->state = DATA;
		say(session, "DATA\r\n");
		return;
	}
	load_counts.refused_recipients += code != 250;
	load_latency(load_now() - session->began_at);
	if (load_options.messages_each == 1) {
		next_or_quit(session);
	} else {
		session->state = RSET;
		say(session, "RSET\r\n");
	}
}

static void
on_reply(struct load_session *session, int code)
{
	switch (session->state) {
	case BANNER:
		session->state = EHLO;
		say(session, "EHLO client.test\r\n");
		return;
	case EHLO:
		if (load_options.holds) {
			session->state = HELD;
			load_counts.held++;
		} else {
			next_or_quit(session);
		}
		return;
	case MAIL:
		if (code == 250) {
			session->state = RCPT;
			say(session, "RCPT TO:<%s%ld@%s>\r\n", load_options.stops_at_refusal ? "nobody" : "u",
			    session->serial % load_options.users, load_options.domain);
			return;
		}
		break;
	case RCPT:
		on_recipient_reply(session, code);
		return;
	case DATA:
		if (code == 354) {
			session->state = BODY;
			return;
		}
		break;
	case DOT:
		on_final_reply(session, code);
		return;
	case RSET:
		next_or_quit(session);
		return;
	case QUIT:
		end(session);
		return;
	case FREE:
	case CONNECTING:
	case BODY:
	case HELD:
		drop(session, "a reply that nobody asked for");
		return;
	}
	count_failure(code);
	session->state = QUIT;
	say(session, "QUIT\r\n");
}

/* What is to be written next: commands first, then the message, in as few pieces as there are. */
static size_t
next_output(struct load_session *session, struct iovec pieces[static 2])
{
	if (session->output_length) {
		pieces[0] = (struct iovec){ session->output, session->output_length };
		return 1;
	}
	if (session->state != BODY)
		return 0;
	size_t count = 0;
	if (session->sent < session->head_length)
		pieces[count++] = (struct iovec){ session->head + session->sent, session->head_length - session->sent };
	size_t done = session->sent > session->head_length ? session->sent - session->head_length : 0;
	pieces[count++] = (struct iovec){ body + done, body_length - done };
	return count;
}

static void
flush(struct load_session *session)
{
	struct iovec pieces[2];
	size_t count = next_output(session, pieces);

	while (count) {
		struct msghdr message = { .msg_iov = pieces, .msg_iovlen = count };
		ssize_t written = sendmsg(session->fd, &message, MSG_NOSIGNAL);

		if (written < 0 && errno == EAGAIN) {
			arm(session, true);
			return;
		}
		if (written < 0) {
			drop(session, "a write failed");
			return;
		}
		if (session->output_length) {
			session->output_length -= (size_t)written;
			memmove(session->output, session->output + written, session->output_length);
		} else {
			session->sent += (size_t)written;
			if (session->sent == session->head_length + body_length)
				session->state = DOT;
		}
		count = next_output(session, pieces);
	}
	arm(session, false);
}

static void
take_replies(struct load_session *session)
{
	char *line = session->input;
	char *newline = memchr(line, '\n', session->input_length);

	while (newline && session->state != FREE) {
		if (newline - line >= 4 && line[3] != '-')
			on_reply(session, (int)strtol(line, NULL, 10));
		line = newline + 1;
		newline = memchr(line, '\n', session->input_length - (size_t)(line - session->input));
	}
	session->input_length -= (size_t)(line - session->input);
	memmove(session->input, line, session->input_length);
}

static void
on_input(struct load_session *session)
{
	size_t room = sizeof session->input - session->input_length;
	ssize_t got = room ? recv(session->fd, session->input + session->input_length, room, 0) : 0;

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		if (session->state == QUIT)
			end(session);
		else
			drop(session, "closed by the server");
		return;
	}
	session->input_length += (size_t)got;
	take_replies(session);
	if (session->state != FREE)
		flush(session);
}

void
load_session_event(struct load_session *session, uint32_t events)
{
	if (session->state == FREE)
		return;
	if (session->state == CONNECTING) {
		int error = 0;
		socklen_t length = sizeof error;

		(void)getsockopt(session->fd, SOL_SOCKET, SO_ERROR, &error, &length);
		if (error) {
			drop(session, strerror(error));
			return;
		}
		session->state = BANNER;
		arm(session, false);
	}
	if (events & EPOLLOUT)
		flush(session);
	if (session->state != FREE && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		on_input(session);
}

static void
bind_source(int fd)
{
	static unsigned turn;
	struct sockaddr_in source = { .sin_family = AF_INET };
	int one = 1;

	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
	source.sin_addr.s_addr = htonl(0x7f000101u + turn++ % (unsigned)load_options.sources);
	if (bind(fd, (struct sockaddr *)&source, sizeof source) < 0)
		load_die("bind: %s", strerror(errno));
}

void
load_session_open(struct load_session *session, int epoll)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT, .data.ptr = session };
	int one = 1;

	memset(session, 0, sizeof *session);
	session->epoll = epoll;
	session->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (session->fd < 0)
		load_die("socket: %s", strerror(errno));
	(void)setsockopt(session->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (load_options.sources > 1)
		bind_source(session->fd);
	session->state = CONNECTING;
	session->waits_to_write = true;
	session->began_at = load_now();
	live++;
	load_counts.connections++;
	const struct sockaddr *server = (const struct sockaddr *)&load_options.server;
	if (connect(session->fd, server, sizeof load_options.server) < 0 && errno != EINPROGRESS)
		load_die("connect: %s", strerror(errno));
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, session->fd, &event) < 0)
		load_die("epoll_ctl: %s", strerror(errno));
}
