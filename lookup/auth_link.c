/* The connection of lookup/auth_link.h.
 *
 * On failure: see the header.
 */
#include "lookup/auth_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/problems.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lookup/auth_dovecot.h"
#include "lookup/auth_waiting.h"

enum { IN_BYTES = 4 * DOVECOT_LINE_BYTES, OUT_BYTES = AUTH_LINK_TRIES * DOVECOT_REQUEST_BYTES, SAID_EVERY_MS = 60000 };

/* CALLED: the caller was asked for a connection; GREETING: DONE has not come. */
enum link_state { LINK_DOWN, LINK_CALLED, LINK_GREETING, LINK_UP };

struct auth_link {
	struct event_base *base;
	const struct auth_link_events *events;
	void *context;
	enum link_state state;
	uint32_t serial; /* of the last call */
	int fd;
	bool is_ours;
	bool has_plain;
	struct event *readable;
	struct event *writable;
	struct event *patience;
	struct buf in;
	struct buf out;
	uint64_t said_ms; /* when the log said last that it is down */
	struct auth_waiting waiting;
};

static void
answer(struct auth_link *link, struct auth_place *place, enum auth_verdict verdict, struct span user)
{
	/* Freed first: whoever hears the answer may ask again. */
	struct auth_try attempt = place->attempt;

	auth_place_free(place);
	link->events->done(link->context, &attempt, verdict, user);
	auth_try_wipe(&attempt);
}

static void
answer_all(struct auth_link *link)
{
	struct auth_place *place = auth_waiting_next(&link->waiting, NULL);

	for (; place; place = auth_waiting_next(&link->waiting, place))
		answer(link, place, AUTH_TROUBLE, span_make("", 0));
}

static void
hang_up(struct auth_link *link)
{
	if (link->readable)
		event_free(link->readable);
	if (link->writable)
		event_free(link->writable);
	link->readable = NULL;
	link->writable = NULL;
	if (link->fd >= 0)
		(void)close(link->fd);
	link->fd = -1;
	link->state = LINK_DOWN;
	link->is_ours = false;
	link->has_plain = false;
	buf_reset(&link->in);
	buf_reset(&link->out);
}

/* The connection is of no use any more: all that wait hear so. */
static void
fail(struct auth_link *link, const char *why)
{
	uint64_t now_ms = clock_monotonic_ms();

	hang_up(link);
	if (link->said_ms == 0 || now_ms - link->said_ms >= SAID_EVERY_MS) {
		log_error("Dovecot's auth-socket is of no use: %s; users are told to try again later", why);
		link->said_ms = now_ms;
	}
	answer_all(link);
}

/* Sends what there is; waits for room where there is none. */
static void
flush(struct auth_link *link)
{
	while (link->out.length) {
		ssize_t sent = send(link->fd, link->out.data, link->out.length, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EAGAIN) {
			(void)event_add(link->writable, NULL);
			return;
		}
		if (sent < 0) {
			fail(link, strerror(errno));
			return;
		}
		buf_consume(&link->out, (size_t)sent);
	}
}

/* Sends the tries that wait for the connection. */
static void
send_tries(struct auth_link *link)
{
	struct auth_place *place = NULL;

	for (place = auth_waiting_next(&link->waiting, NULL); place; place = auth_waiting_next(&link->waiting, place)) {
		const struct auth_try *attempt = &place->attempt;

		if (place->is_sent)
			continue;
		place->is_sent = auth_dovecot_ask(
		    place->id, &attempt->client, auth_try_user(attempt), auth_try_password(attempt), &link->out);
		/* What cannot be asked is nobody's password. */
		if (!place->is_sent)
			answer(link, place, AUTH_FAILED, span_make("", 0));
	}
	if (buf_ok(&link->out))
		flush(link);
	else
		fail(link, "it does not read what it is asked");
}

static void
take_answer(struct auth_link *link, const struct dovecot_line *line)
{
	struct auth_place *place = auth_waiting_find(&link->waiting, line->id);

	/* One that has been given up. */
	if (!place)
		return;
	if (line->word == DOVECOT_OK)
		answer(link, place, AUTH_PASSED, span_make(line->user, line->user_length));
	else if (line->word == DOVECOT_FAIL && !line->is_temporary)
		answer(link, place, AUTH_FAILED, span_make("", 0));
	else
		answer(link, place, AUTH_TROUBLE, span_make("", 0));
}

static void
end_greeting(struct auth_link *link)
{
	if (!link->is_ours) {
		fail(link, "it speaks another version of the protocol");
	} else if (!link->has_plain) {
		fail(link, "it does not offer PLAIN; set auth_mechanisms = plain in Dovecot's configuration");
	} else {
		link->state = LINK_UP;
		link->said_ms = 0;
		send_tries(link);
	}
}

static void
take_line(struct auth_link *link, struct span text)
{
	struct dovecot_line line;

	auth_dovecot_parse(text, &line);
	switch (line.word) {
	case DOVECOT_VERSION:
		link->is_ours = line.is_ours;
		break;
	case DOVECOT_MECHANISM:
		link->has_plain = link->has_plain || line.is_plain;
		break;
	case DOVECOT_DONE:
		if (link->state == LINK_GREETING)
			end_greeting(link);
		break;
	case DOVECOT_OK:
	case DOVECOT_FAIL:
	case DOVECOT_CONTINUE:
		take_answer(link, &line);
		break;
	case DOVECOT_OTHER:
		break;
	case DOVECOT_NONSENSE:
		fail(link, "it says what nobody can understand");
		break;
	}
}

