/* The common life of every child process; see lib/child.h.
 *
 * Trust: the command line and the control channel are the master's.
 * On failure: before READY the child says why on standard error and exits 1.
 */
#include "lib/child.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/attempt.h"
#include "lib/log.h"
#include "lib/sandbox.h"

enum { CONFIG_LIMIT_BYTES = 1 << 20, CONTROL_QUEUE_BYTES = 1 << 20 };

struct life {
	struct child child;
	const struct child_program *program;
	struct sandbox sandbox;
	const char *attempt; /* a twin of selftest: what it shall try */
	bool is_ended;
};

static bool
parse_number(const char *text, unsigned long long limit, unsigned long long *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && *text != '-' && *number <= limit;
}

static bool
parse_arguments(struct life *life, int argc, char **argv)
{
	enum { INSTANCE, CORES, UID, GID, FILES, ATTEMPT, COUNT };
	static const struct option options[] = { { "instance", 1, NULL, INSTANCE }, { "cores", 1, NULL, CORES },
		{ "uid", 1, NULL, UID }, { "gid", 1, NULL, GID }, { "files", 1, NULL, FILES },
		{ "attempt", 1, NULL, ATTEMPT }, { NULL, 0, NULL, 0 } };
	unsigned long long numbers[COUNT] = { 0 };
	bool given[COUNT] = { 0 };
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option < 0 || option >= COUNT)
			return false;
		given[option] = true;
		if (option == ATTEMPT)
			life->attempt = optarg;
		else if (!parse_number(optarg, UINT32_MAX - 1, &numbers[option]))
			return false;
	}
	if (optind != argc || !given[INSTANCE] || !given[CORES] || !given[FILES] || numbers[CORES] < 1 ||
	    numbers[CORES] > PLAN_CORES_MAX || given[UID] != given[GID])
		return false;
	life->child.instance = (unsigned)numbers[INSTANCE];
	life->child.cores = (unsigned)numbers[CORES];
	life->sandbox.changes_uid = given[UID];
	life->sandbox.uid = (uid_t)numbers[UID];
	life->sandbox.gid = (gid_t)numbers[GID];
	life->sandbox.open_files = (rlim_t)numbers[FILES];
	return true;
}

/* Every fixed number that is free gets /dev/null's descriptor, so that a lent descriptor never lands among them. */
static bool
fill_fixed_numbers(void)
{
	for (int number = FD_CONTROL; number < FD_EDGES_END; number++) {
		if (fcntl(number, F_GETFD) >= 0)
			continue;
		if (dup3(FD_NULL_IN, number, O_CLOEXEC) < 0)
			return false;
	}
	return true;
}

static bool
read_config(struct life *life, int fd)
{
	struct buf bytes = BUF_LIMIT(CONFIG_LIMIT_BYTES);
	struct stat status;
	bool ok = fstat(fd, &status) == 0 && status.st_size >= 0 && status.st_size <= CONFIG_LIMIT_BYTES;

	if (ok) {
		size_t size = (size_t)status.st_size;
		char *to = buf_reserve(&bytes, size);

		ok = to && pread(fd, to, size, 0) == (ssize_t)size;
		if (ok) {
			bytes.length = size;
			ok = life->program->configure(&life->child, buf_span(&bytes));
		}
	}
	buf_free(&bytes);
	return ok;
}

static void
say_status(struct life *life, uint32_t serial)
{
	struct ipc_message say = { .type = IPC_STATUS_SAY, .descriptor = -1 };
	struct buf lines = BUF_LIMIT(IPC_STATUS_BYTES);

	if (life->program->on_status)
		life->program->on_status(&life->child, &lines);
	say.status_say.serial = serial;
	say.status_say.text = buf_span(&lines);
	(void)edge_send(life->child.control, &say);
	buf_free(&lines);
}

