/* control/listeners: binding on loopback, keeping what stays, whole sets or none, sockets from a service manager. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/listeners.h"

enum { WHY_LIMIT_BYTES = 1024, TEXTS_MAX = 4 };

struct wishes {
	char texts[TEXTS_MAX][PEER_TEXT_SIZE];
	struct config_listener listeners[TEXTS_MAX];
	struct config config;
};

/* A port of 127.0.0.1 that was free a moment ago. */
static struct peer_address
free_address(void)
{
	struct peer_address address;
	struct sockaddr_storage name;
	socklen_t length = sizeof name;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(peer_parse(SPAN("127.0.0.1:0"), &address));
	socklen_t size = peer_to_sockaddr(&address, &name);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &length), 0);
	(void)close(fd);
	return peer_from_sockaddr(&name);
}

static void
wish(struct wishes *wishes, const struct peer_address *addresses, size_t count)
{
	*wishes = (struct wishes){ 0 };
	for (size_t i = 0; i < count; i++) {
		peer_format(&addresses[i], wishes->texts[i]);
		wishes->listeners[i] = (struct config_listener){ .name = "mx", .address = wishes->texts[i] };
	}
	wishes->config.listeners = wishes->listeners;
	wishes->config.listener_count = count;
}

static unsigned
count_open(const struct listeners *listeners)
{
	unsigned open = 0;

	for (unsigned i = 0; i < LISTENERS_MAX; i++)
		if (listeners->slots[i].fd >= 0)
			open++;
	return open;
}

static bool
open_all(struct listeners *listeners, const struct wishes *wishes, const char *expected)
{
	struct buf why = BUF_LIMIT(WHY_LIMIT_BYTES);
	bool ok = listeners_open(listeners, &wishes->config, &why);

	if (expected)
		assert_non_null(strstr(buf_text(&why), expected));
	buf_free(&why);
	return ok;
}

static void
note_drop(void *context, uint8_t index)
{
	*(int *)context = index;
}

static void
test_keeps_what_stays(void **state)
{
	struct peer_address addresses[] = { free_address(), free_address() };
	struct listeners listeners;
	struct wishes wishes;
	int dropped = -1;

	(void)state;
	listeners_init(&listeners);
	wish(&wishes, addresses, 1);
	assert_true(open_all(&listeners, &wishes, NULL));
	int first = listeners.slots[0].fd;
	wish(&wishes, addresses, 2);
	assert_true(open_all(&listeners, &wishes, NULL));
	assert_int_equal(listeners.slots[0].fd, first);
	assert_int_equal(count_open(&listeners), 2);
	wish(&wishes, addresses + 1, 1);
	assert_true(open_all(&listeners, &wishes, NULL));
	listeners_drop_unwanted(&listeners, note_drop, &dropped);
	assert_int_equal(dropped, 0);
	assert_int_equal(count_open(&listeners), 1);
	listeners_close(&listeners);
	assert_int_equal(count_open(&listeners), 0);
}

static void
test_all_or_none(void **state)
{
	struct peer_address addresses[] = { free_address(), free_address(), free_address() };
	struct listeners others;
	struct listeners listeners;
	struct wishes wishes;

	(void)state;
	listeners_init(&others);
	listeners_init(&listeners);
	wish(&wishes, addresses + 2, 1);
	assert_true(open_all(&others, &wishes, NULL));
	wish(&wishes, addresses, 1);
	assert_true(open_all(&listeners, &wishes, NULL));
	wish(&wishes, addresses, 3);
	assert_false(open_all(&listeners, &wishes, "another program is listening there"));
	assert_int_equal(count_open(&listeners), 1);
	/* What was there before is still wanted. */
	assert_true(listeners.slots[0].is_wanted);
	listeners_close(&listeners);
	listeners_close(&others);
}

