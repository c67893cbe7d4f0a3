/* The life of the server: see control/master.h.
 *
 * Order: configuration · accounts · programs · state folder · listeners bound · map · control socket · processes ·
 * all READY · listeners to the door · "tidegate: ready".
 *
 * On failure: see the header.
 */
#include "control/master.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "control/machine.h"
#include "control/master_state.h"
#include "control/notify.h"
#include "control/reload.h"
#include "control/status.h"
#include "control/walls.h"

enum { WHY_LIMIT_BYTES = 65536, LOOK_EVERY_MS = 500 };

/* Who ends when: no new clients, then those who are here, then what they needed. */
static const enum role drain_order[] = { ROLE_DOOR, ROLE_SMTPD, ROLE_DELIVER, ROLE_DNS, ROLE_AUTH, ROLE_KEYS,
	ROLE_CALLER };

enum { DRAIN_STAGES = sizeof drain_order / sizeof drain_order[0] };

static void
finish(struct master *master, int exit_code)
{
	master->exit_code = exit_code;
	(void)event_base_loopbreak(master->base);
}

/* Tells the next in the order to end, once those before it have ended. */
static void
drain_next(struct master *master)
{
	const struct ipc_message drain = { .type = IPC_DRAIN, .descriptor = -1 };

	while (master->drain_stage < DRAIN_STAGES) {
		if (children_running(&master->children, drain_order[master->drain_stage]))
			return;
		/* Said when it is true: the door, and with it the last listener, is gone. */
		if (master->drain_stage == 0)
			log_info("ending: no new clients; those who are here may finish for %llu s",
			    (unsigned long long)master->config->drain_time / 1000);
		master->drain_stage++;
		if (master->drain_stage < DRAIN_STAGES)
			children_send(&master->children, drain_order[master->drain_stage], &drain);
	}
	finish(master, master->exit_code);
}

static void
drain(struct master *master)
{
	const struct ipc_message first = { .type = IPC_DRAIN, .descriptor = -1 };
	const struct timeval limit = { .tv_sec = (time_t)(master->config->drain_time / 1000) };

	notify_stopping();
	master->state = MASTER_DRAINING;
	children_stop_restarts(&master->children);
	/* Ours too: a listener that nobody accepts from would keep clients waiting. */
	listeners_close(&master->listeners);
	(void)event_add(master->drain_timer, &limit);
	children_send(&master->children, drain_order[0], &first);
	drain_next(master);
}

static void
on_drain_timer(evutil_socket_t fd, short what, void *argument)
{
	struct master *master = argument;

	(void)fd;
	(void)what;
	log_warning(
	    "drain-time is over; %u processes are ended by force", children_running(&master->children, ROLE_CHILD));
	children_kill(&master->children);
}

static void
on_term(evutil_socket_t number, short what, void *argument)
{
	struct master *master = argument;

	(void)number;
	(void)what;
	if (master->state != MASTER_DRAINING) {
		drain(master);
		return;
	}
	log_warning(
	    "told to end again; %u processes are ended by force", children_running(&master->children, ROLE_CHILD));
	children_kill(&master->children);
}

static bool
reload(struct master *master, struct buf *why)
{
	notify_reloading();
	bool ok = reload_all(master, why);
	if (ok)
		log_info("the configuration has been read again and is in force");
	else
		log_error_lines("reload refused, everything stays as it was", buf_span(why));
	notify_ready();
	return ok;
}

static void
on_hangup(evutil_socket_t number, short what, void *argument)
{
	struct buf why = BUF_LIMIT(WHY_LIMIT_BYTES);

	(void)number;
	(void)what;
	(void)reload(argument, &why);
	buf_free(&why);
}

static void
on_look(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	reload_look(argument);
}

static void
on_request(void *context, struct control_asker *asker, struct span request)
{
	struct master *master = context;

	if (span_equal(request, SPAN("status"))) {
		status_begin(master, STATUS_COUNTERS, asker);
	} else if (span_equal(request, SPAN("health"))) {
		status_begin(master, STATUS_HEALTH, asker);
	} else if (span_equal(request, SPAN("reload"))) {
		struct buf why = BUF_LIMIT(WHY_LIMIT_BYTES);
		bool ok = reload(master, &why);

		control_answer(asker, ok, buf_span(&why));
		buf_free(&why);
	} else if (span_starts_nocase(request, SPAN("trace "))) {
		trace_desk_take(master, asker, span_skip(request, SPAN("trace ").length));
	} else {
		control_answer(asker, false, SPAN("the server knows no such request\n"));
	}
}

