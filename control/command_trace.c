/* tidegate trace: the dialogue of the sessions of some clients, until it is interrupted (what qmail's recordio gave).
 *
 * The running server writes into a pipe that is made here; see control/trace_desk.h and smtpd/traces.h.
 *
 * Trust: what comes out of the pipe was written by processes that hold clients' bytes: nothing but printable ASCII
 * reaches the terminal.
 * On failure: a sentence on standard error, exit code 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "control/commands.h"
#include "control/control_socket.h"
#include "lib/peer.h"

enum {
	ANSWER_LIMIT_MS = 10000,
	WHY_LIMIT_BYTES = 1024,
	PIPE_BYTES = 1 << 20, /* so much may come before we read on */
	READ_BYTES = 65536
};

/* What is waited for. */
enum source { FROM_PIPE, FROM_SERVER, FROM_SIGNAL, SOURCES };

/* "trace NET NET": the commas of the option become spaces. */
static bool
make_request(const char *networks, struct buf *request)
{
	struct span rest = span_of(networks);
	struct network network;

	buf_append_text(request, "trace");
	while (rest.length) {
		struct span word = span_take(rest, span_find(rest, ','));

		if (!network_parse(word, &network)) {
			fprintf(stderr,
			    "tidegate trace: --ip %s: \"%.*s\" is no address and no network whose host bits are zero; "
			    "write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32\n",
			    networks, SPAN_ARG(word));
			return false;
		}
		buf_append_char(request, ' ');
		buf_append(request, word);
		rest = span_skip(rest, word.length + 1);
	}
	if (buf_ok(request) && request->length <= CONTROL_REQUEST_BYTES)
		return true;
	fprintf(stderr, "tidegate trace: --ip names too many networks\n");
	return false;
}

/* Both ends; the writer never waits. */
static bool
make_pipe(int ends[static 2])
{
	if (pipe2(ends, O_CLOEXEC) != 0) {
		fprintf(stderr, "tidegate trace: no pipe can be had: %s\n", strerror(errno));
		return false;
	}
	/* Best effort: the usual 64 KiB do as well. */
	(void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);
	return true;
}

/* Passes the pipe to the server; the connection, which keeps the trace going, or -1. */
static int
ask(const struct config *config, struct span request, int pipe_end)
{
	struct buf answer = BUF_LIMIT(CONTROL_ANSWER_BYTES);
	struct buf why = BUF_LIMIT(WHY_LIMIT_BYTES);
	int server = control_call(config->state, request, pipe_end, ANSWER_LIMIT_MS, &answer, &why);

	if (server < 0) {
		fprintf(stderr, "tidegate trace: %.*s\n", SPAN_ARG(buf_span(&why)));
	} else if (!span_starts_nocase(buf_span(&answer), SPAN("ok\n"))) {
		struct span text = span_skip(buf_span(&answer), SPAN("error\n").length);

		fprintf(stderr, "tidegate trace: %.*s", SPAN_ARG(text));
		(void)close(server);
		server = -1;
	}
	buf_free(&answer);
	buf_free(&why);
	return server;
}

static void
clean(char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((bytes[i] < ' ' || bytes[i] > '~') && bytes[i] != '\n')
			bytes[i] = '?';
}

/* What is in the pipe. False: nobody reads standard output any more. */
static bool
pass_on(int pipe_end)
{
	static char bytes[READ_BYTES];
	ssize_t got = read(pipe_end, bytes, sizeof bytes);

	if (got <= 0)
		return got == 0 || errno == EINTR || errno == EAGAIN;
	clean(bytes, (size_t)got);
	return fwrite(bytes, 1, (size_t)got, stdout) == (size_t)got && fflush(stdout) == 0;
}

/* SIGINT and SIGTERM are read like anything else. */
static int
watch_signals(void)
{
	sigset_t signals;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	return signalfd(-1, &signals, SFD_CLOEXEC);
}

/* Until somebody ends it. Returns the exit code. */
static int
follow(int pipe_end, int server, int signals)
{
	struct pollfd watched[SOURCES] = { [FROM_PIPE] = { .fd = pipe_end, .events = POLLIN },
		[FROM_SERVER] = { .fd = server, .events = POLLIN },
		[FROM_SIGNAL] = { .fd = signals, .events = POLLIN } };

	while (true) {
		if (poll(watched, SOURCES, -1) < 0 && errno != EINTR)
			return 1;
		/* What was said before the end comes first. */
		if (watched[FROM_PIPE].revents & POLLIN) {
			if (!pass_on(pipe_end))
				return 0;
			continue;
		}
		if (watched[FROM_SIGNAL].revents)
			return 0;
		if (watched[FROM_SERVER].revents || watched[FROM_PIPE].revents) {
			fprintf(stderr, "tidegate trace: the server has ended\n");
			return 1;
		}
	}
}

static int
trace(const struct config *config, const char *networks)
{
	struct buf request = BUF_LIMIT(2 * CONTROL_REQUEST_BYTES);
	int ends[2] = { -1, -1 };
	int server = -1;
	int code = 1;

	if (make_request(networks, &request) && make_pipe(ends))
		server = ask(config, buf_span(&request), ends[1]);
	buf_free(&request);
	/* From now on only the server writes. */
	if (ends[1] >= 0)
		(void)close(ends[1]);
	int signals = server < 0 ? -1 : watch_signals();
	if (signals >= 0)
		code = follow(ends[0], server, signals);
	if (ends[0] >= 0)
		(void)close(ends[0]);
	if (server >= 0)
		(void)close(server);
	if (signals >= 0)
		(void)close(signals);
	return code;
}

int
command_trace(int argc, char **argv)
{
	const char *path = command_default_config;
	const char *networks = NULL;
	const struct command_option options[] = { { "-c", &path, NULL }, { "--ip", &networks, NULL }, { 0 } };

	if (!command_options(&argc, argv, options) || argc != 1 || !networks) {
		fprintf(stderr, "usage: tidegate trace [-c FILE] --ip NET[,NET...]\n");
		return EXIT_USAGE;
	}
	struct config *config = command_read_config(path);
	if (!config)
		return 1;
	int code = trace(config, networks);
	config_free(config);
	return code;
}
