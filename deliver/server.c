/* The life of the room of deliver/server.h.
 *
 * On failure: see deliver/server.h.
 */
#include "deliver/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "deliver/recovery.h"
#include "deliver/server_private.h"

enum { EDGE_QUEUE_BYTES = 4 << 20, MILLISECONDS = 1000, DRAIN_SECONDS = 1 };

static bool
open_unread(struct server *server, const struct server_options *options)
{
	struct unread_options unread = { .folder = options->journal_folder,
		.life_seconds = options->config->unread_time / MILLISECONDS,
		.now_seconds = clock_wall_us() / 1000000u,
		.look = recovery_look,
		.clean = recovery_clean,
		.context = options->roots };

	memcpy(unread.boot, options->boot, sizeof unread.boot);
	server->unread = unread_open(&unread);
	return server->unread != NULL;
}

static bool
has_open_link(const struct server *server)
{
	for (size_t i = 0; i < PLAN_CORES_MAX; i++)
		if (server->neighbours[i].link)
			return true;
	return false;
}

/* Ends a drain once nothing runs and every smtpd is gone: what they settled last still waits in their channels. */
static void
end_drain(struct server *server)
{
	void (*drained)(void *context) = server->drained;

	if (!drained || workers_busy(server->workers) || (has_open_link(server) && !server->is_deaf))
		return;
	server->drained = NULL;
	(void)unread_flush(server->unread);
	drained(server->drained_context);
}

void
server_say(struct neighbour *neighbour, const struct ipc_message *message)
{
	if (!edge_send(neighbour->edge, message))
		edge_give_up(neighbour->edge, "it does not take its answers");
}

/* Jobs whose answer the channel had no room for, and the end of a drain. */
static void
on_woken(evutil_socket_t fd, short what, void *argument)
{
	struct server *server = argument;
	uint64_t count;

	(void)what;
	(void)!read(fd, &count, sizeof count);
	for (struct job *job = workers_take_back(server->workers); job; job = workers_take_back(server->workers)) {
		struct ipc_message answer;

		job_answer(job, &answer);
		for (size_t i = 0; i < PLAN_CORES_MAX; i++)
			if (server->neighbours[i].link == job->link)
				server_say(&server->neighbours[i], &answer);
		job_free(job);
	}
	end_drain(server);
}

/* The smtpds of a drain have not closed their channels in time: they are not heard any more. */
static void
on_drain_limit(evutil_socket_t fd, short what, void *argument)
{
	struct server *server = argument;

	(void)fd;
	(void)what;
	server->is_deaf = true;
	end_drain(server);
}

static void
on_flush(evutil_socket_t fd, short what, void *argument)
{
	struct server *server = argument;

	(void)fd;
	(void)what;
	if (!unread_flush(server->unread))
		log_warning(
		    "the unread-250 journal cannot be written: %s; until it can, mail is deferred", strerror(errno));
}

static bool
make_events(struct server *server)
{
	server->woken = event_new(server->base, server->wake, EV_READ | EV_PERSIST, on_woken, server);
	server->flush = event_new(server->base, -1, 0, on_flush, server);
	server->drain_limit = event_new(server->base, -1, 0, on_drain_limit, server);
	return server->woken && server->flush && server->drain_limit && event_add(server->woken, NULL) == 0;
}

static bool
start(struct server *server, const struct server_options *options)
{
	server->folders = folder_cache_new(options->roots, options->open_mailboxes);
	server->probe = server->folders ? probe_new(options->roots, server->folders) : NULL;
	if (!server->probe || !open_unread(server, options) || !make_events(server))
		return false;
	server->delivery = (struct delivery){ server->roots, server->folders, &server->namer, server->unread };
	const struct workers_options workers = { .delivery = &server->delivery,
		.threads = (unsigned)options->config->deliver_threads,
		.wake = options->wake };
	server->workers = workers_start(&workers);
	return server->workers != NULL;
}

struct server *
server_new(const struct server_options *options)
{
	struct server *server = calloc(1, sizeof *server);

	if (!server)
		return NULL;
	server->base = options->base;
	server->roots = options->roots;
	server->wake = options->wake;
	maildir_namer_init(&server->namer, span_of(options->config->hostname), options->pid);
	if (!start(server, options)) {
		log_error("delivery could not be started: out of memory or threads, or see the line above");
		server_free(server);
		return NULL;
	}
	server_configure(server, options->config);
	return server;
}

void
server_configure(struct server *server, const struct config *config)
{
	server->config = config;
	unread_set_life(server->unread, config->unread_time / MILLISECONDS);
	probe_set_margins(server->probe, (struct probe_margins){ config->disk_margin, config->inode_margin });
}

/* The end of a channel: its handles die, its receipts too, and no thread answers on it any more. */
static void
neighbour_close(struct neighbour *neighbour)
{
	if (!neighbour->link)
		return;
	link_close(neighbour->link);
	unread_edge_gone(neighbour->server->unread, link_number(neighbour->link));
	handles_clear(neighbour->handles);
	link_drop(neighbour->link);
	neighbour->link = NULL;
}

