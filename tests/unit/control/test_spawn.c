/* Starting a process: what must not reach the master by way of the fork. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <event2/event.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/spawn.h"
#include "tests/unit/own_folder.h"

static const int sent[] = { SIGTERM, SIGINT, SIGHUP };

enum { SENT = sizeof sent / sizeof sent[0] };

static unsigned heard;

static void
on_signal(evutil_socket_t number, short what, void *argument)
{
	(void)number;
	(void)what;
	(void)argument;
	heard++;
}

/* In the fork, before any of its own code: what ^C at the terminal sends to all, it hears too. */
static void
in_the_fork(void)
{
	for (unsigned i = 0; i < SENT; i++)
		(void)raise(sent[i]);
}

static struct config *
read_config(void)
{
	struct own_folder folder;
	char path[300];
	struct buf errors = BUF_LIMIT(4096);

	own_folder_open(&folder);
	(void)snprintf(path, sizeof path, "%s/tidegate.conf", folder.path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_true(dprintf(fd, "hostname = \"mx.example.org\"\nlisten = {\"127.0.0.1:25\"}\nrecipients = \"r\"\n"
				"mailboxes = \"m\"\nstate = \"s\"\nresolvers = {\"127.0.0.1:53\"}\n") > 0);
	assert_int_equal(close(fd), 0);
	struct config *config = config_read(path, &errors);
	own_folder_clear(&folder);
	assert_non_null(config);
	buf_free(&errors);
	return config;
}

static void
the_masters_signals_stay_its_own(void **state)
{
	struct event_base *base = event_base_new();
	struct event *events[SENT];
	struct config *config = read_config();
	struct accounts accounts = { 0 };
	struct programs programs;
	struct buf why = BUF_LIMIT(1024);
	int wait_status;
	int control;

	(void)state;
	for (unsigned i = 0; i < SENT; i++) {
		events[i] = evsignal_new(base, sent[i], on_signal, NULL);
		assert_int_equal(event_add(events[i], NULL), 0);
	}
	programs_init(&programs);
	programs.null_in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	programs.null_out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	programs.fds[ROLE_DNS] = open("/bin/true", O_RDONLY | O_CLOEXEC);
	struct spawn_order order = spawn_order_make(&programs, config, &accounts, ROLE_DNS, 0, 1);
	order.account = (struct account){ geteuid(), getegid() };
	assert_int_equal(pthread_atfork(NULL, NULL, in_the_fork), 0);
	pid_t pid = spawn_child(&order, &control, &why);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &wait_status, 0), pid);
	assert_true(WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0);
	for (unsigned i = 0; i < 10; i++)
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(heard, 0);
	/* And they are still heard here. */
	in_the_fork();
	for (unsigned i = 0; i < 10; i++)
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(heard, SENT);
	(void)close(control);
	programs_close(&programs);
	config_free(config);
	buf_free(&why);
	for (unsigned i = 0; i < SENT; i++)
		event_free(events[i]);
	event_base_free(base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_masters_signals_stay_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