/* All are READY for the first time. */
static void
serve(struct master *master)
{
	struct buf missing = BUF_LIMIT(WHY_LIMIT_BYTES);
	bool is_missing = walls_any_missing(&master->children);

	walls_describe(&master->children, &missing);
	if (is_missing && master->config->require_walls == WALLS_ALL) {
		log_error("require-walls = all, but these walls are missing: %.*s; the server does not start",
		    SPAN_ARG(buf_span(&missing)));
		finish(master, 1);
	} else {
		if (is_missing)
			log_warning("walls missing: %.*s", SPAN_ARG(buf_span(&missing)));
		else
			log_info("all walls are up");
		master->state = MASTER_SERVING;
		master->children.restarts = true;
		reload_lend_listeners(master);
		(void)fputs("tidegate: ready\n", stderr);
		notify_ready();
	}
	buf_free(&missing);
}

static void
on_ready(void *context, struct process *process)
{
	struct master *master = context;

	if (process->role == ROLE_KEYS)
		certificates_ask_again(&master->certificates);
	if (master->state == MASTER_STARTING && children_all_ready(&master->children)) {
		serve(master);
	} else if (master->state == MASTER_SERVING) {
		if (process->missing_walls.length && master->config->require_walls == WALLS_ALL) {
			log_error("%s came back without all its walls (%.*s); require-walls = all, it is killed",
			    process->name, SPAN_ARG(buf_span(&process->missing_walls)));
			(void)kill(process->pid, SIGKILL);
			return;
		}
		log_info("%s runs again", process->name);
		if (process->role == ROLE_DOOR)
			reload_lend_listeners(master);
		trace_desk_tell(master, process);
	}
}

static void
describe_end(int wait_status, struct buf *text)
{
	if (WIFEXITED(wait_status))
		buf_printf(text, "with exit code %d", WEXITSTATUS(wait_status));
	else if (WTERMSIG(wait_status) == SIGSYS)
		buf_append_text(text, "by a system call that its rules forbid");
	else
		buf_printf(text, "by signal %d (%s)", WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
}

static void
on_end(void *context, struct process *process, int wait_status)
{
	struct master *master = context;
	struct buf how = BUF_LIMIT(WHY_LIMIT_BYTES);

	describe_end(wait_status, &how);
	switch (master->state) {
	case MASTER_STARTING:
		log_error("%s ended %.*s before it was ready; the server does not start", process->name,
		    SPAN_ARG(buf_span(&how)));
		finish(master, 1);
		break;
	case MASTER_SERVING:
		log_error("%s ended %.*s; it is started again in %llu ms", process->name, SPAN_ARG(buf_span(&how)),
		    (unsigned long long)process->backoff_ms);
		break;
	case MASTER_DRAINING:
		if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != 0)
			log_warning("%s ended %.*s", process->name, SPAN_ARG(buf_span(&how)));
		drain_next(master);
		break;
	}
	buf_free(&how);
}

static void
on_status(void *context, struct process *process, uint32_t serial, struct span text)
{
	status_take(context, process, serial, text);
}

/* With nothing to fall back on a certificate that cannot be used is an error of the configuration. */
static void
on_pair(void *context, const struct ipc_pair_say *say)
{
	struct master *master = context;

	certificates_hear(&master->certificates, say);
	if (master->state == MASTER_STARTING && master->has_bad_certificate) {
		log_error("a configured certificate cannot be used; the server does not start");
		finish(master, 1);
	}
}

/* Everything that can be wrong is found here, before a process is started. */
static bool
check_everything(struct master *master, struct buf *why)
{
	struct supplies *supplies = &master->supplies;
	const struct config *config = master->config;

	if (!supplies_open(supplies, why) || !state_folder_claim(config->state, &supplies->state, why) ||
	    !listeners_inherit(&master->listeners, config, why) || !listeners_open(&master->listeners, config, why))
		return false;
	machine_check_open_files(config);
	map_watch_open(&master->map, &supplies->state, config);
	users_watch_open(&master->users, &supplies->state, config);
	auth_folder_open(&master->auth_folder, config);
	return certificates_open(&master->certificates, config, why);
}

