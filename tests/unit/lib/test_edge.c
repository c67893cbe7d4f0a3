/* lib/edge.c: an edge over real socket pairs. What its room is told, and when, decides whether a session waits for an
 * answer that cannot come any more.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/edge.h"

enum { QUEUE_BYTES = 1 << 16 };

/* The end of smtpd, and what it has been told. */
struct room {
	struct event_base *base;
	struct edge *edge;
	unsigned heard;
	unsigned gone;
	bool was_open_when_gone;
	bool closes; /* at the first message */
};

static bool
on_message(void *context, struct edge *edge, const struct ipc_message *message)
{
	struct room *room = context;

	room->heard += message->type == IPC_COMMIT_SAY;
	if (room->closes)
		edge_close(edge);
	return true;
}

static void
on_gone(void *context, struct edge *edge)
{
	struct room *room = context;

	room->gone++;
	room->was_open_when_gone = edge_is_open(edge);
}

static int
open_room(void **state)
{
	static const struct edge_events events = { .on_message = on_message, .on_gone = on_gone };
	static struct room room;

	room = (struct room){ .base = event_base_new() };
	room.edge = edge_new(room.base, ROLE_SMTPD, ROLE_DELIVER, 0, QUEUE_BYTES, &events, &room);
	*state = &room;
	return room.edge ? 0 : -1;
}

static int
close_room(void **state)
{
	struct room *room = *state;
	int fd = edge_descriptor(room->edge);

	edge_free(room->edge);
	event_base_free(room->base);
	/* A fixed number is never given back by the edge itself. */
	return fd < 0 || close(fd) == 0 || errno == EBADF ? 0 : -1;
}

/* A fresh channel for the edge; returns the neighbour's end. */
static struct ipc_channel
attach(struct room *room)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	assert_true(edge_attach(room->edge, ends[1]));
	return (struct ipc_channel){ .fd = ends[0], .self = ROLE_DELIVER, .peer = ROLE_SMTPD };
}

static void
answer(const struct ipc_channel *neighbour)
{
	const struct ipc_message say = { .type = IPC_COMMIT_SAY, .descriptor = -1 };

	assert_int_equal(ipc_send(neighbour, &say), IPC_OK);
}

static void
turn(struct room *room)
{
	for (unsigned i = 0; i < 10; i++)
		(void)event_base_loop(room->base, EVLOOP_NONBLOCK);
}

static void
an_end_is_told_once(void **state)
{
	struct room *room = *state;
	struct ipc_channel neighbour = attach(room);

	answer(&neighbour);
	(void)close(neighbour.fd);
	turn(room);
	assert_int_equal(room->heard, 1);
	assert_int_equal(room->gone, 1);
	assert_false(edge_is_open(room->edge));
}

/* The master's news of a restarted neighbour may be read before the end of the old channel. */
static void
a_replaced_channel_is_an_end_too(void **state)
{
	struct room *room = *state;
	struct ipc_channel old = attach(room);

	answer(&old);
	answer(&old);
	(void)close(old.fd);
	struct ipc_channel fresh = attach(room);
	assert_int_equal(room->gone, 1);
	assert_false(room->was_open_when_gone);
	assert_true(edge_is_open(room->edge));
	turn(room);
	assert_int_equal(room->gone, 1);
	answer(&fresh);
	turn(room);
	assert_int_equal(room->heard, 1);
	(void)close(fresh.fd);
}

static unsigned accused;

static void
hear_accusation(void *context, enum role peer, unsigned peer_instance, const char *what)
{
	(void)context;
	(void)what;
	accused += peer == ROLE_DELIVER && peer_instance == 0;
}

static void
who_is_given_up_is_accused_once(void **state)
{
	struct room *room = *state;
	struct ipc_channel neighbour = attach(room);

	accused = 0;
	edge_report_breaches(hear_accusation, NULL);
	edge_give_up(room->edge, "it does not read");
	edge_give_up(room->edge, "it does not read");
	edge_report_breaches(NULL, NULL);
	assert_int_equal(accused, 1);
	assert_int_equal(room->gone, 1);
	assert_false(edge_is_open(room->edge));
	(void)close(neighbour.fd);
}

