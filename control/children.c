/* The table of control/children.h.
 *
 * On failure: see the header.
 */
#include "control/children.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "control/backoff.h"
#include "control/process_edges.h"

enum { READY_LIMIT_MS = 30000, CONTROL_QUEUE_BYTES = 1 << 20, WHY_LIMIT_BYTES = 1024 };

static void process_start_again(struct process *process);

static bool
is_running(const struct process *process)
{
	return process->pid > 0;
}

struct process *
children_find(struct children *children, enum role role, unsigned instance)
{
	for (unsigned i = 0; i < children->count; i++)
		if (children->table[i].role == role && children->table[i].instance == instance)
			return &children->table[i];
	return NULL;
}

static void
arm_timer(struct process *process, uint64_t ms)
{
	struct timeval after = { .tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000) };

	(void)event_add(process->timer, &after);
}

/* The process has been reaped: what comes next is written here alone. */
static void
process_ended(struct process *process, int wait_status)
{
	struct children *children = process->children;
	uint64_t now_ms = clock_monotonic_ms();

	process->pid = 0;
	edge_close(process->control);
	(void)event_del(process->timer);
	process->state = PROCESS_IDLE;
	if (children->restarts) {
		process->state = PROCESS_WAITING;
		process->backoff_ms = backoff_next_ms(process->backoff_ms, now_ms - process->started_ms);
		arm_timer(process, process->backoff_ms);
	}
	if (children->events->on_end)
		children->events->on_end(children->context, process, wait_status);
}

static void
on_child_signal(evutil_socket_t number, short what, void *argument)
{
	struct children *children = argument;

	(void)number;
	(void)what;
	for (unsigned i = 0; i < children->count; i++) {
		struct process *process = &children->table[i];
		int wait_status;

		if (is_running(process) && waitpid(process->pid, &wait_status, WNOHANG) == process->pid)
			process_ended(process, wait_status);
	}
}

static void
on_timer(evutil_socket_t fd, short what, void *argument)
{
	struct process *process = argument;

	(void)fd;
	(void)what;
	if (process->state == PROCESS_STARTING) {
		log_error("%s did not get ready in %d s; it is killed", process->name, READY_LIMIT_MS / 1000);
		(void)kill(process->pid, SIGKILL);
	} else if (process->state == PROCESS_WAITING) {
		process_start_again(process);
	}
}

static bool
take_ready(struct process *process, struct span missing_walls)
{
	if (process->state != PROCESS_STARTING)
		return false;
	(void)event_del(process->timer);
	process->state = PROCESS_READY;
	buf_reset(&process->missing_walls);
	buf_append(&process->missing_walls, missing_walls);
	if (process->children->events->on_ready)
		process->children->events->on_ready(process->children->context, process);
	return true;
}

/* The channel between the two is closed: whoever of them is less trusted (the accused, when they are equals) is started
 * anew, and both get a fresh one. */
static bool
take_breach(struct process *accuser, const struct ipc_breach *breach)
{
	struct process *accused = children_find(accuser->children, breach->peer_role, breach->peer_instance);

	/* Nobody knows of a channel but its two ends. */
	if (!accused || plan_edge_descriptor(accuser->role, accuser->instance, accuser->children->cores, accused->role,
			    accused->instance) < 0)
		return false;
	bool is_believed = plan_row(accuser->role)->trust >= plan_row(accused->role)->trust;
	struct process *loser = is_believed ? accused : accuser;
	log_error("%s says that %s broke the protocol (%.*s); %s is killed", accuser->name, accused->name,
	    SPAN_ARG(breach->what), loser->name);
	if (is_running(loser))
		(void)kill(loser->pid, SIGKILL);
	return true;
}

static bool
on_message(void *context, struct edge *edge, const struct ipc_message *message)
{
	struct process *process = context;
	struct children *children = process->children;

	(void)edge;
	if (message->type == IPC_READY)
		return take_ready(process, message->ready.missing_walls);
	if (message->type == IPC_STATUS_SAY) {
		if (children->events->on_status)
			children->events->on_status(
			    children->context, process, message->status_say.serial, message->status_say.text);
		return true;
	}
	if (message->type == IPC_PAIR_SAY) {
		if (children->events->on_pair)
			children->events->on_pair(children->context, &message->pair_say);
		return true;
	}
	if (message->type == IPC_BREACH)
		return take_breach(process, &message->breach);
	/* DRAINED announces the end that SIGCHLD will tell. */
	return message->type == IPC_DRAINED;
}

/* Without its channel a process cannot be led any more. */
static void
on_gone(void *context, struct edge *edge)
{
	struct process *process = context;

	(void)edge;
	if (is_running(process))
		(void)kill(process->pid, SIGKILL);
}

static const struct edge_events control_events = { .on_message = on_message, .on_gone = on_gone };

static struct spawn_order
make_order(const struct process *process)
{
	const struct supplies *supplies = process->children->supplies;
	struct spawn_order order = spawn_order_make(&supplies->programs, supplies->config, &supplies->accounts,
	    process->role, process->instance, process->children->cores);

	supplies_give(supplies, &order);
	for (unsigned i = 0; i < process->neighbour_count; i++)
		order.edges[i] = process->ends[i];
	return order;
}

