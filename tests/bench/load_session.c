/* The client connection of tests/bench/load_session.h.
 *
 * On failure: see there.
 */
#include "tests/bench/load_session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/bench/load_channel.h"
#include "tests/bench/load_message.h"

enum { INPUT_BYTES = 2048, OUTPUT_BYTES = 1024, HEAD_BYTES = 512 };

enum state { FREE, CONNECTING, BANNER, EHLO, STARTTLS, HANDSHAKE, MAIL, RCPT, DATA, BODY, DOT, RSET, QUIT, HELD };

struct load_session {
	struct load_channel channel;
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

static int live;

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
	if (epoll_ctl(session->epoll, EPOLL_CTL_MOD, session->channel.fd, &event) < 0)
		load_die("epoll_ctl: %s", strerror(errno));
}

static void
end(struct load_session *session)
{
	load_channel_close(&session->channel);
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
	session->head_length = load_message_head(session->serial, session->head, sizeof session->head);
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
on_hello_reply(struct load_session *session)
{
	if (load_options.uses_tls && load_channel_is_clear(&session->channel)) {
		session->state = STARTTLS;
		say(session, "STARTTLS\r\n");
	} else if (load_options.holds) {
		session->state = HELD;
		load_counts.held++;
	} else {
		next_or_quit(session);
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
	case STARTTLS:
		if (code != 220)
			break;
		load_channel_begin_tls(&session->channel);
		session->state = HANDSHAKE;
		return;
	case EHLO:
		on_hello_reply(session);
		return;
	case MAIL:
		if (code == 250) {
			session->state = RCPT;
			if (load_options.times_recipients)
				session->began_at = load_now();
			say(session, "RCPT TO:<%s%ld@%s>\r\n", load_options.stops_at_refusal ? "nobody" : "u",
			    load_options.first_user + session->serial % load_options.users, load_options.domain);
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
	case HANDSHAKE:
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
	return load_message_rest(session->head, session->head_length, session->sent, pieces);
}

static void
flush(struct load_session *session)
{
	struct iovec pieces[2];
	size_t count = next_output(session, pieces);

	while (count) {
		ssize_t written = load_channel_send(&session->channel, pieces, count);

		if (written < 0 && errno == EAGAIN) {
			arm(session, true);
			return;
		}
		if (written <= 0) {
			drop(session, "a write failed");
			return;
		}
		if (session->output_length) {
			session->output_length -= (size_t)written;
			memmove(session->output, session->output + written, session->output_length);
		} else {
			session->sent += (size_t)written;
			if (session->sent == session->head_length + load_message_body_bytes())
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

/* STARTTLS was granted: shakes hands, then says EHLO once more. */
static void
shake_hands(struct load_session *session)
{
	switch (load_channel_handshake(&session->channel)) {
	case LOAD_READS:
		arm(session, false);
		return;
	case LOAD_WRITES:
		arm(session, true);
		return;
	case LOAD_FAILED:
		drop(session, "the TLS handshake failed");
		return;
	case LOAD_DONE:
		break;
	}
	load_counts.handshakes++;
	session->state = EHLO;
	say(session, "EHLO client.test\r\n");
	flush(session);
}

static void
on_input(struct load_session *session)
{
	size_t room = sizeof session->input - session->input_length;
	ssize_t got = room ? load_channel_receive(&session->channel, session->input + session->input_length, room) : 0;

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
	if (session->state == HANDSHAKE)
		shake_hands(session);
	else if (session->state != FREE)
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

		(void)getsockopt(session->channel.fd, SOL_SOCKET, SO_ERROR, &error, &length);
		if (error) {
			drop(session, strerror(error));
			return;
		}
		session->state = BANNER;
		arm(session, false);
	}
	if (session->state == HANDSHAKE) {
		shake_hands(session);
		return;
	}
	if (events & EPOLLOUT)
		flush(session);
	if (session->state != FREE && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		on_input(session);
}

void
load_session_open(struct load_session *session, int epoll)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT, .data.ptr = session };

	memset(session, 0, sizeof *session);
	session->epoll = epoll;
	session->state = CONNECTING;
	session->waits_to_write = true;
	session->began_at = load_now();
	live++;
	load_counts.connections++;
	load_channel_open(&session->channel);
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, session->channel.fd, &event) < 0)
		load_die("epoll_ctl: %s", strerror(errno));
}
