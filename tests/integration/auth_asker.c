/* A stand-in for tidegate-smtpd that speaks no SMTP: each line "USER<tab>PASSWORD" of a client becomes an AUTH_ASK,
 * each AUTH_SAY a line "VERDICT USER" back to him. Tests of tidegate-auth put it in the place of tidegate-smtpd beside
 * the real programs, so that they need neither TLS nor an SMTP dialogue, and can ask for many at once.
 *
 * Trust: none of it is needed; it runs in tests only.
 * On failure: it ends, and the master says so.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/plan.h"

enum { CLIENTS = 256, LINE_SIZE = 4096 };

struct client {
	int fd; /* 0: free */
	struct peer_address address;
	size_t length;
	char line[LINE_SIZE];
};

static struct client clients[CLIENTS];
static struct ipc_channel control = { .fd = FD_CONTROL, .self = ROLE_SMTPD, .peer = ROLE_MASTER };
static struct ipc_channel door = { .self = ROLE_SMTPD, .peer = ROLE_DOOR };
static struct ipc_channel auth = { .self = ROLE_SMTPD, .peer = ROLE_AUTH };
static bool has_auth = true;

static void
say(struct ipc_channel *to, const struct ipc_message *message)
{
	if (ipc_send(to, message) != IPC_OK)
		fprintf(stderr, "auth-asker: %s cannot be said\n", ipc_name(message->type));
}

static void
ask(uint32_t session, struct span line)
{
	struct ipc_message message = { .type = IPC_AUTH_ASK, .descriptor = -1 };
	size_t tab = span_find(line, '\t');

	message.auth_ask.session = session;
	message.auth_ask.client = clients[session].address;
	message.auth_ask.user = span_take(line, tab);
	message.auth_ask.password = span_skip(line, tab + 1);
	say(&auth, &message);
}

static void
drop(struct client *client)
{
	(void)close(client->fd);
	client->fd = 0;
}

static void
read_client(uint32_t number)
{
	struct client *client = &clients[number];
	ssize_t got = recv(client->fd, client->line + client->length, LINE_SIZE - client->length, 0);

	if (got <= 0) {
		drop(client);
		return;
	}
	client->length += (size_t)got;
	for (;;) {
		struct span text = span_make(client->line, client->length);
		size_t length = span_find(text, '\n');

		if (length == text.length)
			return;
		ask(number, span_take(text, length));
		client->length -= length + 1;
		memmove(client->line, client->line + length + 1, client->length);
	}
}

static void
take_client(const struct ipc_message *message)
{
	for (uint32_t i = 1; i < CLIENTS; i++) {
		if (clients[i].fd)
			continue;
		clients[i].fd = message->descriptor;
		clients[i].address = message->connection.client;
		clients[i].length = 0;
		return;
	}
	(void)close(message->descriptor);
}

static void
tell_client(const struct ipc_auth_say *answer)
{
	static const char *const verdicts[] = { "passed", "failed", "busy", "trouble" };

	if (answer->session < CLIENTS && clients[answer->session].fd && answer->verdict <= AUTH_TROUBLE)
		(void)dprintf(
		    clients[answer->session].fd, "%s %.*s\n", verdicts[answer->verdict], SPAN_ARG(answer->user));
}

static void
obey(const struct ipc_message *message)
{
	struct ipc_message status = { .type = IPC_STATUS_SAY, .descriptor = -1 };

	if (message->type == IPC_DRAIN)
		exit(0);
	if (message->type == IPC_STATUS_ASK) {
		status.status_say.serial = message->status_ask.serial;
		status.status_say.text = span_make("", 0);
		say(&control, &status);
	} else if (message->type == IPC_EDGE && message->edge.peer_role == ROLE_AUTH) {
		(void)dup3(message->descriptor, auth.fd, O_CLOEXEC);
		has_auth = true;
		fprintf(stderr, "auth-asker: auth is here again\n");
	}
	if (message->descriptor >= 0)
		(void)close(message->descriptor);
}

static void
hear(struct ipc_channel *channel)
{
	static char storage[IPC_MESSAGE_BYTES];
	struct ipc_message message;
	const char *why;
	enum ipc_result result = ipc_receive(channel, storage, sizeof storage, &message, &why);

	if (result == IPC_GONE && channel == &auth)
		has_auth = false;
	else if (result == IPC_GONE)
		exit(0);
	if (result != IPC_OK)
		return;
	if (message.type == IPC_CONNECTION)
		take_client(&message);
	else if (message.type == IPC_AUTH_SAY)
		tell_client(&message.auth_say);
	else
		obey(&message);
}

static void
turn(void)
{
	struct pollfd watched[CLIENTS + 3] = { { .fd = control.fd, .events = POLLIN },
		{ .fd = door.fd, .events = POLLIN }, { .fd = has_auth ? auth.fd : -1, .events = POLLIN } };

	for (unsigned i = 0; i < CLIENTS; i++)
		watched[3 + i] = (struct pollfd){ .fd = clients[i].fd ? clients[i].fd : -1, .events = POLLIN };
	if (poll(watched, CLIENTS + 3, -1) < 0)
		exit(1);
	for (uint32_t i = 0; i < CLIENTS; i++)
		if (watched[3 + i].revents)
			read_client(i);
	if (watched[2].revents)
		hear(&auth);
	if (watched[1].revents)
		hear(&door);
	if (watched[0].revents)
		hear(&control);
}

int
main(int argc, char **argv)
{
	const struct ipc_message ready = { .type = IPC_READY, .descriptor = -1, .ready.missing_walls = SPAN("") };
	unsigned cores = 1;

	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], "--cores=", 8) == 0)
			cores = (unsigned)strtoul(argv[i] + 8, NULL, 10);
	door.fd = plan_edge_descriptor(ROLE_SMTPD, 0, cores, ROLE_DOOR, 0);
	auth.fd = plan_edge_descriptor(ROLE_SMTPD, 0, cores, ROLE_AUTH, 0);
	say(&control, &ready);
	for (;;)
		turn();
}
