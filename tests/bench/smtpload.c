/* smtpload: a bounded load generator for SMTP on loopback. One thread, epoll, so many connections at once, so many
 * transactions in all, then one line of figures: connections, accepted, delivered, refusals, seconds, latencies, its
 * own CPU.
 *
 * usage: smtpload [options] PORT
 *   -s N   connections at once (10)              -m N  transactions in all (100)
 *   -l N   size of a message in bytes (4096)     -c N  messages a connection, 0 for no limit (1)
 *   -u N   mailboxes in turn: u0… (10)           -f N  the first of them (0)
 *   -D X   their domain (bench.test)
 *   -x     RCPT TO nobodyN@…, which is refused    -Q    QUIT in the same write as the final dot
 *   -R     as -x, and latencies are those of RCPT   -t     STARTTLS on each connection
 *   -T     as -t, with OpenSSL's own client, which costs several times as much
 *   -i S   hold -s connections for S seconds     -a N  source addresses from 127.0.1.1 on
 *   -w F   count files that appear in the folders F, with %ld for the number
 *   -d S   give up after S seconds (120)
 *
 * On failure: exit 1 when a connection was dropped or a file is missing, 2 when it could not run at all.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/load_message.h"
#include "tests/bench/load_session.h"

enum { EVENTS = 256, BURST = 64, GREETED_AT_ONCE = 500 };

struct load_options load_options = {
	.sessions = 10,
	.messages = 100,
	.size_bytes = 4096,
	.messages_each = 1,
	.users = 10,
	.domain = "bench.test",
	.sources = 1,
};
struct load_counts load_counts;

static const char *watch_format;
static double patience_seconds = 120;
static double hold_seconds;
static float *latencies;
static long latency_count;
static long latency_room;
static long delivered;
static double delivered_at;
static int watcher = -1;

void
load_die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)fputs("smtpload: ", stderr);
	(void)vfprintf(stderr, format, arguments);
	(void)fputc('\n', stderr);
	va_end(arguments);
	exit(2);
}

double
load_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void
load_latency(double seconds)
{
	if (latency_count < latency_room)
		latencies[latency_count++] = (float)seconds;
}

bool
load_has_work(void)
{
	return load_counts.begun < load_options.messages;
}

static long
number(const char *text, long low, long high)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (end == text || *end || value < low || value > high)
		load_die("'%s' is not a number from %ld to %ld", text, low, high);
	return value;
}

static void
read_port(int argc, char **argv)
{
	if (optind != argc - 1)
		load_die("one port is needed");
	load_options.server.sin_family = AF_INET;
	load_options.server.sin_port = htons((uint16_t)number(argv[optind], 1, 65535));
	load_options.server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

static void
read_options(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "s:m:l:c:u:f:D:xRQtTi:a:w:d:")) != -1) {
		switch (option) {
		case 's':
			load_options.sessions = (int)number(optarg, 1, 20000);
			break;
		case 'm':
			load_options.messages = number(optarg, 1, 10000000);
			break;
		case 'l':
			load_options.size_bytes = (size_t)number(optarg, 512, 100 << 20);
			break;
		case 'c':
			load_options.messages_each = (int)number(optarg, 0, 1000000);
			break;
		case 'u':
			load_options.users = (int)number(optarg, 1, 1000000);
			break;
		case 'f':
			load_options.first_user = (int)number(optarg, 0, 1000000);
			break;
		case 'D':
			load_options.domain = optarg;
			break;
		case 'x':
			load_options.stops_at_refusal = true;
			break;
		case 'R':
			load_options.stops_at_refusal = load_options.times_recipients = true;
			break;
		case 'Q':
			load_options.pipelines_quit = true;
			break;
		case 't':
			load_options.uses_tls = true;
			break;
		case 'T':
			load_options.uses_tls = load_options.uses_openssl = true;
			break;
		case 'i':
			load_options.holds = true;
			hold_seconds = (double)number(optarg, 1, 600);
			break;
		case 'a':
			load_options.sources = (int)number(optarg, 1, 200);
			break;
		case 'w':
			watch_format = optarg;
			break;
		case 'd':
			patience_seconds = (double)number(optarg, 1, 3600);
			break;
		default:
			load_die("unknown option; the head of smtpload.c lists them");
		}
	}
}

/* Counts files that appear in the Maildirs. */
static void
watch_maildirs(int epoll)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &watcher };
	const char *mark = strstr(watch_format, "%ld");
	char path[512];

	if (!mark)
		load_die("-w needs %%ld where the number stands");
	watcher = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	for (int i = 0; i < load_options.users; i++) {
		(void)snprintf(path, sizeof path, "%.*s%d%s", (int)(mark - watch_format), watch_format,
		    load_options.first_user + i, mark + 3);
		if (inotify_add_watch(watcher, path, IN_CREATE | IN_MOVED_TO) < 0)
			load_die("inotify %s: %s", path, strerror(errno));
	}
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, watcher, &event) < 0)
		load_die("epoll_ctl: %s", strerror(errno));
}