static void
take_lines(struct auth_link *link)
{
	while (link->state != LINK_DOWN) {
		struct span text = buf_span(&link->in);
		size_t length = span_find(text, '\n');

		if (length == text.length) {
			if (length > DOVECOT_LINE_BYTES)
				fail(link, "it says a line that does not end");
			return;
		}
		int fd = link->fd;
		take_line(link, span_take(text, length));
		/* A line may have ended the connection, and what followed from that begun another one. */
		if (link->fd != fd || link->state == LINK_DOWN)
			return;
		buf_consume(&link->in, length + 1);
	}
}

static void
on_readable(evutil_socket_t fd, short what, void *argument)
{
	struct auth_link *link = argument;
	char *to = buf_reserve(&link->in, DOVECOT_LINE_BYTES);
	ssize_t got = to ? recv(fd, to, DOVECOT_LINE_BYTES, MSG_DONTWAIT) : -1;

	(void)what;
	if (got < 0 && to && errno == EAGAIN)
		return;
	if (got <= 0) {
		fail(link, got == 0 ? "it has ended the connection" : strerror(to ? errno : ENOMEM));
		return;
	}
	link->in.length += (size_t)got;
	take_lines(link);
}

static void
on_writable(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	flush(argument);
}

static void
wait_on(struct auth_link *link)
{
	static const struct timeval second = { 1, 0 };

	if (!event_pending(link->patience, EV_TIMEOUT, NULL))
		(void)event_add(link->patience, &second);
}

static void
on_patience(evutil_socket_t fd, short what, void *argument)
{
	struct auth_link *link = argument;
	uint64_t now_ms = clock_monotonic_ms();
	struct auth_place *place = NULL;
	bool is_stuck = false;

	(void)fd;
	(void)what;
	for (place = auth_waiting_next(&link->waiting, NULL); place; place = auth_waiting_next(&link->waiting, place)) {
		if (now_ms < place->deadline_ms)
			continue;
		is_stuck = is_stuck || !place->is_sent;
		answer(link, place, AUTH_TROUBLE, span_make("", 0));
	}
	if (is_stuck)
		fail(link, "it does not greet");
	if (auth_link_length(link))
		wait_on(link);
}

struct auth_link *
auth_link_new(struct event_base *base, const struct auth_link_events *events, void *context)
{
	struct auth_link *link = calloc(1, sizeof *link);

	if (!link)
		return NULL;
	link->base = base;
	link->events = events;
	link->context = context;
	link->fd = -1;
	link->in = BUF_LIMIT(IN_BYTES);
	link->out = BUF_OF_SECRETS(OUT_BYTES);
	link->patience = event_new(base, -1, 0, on_patience, link);
	if (link->patience)
		return link;
	auth_link_free(link);
	return NULL;
}

static void
call(struct auth_link *link)
{
	link->state = LINK_CALLED;
	if (!link->events->call(link->context, ++link->serial))
		fail(link, "tidegate-caller cannot be asked");
}

bool
auth_link_add(struct auth_link *link, const struct auth_try *attempt)
{
	if (!auth_waiting_add(&link->waiting, attempt, clock_monotonic_ms() + AUTH_LINK_PATIENCE_MS))
		return false;
	wait_on(link);
	if (link->state == LINK_UP)
		send_tries(link);
	else if (link->state == LINK_DOWN)
		call(link);
	return true;
}

/* Dovecot takes a process's number, of which no two connections may have the same: one above all that the kernel gives
 * out, and another for each connection. */
static uint32_t
next_number(const struct auth_link *link)
{
	enum { ABOVE_ALL_PROCESSES = 1 << 22, CONNECTIONS = 256 };

	return ABOVE_ALL_PROCESSES + (uint32_t)getpid() * CONNECTIONS + link->serial % CONNECTIONS;
}

void
auth_link_lent(struct auth_link *link, uint32_t serial, int fd)
{
	if (link->state != LINK_CALLED || serial != link->serial) {
		(void)close(fd);
		return;
	}
	link->fd = fd;
	link->state = LINK_GREETING;
	link->readable = event_new(link->base, fd, EV_READ | EV_PERSIST, on_readable, link);
	link->writable = event_new(link->base, fd, EV_WRITE, on_writable, link);
	if (!link->readable || !link->writable || event_add(link->readable, NULL) != 0) {
		fail(link, "there is no memory for it");
		return;
	}
	auth_dovecot_greet(next_number(link), &link->out);
	flush(link);
}

void
auth_link_not_lent(struct auth_link *link, uint32_t serial, struct span why)
{
	char text[PROBLEMS_QUOTE_SIZE];

	if (link->state == LINK_CALLED && serial == link->serial)
		fail(link, problems_quote(why, text));
}

void
auth_link_caller_gone(struct auth_link *link)
{
	if (link->state == LINK_CALLED)
		fail(link, "tidegate-caller has ended");
}

void
auth_link_forget(struct auth_link *link, const void *asker)
{
	struct auth_place *place = NULL;

	for (place = auth_waiting_next(&link->waiting, NULL); place; place = auth_waiting_next(&link->waiting, place))
		if (place->attempt.asker == asker)
			auth_place_free(place);
}

void
auth_link_end(struct auth_link *link)
{
	hang_up(link);
	answer_all(link);
}

size_t
auth_link_length(const struct auth_link *link)
{
	return auth_waiting_length(&link->waiting);
}

void
auth_link_free(struct auth_link *link)
{
	if (!link)
		return;
	hang_up(link);
	buf_free(&link->in);
	buf_free(&link->out);
	if (link->patience)
		event_free(link->patience);
	explicit_bzero(&link->waiting, sizeof link->waiting);
	free(link);
}