static bool
on_message(void *context, struct edge *edge, const struct ipc_message *message)
{
	(void)edge;
	return server_take_message(context, message);
}

static void
on_gone(void *context, struct edge *edge)
{
	struct neighbour *neighbour = context;

	(void)edge;
	neighbour_close(neighbour);
	end_drain(neighbour->server);
}

static bool
neighbour_make(struct server *server, struct neighbour *neighbour, unsigned instance)
{
	static const struct edge_events events = { .on_message = on_message, .on_gone = on_gone };

	neighbour->server = server;
	neighbour->instance = instance;
	if (!neighbour->handles)
		neighbour->handles = handles_new();
	if (neighbour->edge)
		return neighbour->handles;
	neighbour->edge =
	    edge_new(server->base, ROLE_DELIVER, ROLE_SMTPD, instance, EDGE_QUEUE_BYTES, &events, neighbour);
	return neighbour->handles && neighbour->edge && edge_gather(neighbour->edge);
}

bool
server_attach(struct server *server, unsigned instance, int fd)
{
	struct neighbour *neighbour = instance < PLAN_CORES_MAX ? &server->neighbours[instance] : NULL;

	if (!neighbour || !neighbour_make(server, neighbour, instance)) {
		(void)close(fd);
		return false;
	}
	/* Before the descriptor's number changes hands; see deliver/link.h. */
	neighbour_close(neighbour);
	if (!edge_attach(neighbour->edge, fd))
		return false;
	neighbour->link = link_new(edge_descriptor(neighbour->edge), ++server->last_link);
	if (!neighbour->link) {
		edge_close(neighbour->edge);
		return false;
	}
	unread_edge_open(server->unread, server->last_link);
	return true;
}

void
server_set_map(struct server *server, int fd)
{
	struct buf why = BUF_LIMIT(IPC_TEXT_BYTES);
	struct map *map = map_open(fd, &why);

	if (map) {
		if (server->map)
			map_close(server->map);
		server->map = map;
	} else {
		log_error("the recipient map was refused: %.*s; %s", SPAN_ARG(buf_span(&why)),
		    server->map ? "the old one stays in use" : "until there is one, mail is deferred");
	}
	buf_free(&why);
}

void
server_drain(struct server *server, void (*done)(void *context), void *context)
{
	static const struct timeval limit = { .tv_sec = DRAIN_SECONDS };
	const uint64_t one = 1;

	server->drained = done;
	server->drained_context = context;
	workers_tell_when_idle(server->workers);
	(void)event_add(server->drain_limit, &limit);
	/* It may be idle already. */
	(void)!write(server->wake, &one, sizeof one);
}

static void
append_count(struct buf *lines, const char *name, const char *kind, uint64_t count)
{
	buf_printf(lines, "%s%s %llu\n", name, kind, (unsigned long long)count);
}

void
server_status(struct server *server, struct buf *lines)
{
	struct workers_counts counts = workers_counts(server->workers);
	size_t handles = 0;

	for (size_t i = 0; i < PLAN_CORES_MAX; i++)
		if (server->neighbours[i].handles)
			handles += handles_count(server->neighbours[i].handles);
	counts.outcomes[COMMIT_REFUSED] += server->refused_commits;
	for (unsigned outcome = COMMIT_DONE; outcome <= COMMIT_REFUSED; outcome++)
		append_count(lines, "commits.", commit_outcome_name(outcome), counts.outcomes[outcome]);
	append_count(lines, "copies", "", counts.copies);
	append_count(lines, "probes.taken", "", server->probes[PROBE_TAKES]);
	append_count(lines, "probes.unknown", "", server->probes[PROBE_UNKNOWN]);
	append_count(lines, "probes.no-room", "", server->probes[PROBE_NO_ROOM]);
	append_count(lines, "probes.not-writable", "", server->probes[PROBE_NOT_WRITABLE]);
	append_count(lines, "probes.trouble", "", server->probes[PROBE_TROUBLE]);
	append_count(lines, "commits-running", "", workers_busy(server->workers));
	append_count(lines, "handles", "", handles);
	append_count(lines, "unread-remembered", "", unread_count(server->unread));
}

void
server_free(struct server *server)
{
	if (!server)
		return;
	workers_stop(server->workers);
	for (size_t i = 0; i < PLAN_CORES_MAX; i++) {
		neighbour_close(&server->neighbours[i]);
		edge_free(server->neighbours[i].edge);
		handles_free(server->neighbours[i].handles);
	}
	if (server->unread)
		(void)unread_flush(server->unread);
	unread_close(server->unread);
	probe_free(server->probe);
	folder_cache_free(server->folders);
	if (server->woken)
		event_free(server->woken);
	if (server->flush)
		event_free(server->flush);
	if (server->drain_limit)
		event_free(server->drain_limit);
	if (server->map)
		map_close(server->map);
	free(server);
}