static bool
process_start(struct process *process, struct buf *why)
{
	int control;

	if (!process_edges_prepare(process)) {
		buf_printf(why, "cannot make the channels of %s: %s", process->name, strerror(errno));
		return false;
	}
	struct spawn_order order = make_order(process);
	pid_t pid = spawn_child(&order, &control, why);
	if (pid < 0)
		return false;
	process_edges_close(process);
	process->pid = pid;
	process->state = PROCESS_STARTING;
	process->started_ms = clock_monotonic_ms();
	if (!edge_attach(process->control, control)) {
		buf_printf(why, "cannot watch %s", process->name);
		(void)kill(pid, SIGKILL);
	}
	arm_timer(process, READY_LIMIT_MS);
	return true;
}

static void
process_start_again(struct process *process)
{
	struct buf why = BUF_LIMIT(WHY_LIMIT_BYTES);

	process->restarts++;
	if (!process_start(process, &why)) {
		log_error("%.*s", SPAN_ARG(buf_span(&why)));
		process->backoff_ms = backoff_next_ms(process->backoff_ms, 0);
		arm_timer(process, process->backoff_ms);
	}
	buf_free(&why);
}

static bool
process_init(struct children *children, enum role role, unsigned instance)
{
	struct process *process = &children->table[children->count++];

	*process = (struct process){ .children = children, .role = role, .instance = instance };
	(void)snprintf(process->name, sizeof process->name, "%s.%u", plan_row(role)->short_name, instance);
	process->missing_walls = BUF_LIMIT(IPC_TEXT_BYTES);
	process->neighbour_count = plan_neighbours(role, instance, children->cores, process->neighbours);
	for (unsigned i = 0; i < PLAN_NEIGHBOURS_MAX; i++)
		process->ends[i] = -1;
	process->control =
	    edge_new(children->base, ROLE_MASTER, role, instance, CONTROL_QUEUE_BYTES, &control_events, process);
	process->timer = event_new(children->base, -1, 0, on_timer, process);
	return process->control && process->timer;
}

bool
children_init(struct children *children, struct event_base *base, const struct supplies *supplies, unsigned cores,
    const struct children_events *events, void *context)
{
	*children = (struct children){
		.base = base, .supplies = supplies, .cores = cores, .events = events, .context = context
	};
	for (enum role role = ROLE_DOOR; role < ROLE_COUNT; role++)
		for (unsigned instance = 0; instance < plan_count(role, cores); instance++)
			if (!process_init(children, role, instance))
				return false;
	children->on_child_signal = evsignal_new(base, SIGCHLD, on_child_signal, children);
	return children->on_child_signal && event_add(children->on_child_signal, NULL) == 0;
}

bool
children_start(struct children *children, enum role role, struct buf *why)
{
	for (unsigned i = 0; i < children->count; i++)
		if (children->table[i].role == role && !process_start(&children->table[i], why))
			return false;
	return true;
}

void
children_send(struct children *children, enum role role, const struct ipc_message *message)
{
	for (unsigned i = 0; i < children->count; i++) {
		struct process *process = &children->table[i];

		if (process->role == role && is_running(process) && !edge_send(process->control, message))
			log_error("%s cannot be told %s", process->name, ipc_name(message->type));
	}
}

unsigned
children_running(const struct children *children, enum role role)
{
	unsigned running = 0;

	for (unsigned i = 0; i < children->count; i++)
		if ((role == ROLE_CHILD || children->table[i].role == role) && is_running(&children->table[i]))
			running++;
	return running;
}

bool
children_all_ready(const struct children *children)
{
	for (unsigned i = 0; i < children->count; i++)
		if (children->table[i].state != PROCESS_READY)
			return false;
	return true;
}

void
children_stop_restarts(struct children *children)
{
	children->restarts = false;
	for (unsigned i = 0; i < children->count; i++) {
		struct process *process = &children->table[i];

		if (process->state != PROCESS_WAITING)
			continue;
		(void)event_del(process->timer);
		process->state = PROCESS_IDLE;
	}
}

void
children_kill(struct children *children)
{
	for (unsigned i = 0; i < children->count; i++)
		if (is_running(&children->table[i]))
			(void)kill(children->table[i].pid, SIGKILL);
}

void
children_free(struct children *children)
{
	for (unsigned i = 0; i < children->count; i++) {
		struct process *process = &children->table[i];

		edge_free(process->control);
		if (process->timer)
			event_free(process->timer);
		buf_free(&process->missing_walls);
		process_edges_close(process);
	}
	if (children->on_child_signal)
		event_free(children->on_child_signal);
	children->count = 0;
}

void
children_end(struct children *children)
{
	children_kill(children);
	for (unsigned i = 0; i < children->count; i++)
		if (children->table[i].pid > 0)
			(void)waitpid(children->table[i].pid, NULL, 0);
	children_free(children);
}
