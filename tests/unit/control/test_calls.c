/* Connections that tidegate-caller makes: UDP at once, TCP when it stands, and only so many under way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/calls.h"

enum { TURNS_MAX = 1000 };

struct asker {
	unsigned stood;
	unsigned failed;
	uint32_t serial;
	bool is_connected;
	struct peer_address address;
	char why[128];
};

static struct event_base *base;
static struct calls *calls;
static struct asker asker;

static void
done(void *context, uint32_t serial, int fd, const struct peer_address *address, const char *why)
{
	struct asker *who = context;
	struct sockaddr_storage name;
	socklen_t length = sizeof name;

	who->serial = serial;
	if (fd < 0) {
		who->failed++;
		assert_true(strlen(why) < sizeof who->why);
		memcpy(who->why, why, strlen(why) + 1);
		return;
	}
	who->stood++;
	who->address = *address;
	who->is_connected = getpeername(fd, (struct sockaddr *)&name, &length) == 0;
	struct peer_address peer = peer_from_sockaddr(&name);
	assert_true(peer_equal(&peer, address));
}

static int
set_up(void **unused)
{
	(void)unused;
	base = event_base_new();
	calls = calls_new(base, done);
	asker = (struct asker){ .stood = 0 };
	return base && calls ? 0 : -1;
}

static int
tear_down(void **unused)
{
	(void)unused;
	calls_free(calls);
	event_base_free(base);
	return 0;
}

/* A bound socket of 127.0.0.1; its address. */
static int
bind_one(int kind, struct peer_address *address)
{
	struct peer_address any = { .family = 4, .ip = { 127, 0, 0, 1 } };
	struct sockaddr_storage name;
	socklen_t length = peer_to_sockaddr(&any, &name);
	int fd = socket(AF_INET, kind, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&name, length), 0);
	length = sizeof name;
	assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &length), 0);
	*address = peer_from_sockaddr(&name);
	return fd;
}

/* A listener whose queue is full: connections to it stay under way. */
static int
full_listener(struct peer_address *address, int fillers[static 4])
{
	struct sockaddr_storage name;
	int fd = bind_one(SOCK_STREAM, address);
	socklen_t length = peer_to_sockaddr(address, &name);

	assert_int_equal(listen(fd, 0), 0);
	for (unsigned i = 0; i < 4; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(fillers[i], (struct sockaddr *)&name, length);
	}
	return fd;
}

static void
run_until(const unsigned *count, unsigned wanted)
{
	for (unsigned turn = 0; *count < wanted; turn++) {
		const struct timeval tick = { .tv_usec = 10000 };

		assert_true(turn < TURNS_MAX);
		(void)event_base_loopexit(base, &tick);
		(void)event_base_loop(base, EVLOOP_ONCE);
	}
}

static void
udp_is_passed_at_once_connected(void **unused)
{
	struct peer_address address;
	int peer = bind_one(SOCK_DGRAM, &address);

	(void)unused;
	calls_connect(calls, &asker, 7, &address, false);
	assert_int_equal(asker.stood, 1);
	assert_int_equal(asker.serial, 7);
	assert_true(asker.is_connected);
	assert_int_equal(calls_under_way(calls), 0);
	assert_int_equal(close(peer), 0);
}

static void
tcp_is_passed_when_it_stands(void **unused)
{
	struct peer_address address;
	int peer = bind_one(SOCK_STREAM, &address);

	(void)unused;
	assert_int_equal(listen(peer, 8), 0);
	calls_connect(calls, &asker, 8, &address, true);
	run_until(&asker.stood, 1);
	assert_true(asker.is_connected);
	assert_int_equal(calls_under_way(calls), 0);
	assert_int_equal(close(peer), 0);
}

static void
a_refused_connection_is_never_passed(void **unused)
{
	struct peer_address address;
	int peer = bind_one(SOCK_STREAM, &address); /* bound, and does not listen */

	(void)unused;
	calls_connect(calls, &asker, 9, &address, true);
	run_until(&asker.failed, 1);
	assert_int_equal(asker.stood, 0);
	assert_string_equal(asker.why, "Connection refused");
	assert_int_equal(close(peer), 0);
}

static void
an_address_that_cannot_be_reached_fails_with_its_reason(void **unused)
{
	struct peer_address broadcast = { .family = 4, .ip = { 255, 255, 255, 255 }, .port = 53 };

	(void)unused;
	calls_connect(calls, &asker, 10, &broadcast, false);
	assert_int_equal(asker.failed, 1);
	assert_true(strlen(asker.why) > 0);
}

static void
an_asker_has_only_so_many_under_way_and_does_not_hinder_others(void **unused)
{
	struct peer_address address;
	struct asker other = { .stood = 0 };
	int fillers[4];
	int peer = full_listener(&address, fillers);

	(void)unused;
	for (unsigned i = 0; i < CALLS_AN_ASKER + 3; i++)
		calls_connect(calls, &asker, i, &address, true);
	assert_int_equal(calls_under_way(calls), CALLS_AN_ASKER);
	assert_int_equal(asker.failed, 3);
	calls_connect(calls, &other, 1, &address, true);
	assert_int_equal(other.failed, 0);
	assert_int_equal(calls_under_way(calls), CALLS_AN_ASKER + 1);
	calls_forget(calls, &asker);
	assert_int_equal(calls_under_way(calls), 1);
	assert_int_equal(asker.failed, 3);
	calls_forget(calls, &other);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(close(fillers[i]), 0);
	assert_int_equal(close(peer), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(udp_is_passed_at_once_connected),
		TEST(tcp_is_passed_when_it_stands),
		TEST(a_refused_connection_is_never_passed),
		TEST(an_address_that_cannot_be_reached_fails_with_its_reason),
		TEST(an_asker_has_only_so_many_under_way_and_does_not_hinder_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