static void
the_first_channel_replaces_nothing(void **state)
{
	struct room *room = *state;
	struct ipc_channel first = attach(room);

	assert_int_equal(room->gone, 0);
	(void)close(first.fd);
	turn(room);
	struct ipc_channel second = attach(room);
	assert_int_equal(room->gone, 1);
	(void)close(second.fd);
}

static void
say(struct room *room, enum ipc_type type, int descriptor, uint32_t number)
{
	struct ipc_message message = { .type = type, .descriptor = descriptor };

	if (type == IPC_ABANDON)
		message.abandon.transaction = number;
	else
		message.claims.slots = number;
	assert_true(edge_send(room->edge, &message));
}

/* The next message that deliver hears, or IPC_TYPE_COUNT. */
static enum ipc_type
hear(struct ipc_channel *neighbour, uint32_t *number)
{
	static char storage[IPC_MESSAGE_BYTES];
	struct ipc_message message;
	const char *why;
	enum ipc_result result = ipc_receive(neighbour, storage, sizeof storage, &message, &why);

	if (result == IPC_AGAIN)
		return IPC_TYPE_COUNT;
	assert_int_equal(result, IPC_OK);
	if (message.descriptor >= 0)
		(void)close(message.descriptor);
	*number = message.type == IPC_ABANDON ? message.abandon.transaction : message.claims.slots;
	return message.type;
}

static void
gathered_messages_leave_together_at_the_end_of_the_round(void **state)
{
	struct room *room = *state;
	struct ipc_channel neighbour = attach(room);
	uint32_t number = 0;

	assert_true(edge_gather(room->edge));
	for (uint32_t i = 1; i <= 3; i++)
		say(room, IPC_ABANDON, -1, i);
	assert_int_equal(hear(&neighbour, &number), IPC_TYPE_COUNT);
	turn(room);
	for (uint32_t i = 1; i <= 3; i++) {
		assert_int_equal(hear(&neighbour, &number), IPC_ABANDON);
		assert_int_equal(number, i);
		assert_int_equal(neighbour.unread.length > 0, i < 3);
	}
	assert_int_equal(hear(&neighbour, &number), IPC_TYPE_COUNT);
	(void)close(neighbour.fd);
}

static void
a_descriptor_does_not_overtake_what_was_gathered(void **state)
{
	struct room *room = *state;
	struct ipc_channel neighbour = attach(room);
	uint32_t number = 0;

	assert_true(edge_gather(room->edge));
	say(room, IPC_ABANDON, -1, 1);
	say(room, IPC_CLAIMS, STDERR_FILENO, 2);
	assert_int_equal(hear(&neighbour, &number), IPC_ABANDON);
	assert_int_equal(hear(&neighbour, &number), IPC_CLAIMS);
	assert_int_equal(number, 2);
	turn(room);
	assert_int_equal(hear(&neighbour, &number), IPC_TYPE_COUNT);
	(void)close(neighbour.fd);
}

/* More than one datagram's worth, and more than the kernel takes: nothing is lost, up to the queue's limit. */
static void
what_was_gathered_is_refused_or_arrives(void **state)
{
	struct room *room = *state;
	struct ipc_channel neighbour = attach(room);
	const struct ipc_message message = { .type = IPC_ABANDON, .descriptor = -1 };
	uint32_t number = 0;
	unsigned taken = 0;
	unsigned heard = 0;

	assert_true(edge_gather(room->edge));
	while (taken < 1000000 && edge_send(room->edge, &message))
		taken++;
	assert_in_range(taken, QUEUE_BYTES / 64, 999999);
	for (unsigned round = 0; round < 1000 && heard < taken; round++) {
		turn(room);
		while (hear(&neighbour, &number) == IPC_ABANDON)
			heard++;
	}
	assert_int_equal(heard, taken);
	assert_int_equal(room->gone, 0);
	(void)close(neighbour.fd);
}

