/* fork, fixed descriptors, fexecve: see control/spawn.h.
 *
 * On failure: the child of a fork that cannot become the program exits 127 with a line in the log.
 */
#include "control/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/log.h"
#include "control/machine.h"
#include "control/memory_file.h"

enum {
	CONFIG_LIMIT_BYTES = 1 << 20,
	FIXED_END = FD_EDGES_END + SPAWN_LENT_MAX,
	CANNOT_EXEC = 127,
	OPTION_SIZE = 64,
	ARGUMENTS_MAX = 8
};

struct spawn_order
spawn_order_make(const struct programs *programs, const struct config *config, const struct accounts *accounts,
    enum role role, unsigned instance, unsigned cores)
{
	struct spawn_order order = { .programs = programs,
		.config = config,
		.role = role,
		.instance = instance,
		.cores = cores,
		.account = accounts->of[role] };

	for (unsigned i = 0; i < FD_EDGES; i++)
		order.fixed[i] = -1;
	order.fixed[FD_NULL_IN] = programs->null_in;
	order.fixed[FD_NULL_OUT] = programs->null_out;
	order.fixed[FD_LOG] = STDERR_FILENO;
	for (unsigned i = 0; i < PLAN_NEIGHBOURS_MAX; i++)
		order.edges[i] = -1;
	for (unsigned i = 0; i < SPAWN_LENT_MAX; i++)
		order.lent[i] = -1;
	return order;
}

bool
spawn_channel(int ends[static 2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0;
}

int
spawn_config_file(const struct config *config)
{
	struct buf bytes = BUF_LIMIT(CONFIG_LIMIT_BYTES);

	config_encode(config, &bytes);
	errno = E2BIG;
	int fd = buf_ok(&bytes) ? memory_file_of("tidegate-config", buf_span(&bytes)) : -1;
	int saved = errno;
	buf_free(&bytes);
	errno = saved;
	return fd;
}

/* Which descriptor goes to which fixed number; -1: closed. */
static void
lay_out(const struct spawn_order *order, int control, int config, int layout[static FIXED_END])
{
	struct plan_neighbour neighbours[PLAN_NEIGHBOURS_MAX];
	unsigned count = plan_neighbours(order->role, order->instance, order->cores, neighbours);

	for (unsigned i = 0; i < FIXED_END; i++)
		layout[i] = -1;
	memcpy(layout, order->fixed, sizeof order->fixed);
	layout[FD_CONTROL] = control;
	layout[FD_CONFIG] = config;
	for (unsigned i = 0; i < count; i++)
		layout[neighbours[i].descriptor] = order->edges[i];
	for (unsigned i = 0; i < SPAWN_LENT_MAX; i++)
		layout[FD_EDGES_END + (int)i] = order->lent[i];
}

/* First all are copied above the fixed numbers, so that none is overwritten before it has been moved. */
static bool
arrange_descriptors(int layout[static FIXED_END], int *program)
{
	*program = fcntl(*program, F_DUPFD_CLOEXEC, FIXED_END);
	if (*program < 0)
		return false;
	for (int i = 0; i < FIXED_END; i++) {
		if (layout[i] < 0)
			continue;
		layout[i] = fcntl(layout[i], F_DUPFD_CLOEXEC, FIXED_END);
		if (layout[i] < 0)
			return false;
	}
	for (int i = 0; i < FIXED_END; i++) {
		if (layout[i] < 0)
			(void)close(i);
		else if (dup2(layout[i], i) != i)
			return false;
	}
	return close_range(FIXED_END, ~0U, CLOSE_RANGE_CLOEXEC) == 0;
}

static rlim_t
open_files(const struct spawn_order *order)
{
	rlim_t rows = plan_row(order->role)->open_files;

	return rows ? rows : machine_open_files(order->config);
}

struct arguments {
	char *list[ARGUMENTS_MAX];
	char texts[ARGUMENTS_MAX][OPTION_SIZE];
	unsigned count;
};

static void __attribute__((format(printf, 2, 3))) add_argument(struct arguments *arguments, const char *format, ...)
{
	char *text = arguments->texts[arguments->count];
	va_list values;

	va_start(values, format);
	(void)vsnprintf(text, OPTION_SIZE, format, values);
	va_end(values);
	arguments->list[arguments->count++] = text;
}

static void
make_arguments(const struct spawn_order *order, struct arguments *arguments)
{
	*arguments = (struct arguments){ 0 };
	add_argument(arguments, "%s", plan_row(order->role)->name);
	add_argument(arguments, "--instance=%u", order->instance);
	add_argument(arguments, "--cores=%u", order->cores);
	add_argument(arguments, "--files=%llu", (unsigned long long)open_files(order));
	/* Only root can become somebody else. */
	if (geteuid() == 0) {
		add_argument(arguments, "--uid=%u", (unsigned)order->account.uid);
		add_argument(arguments, "--gid=%u", (unsigned)order->account.gid);
	}
	if (order->attempt)
		add_argument(arguments, "--attempt=%s", order->attempt);
}

/* What ^C sends to all is the master's to hear (lib/child.c ignores it too). */
static void
ignore_signals(const sigset_t *mask)
{
	static const int masters[] = { SIGTERM, SIGINT, SIGHUP };

	for (size_t i = 0; i < sizeof masters / sizeof masters[0]; i++)
		(void)signal(masters[i], SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL);
	(void)sigprocmask(SIG_SETMASK, mask, NULL);
}

/* In the fork: never returns. */
static void
become_program(const struct spawn_order *order, int control, int config, const sigset_t *mask)
{
#if defined(TIDEGATE_TEST_HOOKS) || defined(TIDEGATE_SANITIZE)
	/* Hooks and sanitizers are told what to do through it. */
	char *const *environment = environ;
#else
	static char *const environment[] = { NULL };
#endif
	int layout[FIXED_END];
	int program = order->programs->fds[order->role];
	struct arguments arguments;

	ignore_signals(mask);
	make_arguments(order, &arguments);
	lay_out(order, control, config, layout);
	/* A session of its own: no terminal, and ^C reaches the master alone. */
	(void)setsid();
	if (arrange_descriptors(layout, &program))
		(void)fexecve(program, arguments.list, environment);
	log_error("cannot start %s: %s", plan_row(order->role)->name, strerror(errno));
	_exit(CANNOT_EXEC);
}

pid_t
spawn_child(const struct spawn_order *order, int *control, struct buf *why)
{
	int ends[2] = { -1, -1 };
	int config = spawn_config_file(order->config);
	pid_t pid = -1;
	sigset_t all;
	sigset_t mask;

	*control = -1;
	/* libevent's handlers write into a pipe that a fork shares: a signal that the fork hears before it has other
	 * ones would count as the master's. */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &mask);
	if (config >= 0 && spawn_channel(ends))
		pid = fork();
	if (pid == 0)
		become_program(order, ends[1], config, &mask);
	int error = errno;
	(void)sigprocmask(SIG_SETMASK, &mask, NULL);
	errno = error;
	if (pid < 0)
		buf_printf(why, "cannot start %s: %s", plan_row(order->role)->name, strerror(errno));
	if (config >= 0)
		(void)close(config);
	if (ends[1] >= 0)
		(void)close(ends[1]);
	if (pid > 0)
		*control = ends[0];
	else if (ends[0] >= 0)
		(void)close(ends[0]);
	return pid;
}