static bool
watch_events(struct master *master)
{
	const struct timeval interval = { .tv_usec = LOOK_EVERY_MS * 1000 };

	(void)signal(SIGPIPE, SIG_IGN);
	master->on_term = evsignal_new(master->base, SIGTERM, on_term, master);
	master->on_interrupt = evsignal_new(master->base, SIGINT, on_term, master);
	master->on_hangup = evsignal_new(master->base, SIGHUP, on_hangup, master);
	master->drain_timer = event_new(master->base, -1, 0, on_drain_timer, master);
	master->look_timer = event_new(master->base, -1, EV_PERSIST, on_look, master);
	return master->on_term && master->on_interrupt && master->on_hangup && master->drain_timer &&
	       master->look_timer && event_add(master->look_timer, &interval) == 0 &&
	       event_add(master->on_term, NULL) == 0 && event_add(master->on_interrupt, NULL) == 0 &&
	       event_add(master->on_hangup, NULL) == 0;
}

static bool
start_everything(struct master *master, struct buf *why)
{
	static const struct children_events events = { on_ready, on_end, on_status, on_pair };

	master->control = control_socket_open(master->base, master->supplies.state.root, on_request, master, why);
	if (!master->control)
		return false;
	if (!watch_events(master) || !children_init(&master->children, master->base, &master->supplies,
					 machine_cores(master->config), &events, master)) {
		buf_printf(why, "no memory to start");
		return false;
	}
	for (enum role role = ROLE_DOOR; role < ROLE_COUNT; role++)
		if (!children_start(&master->children, role, why))
			return false;
	return true;
}

static void
free_event(struct event *event)
{
	if (event)
		event_free(event);
}

static void
clean_up(struct master *master)
{
	children_kill(&master->children);
	status_drop_all(master);
	trace_desk_close(master);
	children_free(&master->children);
	control_socket_close(master->control);
	map_watch_close(&master->map);
	users_watch_close(&master->users);
	certificates_close(&master->certificates);
	auth_folder_close(&master->auth_folder);
	listeners_close(&master->listeners);
	free_event(master->on_term);
	free_event(master->on_interrupt);
	free_event(master->on_hangup);
	free_event(master->drain_timer);
	free_event(master->look_timer);
	event_base_free(master->base);
	supplies_close(&master->supplies);
	config_free(master->config);
}

/* Until check_everything() has looked there is nothing. */
static void
begin_supplies(struct master *master)
{
	struct supplies *supplies = &master->supplies;

	master->map.compiled.fd = -1;
	master->users.compiled.fd = -1;
	master->auth_folder.fd = -1;
	supplies_init(supplies, master->config);
	supplies->from[SUPPLY_MAP] = &master->map.compiled.fd;
	supplies->from[SUPPLY_USERS] = &master->users.compiled.fd;
	supplies->from[SUPPLY_AUTH_FOLDER] = &master->auth_folder.fd;
	supplies->from[SUPPLY_PAIRS] = &master->certificates.pairs_fd;
	supplies->from[SUPPLY_CHAINS] = &master->certificates.chains_fd;
}

int
master_run(struct config *config, const char *config_path)
{
	static struct master master;
	struct buf why = BUF_LIMIT(WHY_LIMIT_BYTES);

	master = (struct master){ .config_path = config_path, .config = config, .started_ms = clock_monotonic_ms() };
	listeners_init(&master.listeners);
	begin_supplies(&master);
	certificates_init(&master.certificates, &master.supplies.state, &reload_certificates_events, &master);
	log_set_process("master");
	notify_init();
	master.base = event_base_new();
	if (!master.base) {
		log_error("no event loop can be had; the server does not start");
		config_free(config);
		return 1;
	}
	if (check_everything(&master, &why) && start_everything(&master, &why)) {
		(void)event_base_dispatch(master.base);
	} else {
		log_error("%.*s; the server does not start", SPAN_ARG(buf_span(&why)));
		master.exit_code = 1;
	}
	buf_free(&why);
	clean_up(&master);
	return master.exit_code;
}