/* The descriptor by which libevent waits. */
static int
find_epoll(void)
{
	for (int fd = 0; fd < 1024; fd++) {
		char path[64];
		char target[64] = "";

		(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		if (readlink(path, target, sizeof target - 1) > 0 && strcmp(target, "anon_inode:[eventpoll]") == 0)
			return fd;
	}
	return -1;
}

/* As many as are taken, one message a datagram. */
static unsigned
say_all(struct room *room)
{
	const struct ipc_message message = { .type = IPC_ABANDON, .descriptor = -1 };
	unsigned taken = 0;

	while (taken < 1000000 && edge_send(room->edge, &message))
		taken++;
	return taken;
}

/* Who was told that a message did not leave asks somebody else, or answers its client: it must not leave later. */
static void
what_cannot_be_waited_for_is_not_queued(void **state)
{
	struct room *room = *state;
	struct ipc_channel neighbour = attach(room);
	const int epoll = find_epoll();
	const int kept = dup(epoll);
	uint32_t number = 0;
	unsigned heard = 0;

	assert_true(epoll >= 0 && kept >= 0);
	assert_int_equal(dup2(STDERR_FILENO, epoll), epoll);
	unsigned taken = say_all(room);
	assert_int_equal(dup2(kept, epoll), epoll);
	assert_int_equal(close(kept), 0);
	assert_in_range(taken, 1, 999999);
	taken += say_all(room);
	for (unsigned round = 0; round < 1000 && heard < taken; round++) {
		turn(room);
		while (hear(&neighbour, &number) == IPC_ABANDON)
			heard++;
	}
	turn(room);
	assert_int_equal(hear(&neighbour, &number), IPC_TYPE_COUNT);
	assert_int_equal(heard, taken);
	assert_int_equal(room->gone, 0);
	(void)close(neighbour.fd);
}

/* Three messages in one datagram, as a gathering neighbour sends them. */
static void
answer_thrice(const struct ipc_channel *neighbour)
{
	const struct ipc_message say = { .type = IPC_COMMIT_SAY, .descriptor = -1 };
	struct buf wire = BUF_LIMIT(IPC_MESSAGE_BYTES);

	for (unsigned i = 0; i < 3; i++)
		ipc_encode(&say, &wire);
	assert_int_equal(ipc_send_encoded(neighbour, buf_span(&wire), -1), IPC_OK);
	buf_free(&wire);
}

static void
a_datagram_is_heard_to_its_end_in_one_round(void **state)
{
	struct room *room = *state;
	struct ipc_channel neighbour = attach(room);

	answer_thrice(&neighbour);
	(void)event_base_loop(room->base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
	assert_int_equal(room->heard, 3);
	(void)close(neighbour.fd);
}

static void
nothing_is_heard_of_a_closed_edge(void **state)
{
	struct room *room = *state;
	struct ipc_channel neighbour = attach(room);

	room->closes = true;
	answer_thrice(&neighbour);
	turn(room);
	assert_int_equal(room->heard, 1);
	room->closes = false;
	struct ipc_channel fresh = attach(room);
	answer(&fresh);
	turn(room);
	assert_int_equal(room->heard, 2);
	(void)close(neighbour.fd);
	(void)close(fresh.fd);
}

int
main(void)
{
#define IN_ROOM(test) cmocka_unit_test_setup_teardown(test, open_room, close_room)
	const struct CMUnitTest tests[] = {
		IN_ROOM(an_end_is_told_once),
		IN_ROOM(a_replaced_channel_is_an_end_too),
		IN_ROOM(the_first_channel_replaces_nothing),
		IN_ROOM(who_is_given_up_is_accused_once),
		IN_ROOM(gathered_messages_leave_together_at_the_end_of_the_round),
		IN_ROOM(a_descriptor_does_not_overtake_what_was_gathered),
		IN_ROOM(what_was_gathered_is_refused_or_arrives),
		IN_ROOM(what_cannot_be_waited_for_is_not_queued),
		IN_ROOM(a_datagram_is_heard_to_its_end_in_one_round),
		IN_ROOM(nothing_is_heard_of_a_closed_edge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