static void
renew_edge(struct life *life, const struct ipc_message *message)
{
	struct child *child = &life->child;
	int number = plan_edge_descriptor(child->row->role, child->instance, child->cores,
	    (enum role)message->edge.peer_role, message->edge.peer_instance);

	if (number < 0) {
		(void)close(message->descriptor);
		return;
	}
	if (message->descriptor < 0 || !life->program->on_edge(child, (enum role)message->edge.peer_role,
					   message->edge.peer_instance, message->descriptor))
		log_error("a renewed channel could not be taken; until the next one its questions go unanswered");
}

static void
take_certificates(struct life *life, int fd)
{
	if (life->program->on_certificates)
		life->program->on_certificates(&life->child, fd);
}

static bool
on_control(void *context, struct edge *edge, const struct ipc_message *message)
{
	struct life *life = context;
	struct child *child = &life->child;

	(void)edge;
	if (message->type == IPC_EDGE) {
		renew_edge(life, message);
	} else if (message->type == IPC_CONFIG) {
		if (!read_config(life, message->descriptor))
			log_error("the new configuration could not be taken; the old one stays");
		(void)close(message->descriptor);
	} else if (message->type == IPC_MAP) {
		if (life->program->on_map)
			life->program->on_map(child, message->descriptor);
		else
			(void)close(message->descriptor);
	} else if (message->type == IPC_FOLDER && life->program->on_folder) {
		life->program->on_folder(child, message->descriptor);
	} else if (message->type == IPC_PAIRS || message->type == IPC_CHAINS) {
		take_certificates(life, message->descriptor);
		(void)close(message->descriptor);
	} else if (message->type == IPC_STATUS_ASK) {
		say_status(life, message->status_ask.serial);
	} else if (message->type == IPC_DRAIN) {
		child->is_draining = true;
		if (life->program->on_drain)
			life->program->on_drain(child);
		else
			child_drained(child);
	} else if (message->type == IPC_TRACE || message->type == IPC_TRACE_END) {
		if (life->program->on_trace)
			life->program->on_trace(child, message);
	} else if (life->program->on_listener) {
		life->program->on_listener(child, message);
	} else {
		return false;
	}
	return true;
}

static void
on_master_gone(void *context, struct edge *edge)
{
	(void)context;
	(void)edge;
	log_flush();
	_exit(0);
}

void
child_drained(struct child *child)
{
	struct ipc_message message = { .type = IPC_DRAINED, .descriptor = -1 };

	(void)edge_send(child->control, &message);
	(void)event_base_loopexit(child->base, NULL);
}

/* libc counts the processors (a file, a system call) before it makes a heap for another thread, unless it is told how
 * many heaps there may be; behind the walls that would be the end. */
static void
limit_heaps(const struct plan_row *row)
{
	enum { HEAPS = 8 };

	if (row->has_threads)
		(void)mallopt(M_ARENA_MAX, HEAPS);
}

static struct event_base *
make_event_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config) {
		(void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
		(void)event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);
		base = event_base_new_with_config(config);
		event_config_free(config);
	}
	return base;
}

static void
report_breach(void *context, enum role peer, unsigned peer_instance, const char *what)
{
	struct life *life = context;
	struct ipc_message message = { .type = IPC_BREACH, .descriptor = -1 };

	message.breach.peer_role = (uint8_t)peer;
	message.breach.peer_instance = (uint8_t)peer_instance;
	message.breach.what = span_take(span_of(what), IPC_TEXT_BYTES);
	(void)edge_send(life->child.control, &message);
}

static bool
attach_edges(struct life *life)
{
	static const struct edge_events control_events = { .on_message = on_control, .on_gone = on_master_gone };
	struct plan_neighbour neighbours[PLAN_NEIGHBOURS_MAX];
	struct child *child = &life->child;

	child->control =
	    edge_new(child->base, child->row->role, ROLE_MASTER, 0, CONTROL_QUEUE_BYTES, &control_events, life);
	if (!child->control || !edge_attach(child->control, FD_CONTROL))
		return false;
	edge_report_breaches(report_breach, life);
	unsigned count = plan_neighbours(child->row->role, child->instance, child->cores, neighbours);
	for (unsigned i = 0; i < count; i++)
		if (!life->program->on_edge(
			child, neighbours[i].role, neighbours[i].instance, neighbours[i].descriptor))
			return false;
	return true;
}

