/* control/door_admit: what an smtpd says of a client's recipients is believed of whom it was given, and no further.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "control/door_state.h"
#include "tests/unit/values.h"

enum { QUEUE_BYTES = 1 << 16, SESSION = 77 };

static const char *trusted[] = { "198.51.100.0/24" };
static const char *hosts[] = { "10.0.0.7" };

/* A door with one smtpd, whose end of the channel is `smtpd`. */
struct scene {
	struct event_base *base;
	struct edge *edge;
	struct ipc_channel smtpd;
	struct config config;
	struct door door;
};

static bool
hear_nothing(void *context, struct edge *edge, const struct ipc_message *message)
{
	(void)context;
	(void)edge;
	(void)message;
	return false;
}

static void
be_gone(void *context, struct edge *edge)
{
	(void)context;
	(void)edge;
}

static int
open_scene(void **state)
{
	static const struct edge_events events = { .on_message = hear_nothing, .on_gone = be_gone };
	static struct scene scene;
	int pair[2];

	scene = (struct scene){ .base = event_base_new(),
		.config = { .hostname = "mx.example.org",
		    .trusted = { 1, trusted },
		    .xclient_from = { 1, hosts },
		    .max_errors = 10,
		    .harvest_limit = 2 } };
	if (!scene.base || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
		return -1;
	scene.edge = edge_new(scene.base, ROLE_DOOR, ROLE_SMTPD, 0, QUEUE_BYTES, &events, &scene);
	scene.smtpd = (struct ipc_channel){ .fd = pair[1], .self = ROLE_SMTPD, .peer = ROLE_DOOR };
	scene.door = (struct door){ .config = &scene.config, .counts = door_counts_new(100), .spare_fd = -1 };
	const struct door_caps caps = { .harvest_per_address = 4, .harvest_per_network = 6 };
	door_counts_set_caps(scene.door.counts, &caps);
	*state = &scene;
	return scene.edge && edge_attach(scene.edge, pair[0]) ? 0 : -1;
}

static int
close_scene(void **state)
{
	struct scene *scene = *state;

	door_counts_free(scene->door.counts);
	edge_free(scene->edge);
	event_base_free(scene->base);
	(void)close(scene->smtpd.fd);
	return 0;
}

/* The number of a new connection from here; 0 when it is turned away for a harvest. */
static uint32_t
admitted(struct scene *scene, const char *ip, enum door_guest guest)
{
	struct peer_address from = peer(ip);
	uint32_t id = 0;

	enum door_verdict verdict = door_counts_admit(scene->door.counts, &from, guest, 0, clock_monotonic_us(), &id);
	assert_true(verdict == DOOR_ADMITTED || verdict == DOOR_HARVEST);
	return verdict == DOOR_ADMITTED ? id : 0;
}

static bool
says(struct scene *scene, uint32_t id, const char *ip)
{
	const struct ipc_harvest harvest = { .session = SESSION, .id = id, .client = peer(ip) };

	return door_hear_harvest(&scene->door, scene->edge, &harvest);
}

/* Has the smtpd been told that its client harvests? */
static bool
is_told(struct scene *scene)
{
	static char storage[IPC_MESSAGE_BYTES];
	struct ipc_message message;
	const char *why;

	if (ipc_receive(&scene->smtpd, storage, sizeof storage, &message, &why) != IPC_OK)
		return false;
	assert_int_equal(message.type, IPC_HARVESTER);
	assert_int_equal(message.harvester.session, SESSION);
	return true;
}

static void
a_harvest_over_two_sessions(void **state)
{
	struct scene *scene = *state;
	uint32_t first = admitted(scene, "192.0.2.1", DOOR_STRANGER);
	uint32_t second = admitted(scene, "192.0.2.1", DOOR_STRANGER);

	assert_true(says(scene, first, "192.0.2.1"));
	assert_true(says(scene, first, "192.0.2.1"));
	assert_true(says(scene, second, "192.0.2.1"));
	assert_false(is_told(scene));
	assert_true(says(scene, second, "192.0.2.1"));
	assert_true(is_told(scene));
	assert_int_equal(admitted(scene, "192.0.2.1", DOOR_STRANGER), 0);
	assert_int_not_equal(admitted(scene, "192.0.2.2", DOOR_STRANGER), 0);
	/* The other session hears it with its next one, which does not count any more. */
	assert_true(says(scene, first, "192.0.2.1"));
	assert_true(is_told(scene));
	assert_int_not_equal(admitted(scene, "192.0.2.2", DOOR_STRANGER), 0);
}

/* One that was taken over has one connection, and wants somebody turned away. */
static void
a_hostile_smtpd_turns_nobody_away(void **state)
{
	struct scene *scene = *state;
	uint32_t own = admitted(scene, "192.0.2.1", DOOR_STRANGER);
	uint32_t proxy = admitted(scene, "10.0.0.1", DOOR_PROXY);
	struct peer_address victim = peer("203.0.113.1");
	uint32_t foreign;

	/* A connection that it does not hold is a breach. */
	assert_int_equal(door_counts_admit(scene->door.counts, &victim, DOOR_STRANGER, 1, 0, &foreign), DOOR_ADMITTED);
	assert_false(says(scene, foreign, "203.0.113.1"));
	assert_false(says(scene, UINT32_MAX, "192.0.2.1"));
	/* Another than the client it was given, and a proxy that has announced nobody, are not counted at all; */
	scene->config.harvest_limit = 1000;
	for (int i = 0; i < 100; i++) {
		assert_true(says(scene, own, "203.0.113.1"));
		assert_true(says(scene, proxy, "10.0.0.1"));
		assert_true(says(scene, proxy, "203.0.113.1"));
	}
	/* its own client no more often than a session can try. */
	scene->config.harvest_limit = 2;
	for (int i = 0; i < 100; i++)
		assert_true(says(scene, own, "192.0.2.1"));
	assert_false(is_told(scene));
	assert_int_not_equal(admitted(scene, "203.0.113.1", DOOR_STRANGER), 0);
	assert_int_not_equal(admitted(scene, "192.0.2.1", DOOR_STRANGER), 0);
	assert_int_not_equal(admitted(scene, "10.0.0.1", DOOR_STRANGER), 0);
}

/* A host of xclient-from names its clients; friends are none that could be turned away. */
static void
a_host_that_speaks_for_others(void **state)
{
	struct scene *scene = *state;
	uint32_t ids[4];

	for (unsigned i = 0; i < 4; i++) {
		ids[i] = admitted(scene, "10.0.0.7", DOOR_STRANGER);
		assert_true(says(scene, ids[i], "198.51.100.1"));
		assert_true(says(scene, ids[i], "127.0.0.1"));
		assert_true(says(scene, ids[i], "203.0.113.1"));
		assert_int_equal(is_told(scene), i == 3);
	}
	assert_int_equal(admitted(scene, "203.0.113.1", DOOR_STRANGER), 0);
	assert_int_not_equal(admitted(scene, "10.0.0.7", DOOR_STRANGER), 0);
	assert_int_not_equal(admitted(scene, "198.51.100.1", DOOR_STRANGER), 0);
	/* When the configuration has taken the right from it, what is said meanwhile is no breach, and no news. */
	scene->config.xclient_from.count = 0;
	assert_true(says(scene, ids[0], "203.0.113.1"));
	assert_false(is_told(scene));
}

/* Without a limit for the session that for errors ends it. */
static void
errors_bound_a_session_too(void **state)
{
	struct scene *scene = *state;
	uint32_t id = admitted(scene, "192.0.2.1", DOOR_STRANGER);

	scene->config.harvest_limit = 0;
	scene->config.max_errors = 3;
	for (int i = 0; i < 10; i++)
		assert_true(says(scene, id, "192.0.2.1"));
	assert_false(is_told(scene));
	scene->config.max_errors = 4;
	assert_true(says(scene, id, "192.0.2.1"));
	assert_true(is_told(scene));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_harvest_over_two_sessions, open_scene, close_scene),
		cmocka_unit_test_setup_teardown(a_hostile_smtpd_turns_nobody_away, open_scene, close_scene),
		cmocka_unit_test_setup_teardown(a_host_that_speaks_for_others, open_scene, close_scene),
		cmocka_unit_test_setup_teardown(errors_bound_a_session_too, open_scene, close_scene),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
