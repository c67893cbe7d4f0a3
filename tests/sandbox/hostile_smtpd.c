/* A stand-in for tidegate-smtpd that has been taken over: it asks deliver for everything that deliver must refuse.
 *
 * tests/sandbox/test_hostile.py puts it in the place of tidegate-smtpd beside the real programs, so that the real
 * master starts it and the real deliver hears it. Instance 0 asks what hostile_asks.c has; the other instances break
 * the protocol itself, each in its own way, or tell the master lies. Every outcome is one line on standard error:
 * "hostile: NAME OUTCOME"; "hostile: done" ends them.
 *
 * Trust: none; that is its purpose.
 * On failure: it says "hostile: NAME silent" and ends.
 */
#include "tests/sandbox/hostile.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/buf.h"
#include "lib/plan.h"

enum { ACCUSER = 4, ANNOUNCER = 5, SLANDERER = 6 };

/* Instances 1 and up: not one message of the list. Deliver is to close the channel and have us restarted. */
static void
break_protocol(const struct ipc_channel *deliver, unsigned instance)
{
	struct buf bytes = BUF_LIMIT(IPC_MESSAGE_BYTES);
	struct ipc_message message = { .type = IPC_SETTLED, .descriptor = -1 };

	switch (instance % 3) {
	case 0:
		buf_append(&bytes, SPAN("\xff\xff garbage"));
		break;
	case 1: /* a good message with a byte too many */
		ipc_encode(&message, &bytes);
		buf_append_char(&bytes, 'x');
		break;
	default: /* what only the master may say */
		message.type = IPC_DRAIN;
		ipc_encode(&message, &bytes);
		break;
	}
	hostile_say("breach", "sent");
	(void)send(deliver->fd, bytes.data, bytes.length, MSG_NOSIGNAL);
	buf_free(&bytes);
}

/* Deliver is more trusted than we are, so to accuse it would end us; another smtpd is no neighbour of ours at all. */
static void
accuse_a_stranger(void)
{
	const struct ipc_channel control = { .fd = FD_CONTROL, .self = ROLE_SMTPD, .peer = ROLE_MASTER };
	struct ipc_message message = { .type = IPC_BREACH, .descriptor = -1 };

	message.breach.peer_role = ROLE_SMTPD;
	message.breach.peer_instance = 0;
	message.breach.what = SPAN("nothing");
	/* Said first: it may be our last word. */
	hostile_say("accusation", "sent");
	(void)ipc_send(&control, &message);
}

static unsigned
read_option(int argc, char **argv, const char *name)
{
	size_t length = strlen(name);

	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], name, length) == 0)
			return (unsigned)strtoul(argv[i] + length, NULL, 10);
	return 0;
}

/* Says of a connection that it does not hold that it is somebody else's, or that its client harvests addresses. */
static void
speak_of_another(unsigned instance, unsigned cores)
{
	const struct ipc_channel door = { .fd = plan_edge_descriptor(ROLE_SMTPD, instance, cores, ROLE_DOOR, 0),
		.self = ROLE_SMTPD,
		.peer = ROLE_DOOR };
	const struct peer_address other = { .family = 4, .ip = { 192, 0, 2, 1 } };
	struct ipc_message message = { .type = IPC_ANNOUNCED_ASK, .descriptor = -1 };

	message.announced_ask = (struct ipc_announced_ask){ .session = 1, .id = 1, .client = other };
	if (instance == SLANDERER) {
		message.type = IPC_HARVEST;
		message.harvest = (struct ipc_harvest){ .session = 1, .id = 1, .client = other };
	}
	if (ipc_send(&door, &message) != IPC_OK)
		hostile_say("word-of-another", "unsendable");
}

static void
say_ready(void)
{
	const struct ipc_channel control = { .fd = FD_CONTROL, .self = ROLE_SMTPD, .peer = ROLE_MASTER };
	const struct ipc_message message = { .type = IPC_READY, .descriptor = -1, .ready.missing_walls = SPAN("") };

	if (ipc_send(&control, &message) != IPC_OK)
		exit(1);
}

/* A process that ends before all are ready keeps the server from starting: the test asks for the status once it runs.
 */
static void
wait_for_status_ask(void)
{
	struct ipc_channel channel = { .fd = FD_CONTROL, .self = ROLE_SMTPD, .peer = ROLE_MASTER };
	struct ipc_message message = { .type = IPC_TYPE_COUNT };
	static char storage[IPC_MESSAGE_BYTES];
	const char *why;

	while (message.type != IPC_STATUS_ASK) {
		struct pollfd control = { .fd = FD_CONTROL, .events = POLLIN };

		(void)poll(&control, 1, -1);
		if (ipc_receive(&channel, storage, sizeof storage, &message, &why) == IPC_GONE)
			exit(1);
	}
}

int
main(int argc, char **argv)
{
	struct ipc_channel deliver = { .self = ROLE_SMTPD, .peer = ROLE_DELIVER };
	unsigned instance = read_option(argc, argv, "--instance=");
	unsigned cores = read_option(argc, argv, "--cores=");

	deliver.fd = plan_edge_descriptor(ROLE_SMTPD, instance, cores, ROLE_DELIVER, 0);
	say_ready();
	if (instance > 0)
		wait_for_status_ask();
	if (instance == ACCUSER) {
		accuse_a_stranger();
	} else if (instance == ANNOUNCER || instance == SLANDERER) {
		speak_of_another(instance, cores);
	} else if (instance > 0) {
		break_protocol(&deliver, instance);
	} else {
		hostile_ask_deliver(deliver);
	}
	/* Stays until the master ends it or goes away. */
	struct pollfd control = { .fd = FD_CONTROL, .events = POLLIN };
	char drop[IPC_MESSAGE_BYTES];
	while (poll(&control, 1, -1) >= 0 && recv(FD_CONTROL, drop, sizeof drop, 0) > 0)
		continue;
	return 0;
}