static bool
put_up_walls(struct life *life, struct buf *missing)
{
	struct buf why = BUF_LIMIT(IPC_TEXT_BYTES);
	bool ok;

	life->sandbox.row = life->child.row;
	life->sandbox.view = FD_VIEW;
	ok = sandbox_enter(&life->sandbox, missing, &why);
	life->child.open_files = life->sandbox.open_files;
	if (!ok)
		log_error("the walls could not be put up: %.*s; this process ends", SPAN_ARG(buf_span(&why)));
	buf_free(&why);
	return ok;
}

static bool
prepare(struct life *life)
{
	const struct child_program *program = life->program;

	if (!read_config(life, FD_CONFIG)) {
		log_error("the configuration from the master could not be taken; this process ends");
		return false;
	}
	life->child.base = make_event_base();
	return life->child.base && (!program->prepare || program->prepare(&life->child));
}

/* What was there at a fixed number when the process began. */
struct supplied {
	bool map;
	bool certificates;
};

/* The room owns the map's descriptor and closes it one day; the fixed number must stay taken all the same. */
static void
hand_over_map(struct life *life)
{
	int map = fcntl(FD_MAP, F_DUPFD_CLOEXEC, FD_EDGES_END);

	if (map < 0 || dup3(FD_NULL_IN, FD_MAP, O_CLOEXEC) < 0)
		log_error("the recipient map could not be taken over; until the next one there is none");
	else
		life->program->on_map(&life->child, map);
}

static bool
start(struct life *life, const struct supplied *supplied, const struct buf *missing)
{
	struct ipc_message ready = { .type = IPC_READY, .descriptor = -1 };

	if (!life->program->start(&life->child) || !attach_edges(life))
		return false;
	if (supplied->map && life->program->on_map)
		hand_over_map(life);
	if (supplied->certificates) {
		take_certificates(life, FD_CERTIFICATES);
		(void)dup3(FD_NULL_IN, FD_CERTIFICATES, O_CLOEXEC);
	}
	ready.ready.missing_walls = buf_span(missing);
	return edge_send(life->child.control, &ready);
}

void
child_allow_folder(struct child *child, int folder)
{
	struct life *life = (struct life *)child;

	if (life->sandbox.folder_count < SANDBOX_FOLDERS_MAX)
		life->sandbox.folders[life->sandbox.folder_count++] = folder;
}

int
child_main(int argc, char **argv, const struct child_program *program)
{
	static struct life life;
	static char name[32];
	struct buf missing = BUF_LIMIT(IPC_TEXT_BYTES);

	life.program = program;
	life.child.row = plan_row(program->role);
	if (!parse_arguments(&life, argc, argv)) {
		(void)fprintf(stderr, "%s is started by tidegate(8), never by hand\n", life.child.row->name);
		return 1;
	}
	(void)snprintf(name, sizeof name, "%s.%u", life.child.row->short_name, life.child.instance);
	log_set_process(name);
	(void)signal(SIGPIPE, SIG_IGN);
	/* Children obey the master's messages, not the signals that a terminal or a service manager sends to all. */
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	limit_heaps(life.child.row);
	const struct supplied supplied = { .map = fcntl(FD_MAP, F_GETFD) >= 0,
		.certificates = fcntl(FD_CERTIFICATES, F_GETFD) >= 0 };
	if (!fill_fixed_numbers() || !prepare(&life) || !put_up_walls(&life, &missing))
		return 1;
	if (life.attempt)
		return (int)attempt_run(life.attempt);
	if (!start(&life, &supplied, &missing))
		return 1;
	buf_free(&missing);
	(void)event_base_dispatch(life.child.base);
	log_flush();
	return 0;
}
