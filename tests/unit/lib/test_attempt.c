/* lib/attempt: without walls the attempts succeed, so that a refusal behind walls means something. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/attempt.h"

static int target_socket;
static unsigned target_port;
static pid_t sibling;

static int
bound(int type, struct sockaddr_in *name)
{
	socklen_t length = sizeof *name;
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	*name = (struct sockaddr_in){ .sin_family = AF_INET };
	name->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)name, sizeof *name), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)name, &length), 0);
	return fd;
}

static void
lend(int fd, int number)
{
	if (dup2(fd, number) != number)
		_exit(99);
}

/* In a child: what a twin has, but no walls. */
static void
lend_all(void)
{
	struct sockaddr_in name;
	int nobody = bound(SOCK_STREAM, &name);
	int refused = socket(AF_INET, SOCK_STREAM, 0);
	int udp = socket(AF_INET, SOCK_DGRAM, 0);

	(void)connect(refused, (struct sockaddr *)&name, sizeof name);
	(void)connect(udp, (struct sockaddr *)&name, sizeof name);
	(void)close(nobody);
	lend(socket(AF_INET, SOCK_STREAM, 0), LOAN_TCP);
	lend(udp, LOAN_UDP);
	lend(refused, LOAN_REFUSED);
	lend(memfd_create("map", 0), FD_MAP);
	lend(memfd_create("log", 0), FD_LOG);
	lend(open("/tmp", O_RDONLY | O_DIRECTORY), FD_FOLDER);
}

static int
run_without_walls(const char *name)
{
	char order[64];
	int wait_status;

	(void)snprintf(order, sizeof order, "%s:%u:%ld", name, target_port, (long)sibling);
	pid_t pid = fork();
	if (pid == 0) {
		lend_all();
		_exit((int)attempt_run(order));
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &wait_status, 0), pid);
	assert_true(WIFEXITED(wait_status));
	return WEXITSTATUS(wait_status);
}

/* What an ordinary user may not do, or a kernel or a container may refuse to anybody. */
static bool
needs_more_than_no_walls(const char *name)
{
	static const char *const names[] = { "setuid", "tcp-repair", "io-uring", "ptrace", "unshare" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static void
test_attempts_succeed_without_walls(void **state)
{
	(void)state;
	for (size_t i = 0; i < attempt_count(); i++) {
		const char *name = attempt_name(i);
		int result = run_without_walls(name);

		if (result == ATTEMPT_REFUSED && needs_more_than_no_walls(name))
			print_message("%s: refused here even without walls\n", name);
		else if (result != ATTEMPT_SUCCEEDED)
			fail_msg("%s ended with %d without any wall", name, result);
	}
}

static void
test_unknown_attempt(void **state)
{
	(void)state;
	assert_int_equal(attempt_run("no-such:1:1"), ATTEMPT_UNKNOWN);
	assert_int_equal(attempt_run("sock:1:1"), ATTEMPT_UNKNOWN);
}

static void
test_loans_are_missed(void **state)
{
	(void)state;
	assert_int_equal(attempt_run("bind:1:1"), ATTEMPT_NO_LOAN);
	assert_int_equal(attempt_run("udp-elsewhere-sendto:1:1"), ATTEMPT_NO_LOAN);
}

static int
set_up(void **state)
{
	struct sockaddr_in name;

	(void)state;
	target_socket = bound(SOCK_STREAM, &name);
	target_port = ntohs(name.sin_port);
	sibling = fork();
	if (sibling == 0)
		for (;;)
			(void)pause();
	return sibling > 0 ? listen(target_socket, 64) : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)close(target_socket);
	(void)kill(sibling, SIGKILL);
	return waitpid(sibling, NULL, 0) == sibling ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attempts_succeed_without_walls),
		cmocka_unit_test(test_unknown_attempt),
		cmocka_unit_test(test_loans_are_missed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
