/* The twins of control/twin.h.
 *
 * On failure: see the header.
 */
#include "control/twin.h"

#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/attempt.h"

enum { TWIN_LIMIT_MS = 10000, ORDER_SIZE = 64 };

static bool
bind_loopback(int fd, struct sockaddr_in *name)
{
	socklen_t length = sizeof *name;

	*name = (struct sockaddr_in){ .sin_family = AF_INET };
	name->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return bind(fd, (const struct sockaddr *)name, sizeof *name) == 0 &&
	       getsockname(fd, (struct sockaddr *)name, &length) == 0;
}

bool
twin_loans_make(struct twin_loans *loans, struct buf *why)
{
	struct sockaddr_in name = { 0 };

	loans->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	loans->resolver = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool ok = loans->listener >= 0 && loans->resolver >= 0 && bind_loopback(loans->resolver, &name) &&
		  bind_loopback(loans->listener, &name) && listen(loans->listener, 64) == 0;
	loans->port = ntohs(name.sin_port);
	if (!ok) {
		buf_printf(why, "cannot listen on 127.0.0.1: %s", strerror(errno));
		twin_loans_close(loans);
	}
	return ok;
}

void
twin_loans_close(struct twin_loans *loans)
{
	if (loans->listener >= 0)
		(void)close(loans->listener);
	if (loans->resolver >= 0)
		(void)close(loans->resolver);
	loans->listener = -1;
	loans->resolver = -1;
}

/* A TCP socket whose connection was refused: it may be connected anew. */
static int
make_refused(void)
{
	struct sockaddr_in name = { 0 };
	int nobody = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* Bound but not listening: nobody else can take the port, and it refuses. */
	if (nobody >= 0 && fd >= 0 && bind_loopback(nobody, &name))
		(void)connect(fd, (const struct sockaddr *)&name, sizeof name);
	if (nobody >= 0)
		(void)close(nobody);
	return fd;
}

static int
make_udp(const struct twin_loans *loans)
{
	struct sockaddr_in name = { 0 };
	socklen_t length = sizeof name;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && getsockname(loans->resolver, (struct sockaddr *)&name, &length) == 0)
		(void)connect(fd, (const struct sockaddr *)&name, length);
	return fd;
}

static int
make_listener(void)
{
	struct sockaddr_in name = { 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && bind_loopback(fd, &name))
		(void)listen(fd, 1);
	return fd;
}

static void
lend(struct spawn_order *order, const struct twin_loans *loans)
{
	order->lent[LOAN_TCP - FD_EDGES_END] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	order->lent[LOAN_UDP - FD_EDGES_END] = make_udp(loans);
	order->lent[LOAN_REFUSED - FD_EDGES_END] = make_refused();
	if (order->role == ROLE_DOOR)
		order->lent[LOAN_LISTENER - FD_EDGES_END] = make_listener();
}

/* A process of the same uid that does nothing: what a twin must not be able to reach. */
static pid_t
start_sibling(const struct account *account)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setresgid(account->gid, account->gid, account->gid) != 0 ||
				  setresuid(account->uid, account->uid, account->uid) != 0))
		_exit(1);
	for (;;)
		(void)pause();
}

static void
end_sibling(pid_t pid)
{
	if (pid <= 0)
		return;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

/* Waits for a twin's end; false when it had to be killed. */
static bool
wait_for_end(pid_t pid, int *wait_status)
{
	struct pollfd watched = { .fd = pidfd_open(pid, 0), .events = POLLIN };
	bool in_time = watched.fd >= 0 && poll(&watched, 1, TWIN_LIMIT_MS) == 1;

	if (watched.fd >= 0)
		(void)close(watched.fd);
	if (!in_time)
		(void)kill(pid, SIGKILL);
	return waitpid(pid, wait_status, 0) == pid && in_time;
}

static enum twin_verdict
judge_exit(int code, struct buf *how)
{
	switch (code) {
	case ATTEMPT_REFUSED:
		buf_append_text(how, "refused");
		return TWIN_REFUSED;
	case ATTEMPT_SUCCEEDED:
		buf_append_text(how, "SUCCEEDED: a wall is missing");
		return TWIN_SUCCEEDED;
	case ATTEMPT_UNKNOWN:
		buf_append_text(how, "its program does not know this attempt; is it of another version?");
		return TWIN_BROKEN;
	case ATTEMPT_NO_LOAN:
		buf_append_text(how, "the socket that it needs was not there");
		return TWIN_BROKEN;
	default:
		buf_printf(how, "the twin did not come to its attempt (exit code %d)", code);
		return TWIN_BROKEN;
	}
}

static enum twin_verdict
judge(bool in_time, int wait_status, struct buf *how)
{
	if (!in_time) {
		buf_append_text(how, "the twin did not end in time");
		return TWIN_BROKEN;
	}
	if (WIFEXITED(wait_status))
		return judge_exit(WEXITSTATUS(wait_status), how);
	if (WTERMSIG(wait_status) == SIGSYS) {
		buf_append_text(how, "killed (SIGSYS)");
		return TWIN_KILLED;
	}
	buf_printf(how, "the twin died of signal %d", WTERMSIG(wait_status));
	return TWIN_BROKEN;
}

/* Edges as the real process has them; nobody is at their other ends. */
static void
make_edges(struct spawn_order *order, int others[static PLAN_NEIGHBOURS_MAX])
{
	struct plan_neighbour neighbours[PLAN_NEIGHBOURS_MAX];
	unsigned count = plan_neighbours(order->role, order->instance, order->cores, neighbours);

	for (unsigned i = 0; i < PLAN_NEIGHBOURS_MAX; i++)
		others[i] = -1;
	for (unsigned i = 0; i < count; i++) {
		int ends[2];

		if (!spawn_channel(ends))
			return;
		order->edges[i] = ends[0];
		others[i] = ends[1];
	}
}

static void
close_all(const int *fds, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
}

enum twin_verdict
twin_try(const struct supplies *supplies, const struct twin_loans *loans, enum role role, const char *attempt,
    struct buf *how)
{
	struct spawn_order order =
	    spawn_order_make(&supplies->programs, supplies->config, &supplies->accounts, role, 0, 1);
	pid_t sibling = start_sibling(&order.account);
	int others[PLAN_NEIGHBOURS_MAX];
	char text[ORDER_SIZE];
	int control;
	int wait_status;

	(void)snprintf(text, sizeof text, "%s:%u:%ld", attempt, loans->port, (long)sibling);
	order.attempt = text;
	supplies_give(supplies, &order);
	make_edges(&order, others);
	lend(&order, loans);
	enum twin_verdict verdict = TWIN_BROKEN;
	pid_t pid = spawn_child(&order, &control, how);
	if (pid > 0) {
		bool in_time = wait_for_end(pid, &wait_status);

		verdict = judge(in_time, wait_status, how);
		(void)close(control);
	}
	close_all(order.edges, PLAN_NEIGHBOURS_MAX);
	close_all(others, PLAN_NEIGHBOURS_MAX);
	close_all(order.lent, SPAWN_LENT_MAX);
	end_sibling(sibling);
	return verdict;
}