static void
on_files(void)
{
	_Alignas(struct inotify_event) char events[65536];
	ssize_t got = read(watcher, events, sizeof events);

	while (got > 0) {
		for (char *at = events; at < events + got;) {
			const struct inotify_event *event = (const struct inotify_event *)at;

			if (event->mask & IN_Q_OVERFLOW)
				load_die("the kernel lost count of files");
			delivered++;
			delivered_at = load_now();
			at += sizeof *event + event->len;
		}
		got = read(watcher, events, sizeof events);
	}
}

static bool
may_open(void)
{
	if (load_sessions_live() >= load_options.sessions)
		return false;
	if (load_options.holds)
		return load_counts.connections < load_options.sessions &&
		       load_sessions_live() - load_counts.held < GREETED_AT_ONCE;
	if (load_options.messages_each == 1)
		return load_counts.connections < load_options.messages;
	return load_counts.begun + load_sessions_live() < load_options.messages;
}

static void
open_some(struct load_session *all, int epoll)
{
	static int next;

	/* A few at a time when they only wait, so that no listen queue overflows. */
	for (int burst = 0; burst < (load_options.holds ? 4 : BURST) && may_open(); burst++) {
		while (!load_session_is_free(load_session_at(all, next)))
			next = (next + 1) % load_options.sessions;
		load_session_open(load_session_at(all, next), epoll);
	}
}

static bool
is_finished(double *hold_until)
{
	if (load_options.holds) {
		/* Those that were turned away are counted, and do not come back. */
		if (load_counts.held + load_counts.dropped == load_options.sessions && *hold_until == 0) {
			*hold_until = load_now() + hold_seconds;
			(void)printf("held=%ld\n", load_counts.held);
			(void)fflush(stdout);
		}
		return *hold_until != 0 && load_now() >= *hold_until;
	}
	return load_sessions_live() == 0 && !may_open() && (!watch_format || delivered >= load_counts.accepted);
}

static int
by_value(const void *a, const void *b)
{
	float x = *(const float *)a;
	float y = *(const float *)b;

	return (x > y) - (x < y);
}

static double
percentile_ms(double part)
{
	return latency_count ? 1e3 * (double)latencies[(long)(part * (double)(latency_count - 1))] : 0;
}

static void
report(double began_at)
{
	struct rusage usage;
	double wall = load_now() - began_at;

	qsort(latencies, (size_t)latency_count, sizeof *latencies, by_value);
	(void)getrusage(RUSAGE_SELF, &usage);
	(void)printf("connections=%ld accepted=%ld delivered=%ld refused=%ld temporary=%ld permanent=%ld dropped=%ld "
		     "handshakes=%ld wall=%.4f "
		     "delivered_s=%.4f p50_ms=%.3f p99_ms=%.3f max_ms=%.3f own_cpu=%.3f\n",
	    load_counts.connections, load_counts.accepted, delivered, load_counts.refused_recipients,
	    load_counts.temporary, load_counts.permanent, load_counts.dropped, load_counts.handshakes, wall,
	    delivered ? delivered_at - began_at : 0, percentile_ms(.5), percentile_ms(.99), percentile_ms(1),
	    (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
}

int
main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	double hold_until = 0;

	read_options(argc, argv);
	read_port(argc, argv);
	load_message_make();
	(void)signal(SIGPIPE, SIG_IGN);
	struct load_session *all = load_sessions_new(load_options.sessions);
	latency_room = load_options.messages + load_options.sessions;
	latencies = calloc((size_t)latency_room, sizeof *latencies);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!latencies || epoll < 0)
		load_die("no memory or no epoll");
	if (watch_format)
		watch_maildirs(epoll);
	double began_at = load_now();
	while (!is_finished(&hold_until)) {
		if (load_now() - began_at > patience_seconds) {
			(void)fprintf(stderr, "smtpload: stopped early with %d connections\n", load_sessions_live());
			break;
		}
		open_some(all, epoll);
		int count = epoll_wait(epoll, events, EVENTS, 50);
		for (int i = 0; i < count; i++) {
			if (events[i].data.ptr == &watcher)
				on_files();
			else
				load_session_event(events[i].data.ptr, events[i].events);
		}
	}
	report(began_at);
	free(latencies);
	free(all);
	return load_counts.dropped || (watch_format && delivered < load_counts.accepted);
}
