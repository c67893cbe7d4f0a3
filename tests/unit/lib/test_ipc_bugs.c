/* lib/ipc.c: our own mistakes in speaking end the process before anything is sent.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/lib/ipc_samples.h"

/* Our own mistakes end the process: does this one, in a child of its own? */
static void
assert_bug(void (*mistake)(void))
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		/* cmocka catches SIGABRT to name the failed test; here it must have its way. */
		(void)dup2(null, STDERR_FILENO);
		(void)signal(SIGABRT, SIG_DFL);
		mistake();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void
encode_over_the_limit(void)
{
	struct ipc_message message = { .type = IPC_READY };
	struct buf wire = BUF_LIMIT(IPC_MESSAGE_BYTES);

	message.ready.missing_walls = span_make(sample_text(), IPC_TEXT_BYTES + 1);
	ipc_encode(&message, &wire);
}

static void
encode_a_nul(void)
{
	struct ipc_message message = { .type = IPC_READY };
	struct buf wire = BUF_LIMIT(IPC_MESSAGE_BYTES);

	message.ready.missing_walls = SPAN("a\0b");
	ipc_encode(&message, &wire);
}

static void
read_a_list_too_far(void)
{
	(void)ipc_u32_at(SPAN("\0\0\0\1\0\0\0"), 1);
}

static void
speak_to_the_wrong_process(void)
{
	const struct ipc_channel channel = { .fd = -1, .self = ROLE_SMTPD, .peer = ROLE_DNS };
	struct ipc_message message;

	sample_fill(IPC_ABANDON, SAMPLE_SMALL, &message);
	(void)ipc_send(&channel, &message);
}

static void
a_field_over_its_limit(void **state)
{
	(void)state;
	assert_bug(encode_over_the_limit);
}

static void
a_nul_in_a_string(void **state)
{
	(void)state;
	assert_bug(encode_a_nul);
}

static void
a_list_read_past_its_end(void **state)
{
	(void)state;
	assert_bug(read_a_list_too_far);
}

static void
a_message_to_the_wrong_process(void **state)
{
	(void)state;
	assert_bug(speak_to_the_wrong_process);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_field_over_its_limit),
		cmocka_unit_test(a_nul_in_a_string),
		cmocka_unit_test(a_list_read_past_its_end),
		cmocka_unit_test(a_message_to_the_wrong_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