static void
test_describes_what_a_socket_is_for(void **state)
{
	static const char *proxies[] = { "10.0.0.0/8", "2001:db8::1" };
	struct peer_address addresses[] = { free_address(), free_address() };
	struct peer_address proxy;
	struct peer_address stranger;
	struct listeners listeners;
	struct wishes wishes;
	struct buf networks;
	struct ipc_message message;

	(void)state;
	listeners_init(&listeners);
	wish(&wishes, addresses, 2);
	assert_true(open_all(&listeners, &wishes, NULL));
	assert_true(listeners_describe(&listeners, 0, &wishes.config, &networks, &message));
	assert_int_equal(message.type, IPC_LISTENER);
	assert_int_equal(message.descriptor, listeners.slots[0].fd);
	assert_int_equal(message.listener.role, LISTENER_MX);
	assert_int_equal(message.listener.is_proxied, 0);
	assert_int_equal(message.listener.proxy_from.length, 0);
	buf_free(&networks);
	/* The same sockets, for something else now. */
	wishes.listeners[1] = (struct config_listener){ .name = "submission",
		.address = wishes.texts[1],
		.role = LISTENER_SUBMISSION,
		.tls = LISTENER_TLS_IMPLICIT,
		.proxy_protocol = true,
		.proxy_from = { 2, proxies } };
	assert_true(open_all(&listeners, &wishes, NULL));
	assert_false(listeners_describe(&listeners, 2, &wishes.config, &networks, &message));
	assert_true(listeners_describe(&listeners, 1, &wishes.config, &networks, &message));
	assert_int_equal(message.descriptor, listeners.slots[1].fd);
	assert_true(span_equal(message.listener.name, SPAN("submission")));
	assert_int_equal(message.listener.role, LISTENER_SUBMISSION);
	assert_int_equal(message.listener.tls, LISTENER_TLS_IMPLICIT);
	assert_int_equal(message.listener.is_proxied, 1);
	assert_true(span_equal(message.listener.proxy_from, SPAN("10.0.0.0/8 2001:db8::1")));
	assert_true(peer_parse_ip(SPAN("2001:db8::1"), &proxy));
	assert_true(peer_parse_ip(SPAN("2001:db8::2"), &stranger));
	assert_true(network_list_contains(message.listener.proxy_from, &proxy));
	assert_false(network_list_contains(message.listener.proxy_from, &stranger));
	assert_false(network_list_contains(SPAN(""), &proxy));
	buf_free(&networks);
	listeners_close(&listeners);
}

static void
test_inherits_by_address_then_in_order(void **state)
{
	struct peer_address addresses[] = { free_address(), free_address() };
	struct listeners given;
	struct wishes wishes;

	(void)state;
	listeners_init(&given);
	wish(&wishes, addresses, 2);
	assert_true(open_all(&given, &wishes, NULL));
	struct peer_address elsewhere = free_address();
	pid_t pid = fork();
	if (pid == 0) {
		struct peer_address wanted[] = { elsewhere, addresses[0] };
		struct buf why = BUF_LIMIT(WHY_LIMIT_BYTES);
		struct listeners listeners;
		char number[24];

		/* Descriptor 3 serves no configured address, 4 serves the second. */
		int first = fcntl(given.slots[1].fd, F_DUPFD, 10);
		int second = fcntl(given.slots[0].fd, F_DUPFD, 10);
		(void)dup2(first, 3);
		(void)dup2(second, 4);
		(void)snprintf(number, sizeof number, "%ld", (long)getpid());
		(void)setenv("LISTEN_PID", number, 1);
		(void)setenv("LISTEN_FDS", "2", 1);
		listeners_init(&listeners);
		wish(&wishes, wanted, 2);
		bool ok = listeners_inherit(&listeners, &wishes.config, &why) &&
			  listeners_open(&listeners, &wishes.config, &why) && count_open(&listeners) == 2 &&
			  listeners.slots[0].fd == 4 && listeners.slots[1].fd == 3 &&
			  listeners.slots[1].address.port == elsewhere.port && !getenv("LISTEN_FDS");
		_exit(ok ? 0 : 1);
	}
	int wait_status;
	assert_int_equal(waitpid(pid, &wait_status, 0), pid);
	assert_int_equal(wait_status, 0);
	listeners_close(&given);
}

static void
test_sockets_for_another_process_are_left_alone(void **state)
{
	struct peer_address address = free_address();
	struct buf why = BUF_LIMIT(WHY_LIMIT_BYTES);
	struct listeners listeners;
	struct wishes wishes;

	(void)state;
	listeners_init(&listeners);
	wish(&wishes, &address, 1);
	(void)setenv("LISTEN_PID", "1", 1);
	(void)setenv("LISTEN_FDS", "1", 1);
	assert_true(listeners_inherit(&listeners, &wishes.config, &why));
	assert_int_equal(count_open(&listeners), 0);
	assert_null(getenv("LISTEN_PID"));
	buf_free(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keeps_what_stays),
		cmocka_unit_test(test_all_or_none),
		cmocka_unit_test(test_describes_what_a_socket_is_for),
		cmocka_unit_test(test_inherits_by_address_then_in_order),
		cmocka_unit_test(test_sockets_for_another_process_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
