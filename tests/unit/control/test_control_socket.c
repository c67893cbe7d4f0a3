/* The control socket: what a request may bring along, and that nothing of it is left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/control_socket.h"
#include "tests/unit/open_descriptors.h"
#include "tests/unit/own_folder.h"

enum { DESCRIPTORS_MAX = 4 };

static struct own_folder folder;
static struct event_base *base;
static struct control_socket *control;
static unsigned requests;
static bool takes_descriptor;
static bool had_descriptor;

static void
on_request(void *context, struct control_asker *asker, struct span request)
{
	(void)context;
	(void)request;
	requests++;
	had_descriptor = false;
	if (takes_descriptor) {
		int fd = control_take_descriptor(asker);

		had_descriptor = fd >= 0;
		if (fd >= 0)
			(void)close(fd);
	}
	control_answer(asker, true, SPAN("heard\n"));
}

static int
begin(void **state)
{
	struct buf why = BUF_LIMIT(1024);

	(void)state;
	own_folder_open(&folder);
	base = event_base_new();
	control = control_socket_open(base, folder.fd, on_request, NULL, &why);
	buf_free(&why);
	return control ? 0 : -1;
}

static int
end(void **state)
{
	(void)state;
	control_socket_close(control);
	event_base_free(base);
	own_folder_close(&folder);
	return 0;
}

/* Asks with so many descriptors; the answer, or "" when there was none. */
static void
ask(unsigned descriptors, char answer[static 32])
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
	} lent = { 0 };
	struct iovec bytes = { .iov_base = (char[]){ "status" }, .iov_len = 6 };
	struct msghdr message = { .msg_iov = &bytes, .msg_iovlen = 1 };
	const int fds[DESCRIPTORS_MAX] = { folder.fd, folder.fd, folder.fd, folder.fd };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	memset(answer, 0, 32);
	assert_true(snprintf(name.sun_path, sizeof name.sun_path, "%s/control.sock", folder.path) > 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&name, sizeof name), 0);
	if (descriptors) {
		message.msg_control = &lent;
		message.msg_controllen = CMSG_SPACE(descriptors * sizeof(int));
		lent.header.cmsg_level = SOL_SOCKET;
		lent.header.cmsg_type = SCM_RIGHTS;
		lent.header.cmsg_len = CMSG_LEN(descriptors * sizeof(int));
		memcpy(CMSG_DATA(&lent.header), fds, descriptors * sizeof(int));
	}
	assert_int_equal(sendmsg(fd, &message, MSG_NOSIGNAL), 6);
	for (int i = 0; i < 10; i++)
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
	(void)recv(fd, answer, 31, MSG_DONTWAIT);
	assert_int_equal(close(fd), 0);
	for (int i = 0; i < 10; i++)
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
one_descriptor_comes_along(void **state)
{
	unsigned before = open_descriptors();
	char answer[32];

	(void)state;
	takes_descriptor = true;
	ask(0, answer);
	assert_string_equal(answer, "ok\nheard\n");
	assert_false(had_descriptor);
	ask(1, answer);
	assert_string_equal(answer, "ok\nheard\n");
	assert_true(had_descriptor);
	/* One that nobody takes is closed. */
	takes_descriptor = false;
	ask(1, answer);
	assert_string_equal(answer, "ok\nheard\n");
	assert_int_equal(open_descriptors(), before);
}

static void
several_are_refused_and_closed(void **state)
{
	unsigned before = open_descriptors();
	unsigned heard = requests;
	char answer[32];

	(void)state;
	for (unsigned descriptors = 2; descriptors <= DESCRIPTORS_MAX; descriptors++) {
		ask(descriptors, answer);
		assert_string_equal(answer, "");
		assert_int_equal(open_descriptors(), before);
	}
	assert_int_equal(requests, heard);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_descriptor_comes_along),
		cmocka_unit_test(several_are_refused_and_closed),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
