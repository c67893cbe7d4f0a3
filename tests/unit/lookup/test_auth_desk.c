/* The desk: right and wrong passwords, users who are not there, budgets before work, a queue that is full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <crypt.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/config.h"
#include "lib/clock.h"
#include "lookup/auth_desk.h"
#include "lookup/auth_hash.h"
#include "lookup/auth_queue.h"
#include "lookup/users_compile.h"
#include "tests/unit/own_folder.h"

enum { ANSWERS = 256, ASKER = 7 };

struct answer {
	uint32_t session;
	enum auth_verdict verdict;
	char user[64];
};

static struct own_folder folder;
static struct config config;
static struct event_base *base;
static struct auth_desk *desk;
static struct answer answers[ANSWERS];
static unsigned count;
static int asker = ASKER;

static void
hear(void *to, const struct ipc_message *say)
{
	struct answer *answer = &answers[count++ % ANSWERS];

	assert_ptr_equal(to, &asker);
	assert_int_equal(say->type, IPC_AUTH_SAY);
	answer->session = say->auth_say.session;
	answer->verdict = (enum auth_verdict)say->auth_say.verdict;
	(void)snprintf(answer->user, sizeof answer->user, "%.*s", SPAN_ARG(say->auth_say.user));
}

static bool
call(void *context, uint32_t serial)
{
	(void)context;
	(void)serial;
	return false;
}

static const struct auth_desk_events events = { .say = hear, .call = call };

static void
write_users(const char *text)
{
	char path[300];
	struct buf messages = BUF_LIMIT(4096);
	struct buf why = BUF_LIMIT(4096);
	uint64_t users;

	(void)snprintf(path, sizeof path, "%s/users", folder.path);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	(void)close(fd);
	assert_int_equal(users_compile(path, false, folder.fd, &users, &messages), USERS_COMPILED);
	struct users_map *map = users_open(openat(folder.fd, users_map_name, O_RDONLY), &why);
	assert_non_null(map);
	assert_true(users_count(map) == users);
	auth_desk_users(desk, map);
	buf_free(&messages);
	buf_free(&why);
}

/* A user with a cheap hash of the method that the prefix names. */
static void
append_user(char *text, size_t size, const char *address, const char *password, const char *prefix, unsigned long cost)
{
	static struct crypt_data room;
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	size_t length = strlen(text);

	assert_non_null(crypt_gensalt_rn(prefix, cost, NULL, 0, setting, sizeof setting));
	(void)snprintf(text + length, size - length, "%s:%s\n", address, crypt_r(password, setting, &room));
}

static int
set_up(void **state)
{
	char text[4096] = "";

	(void)state;
	config = (struct config){ .users = "users",
		.auth_socket = "",
		.auth_failures_per_address = 1000,
		.auth_failures_per_user = 1000,
		.auth_failure_window = 3600000 };
	base = event_base_new();
	desk = auth_desk_new(base, &events, NULL);
	assert_non_null(desk);
	auth_desk_configure(desk, &config);
	append_user(text, sizeof text, "alice@example.org", "wonderland", "$6$", 1000);
	append_user(text, sizeof text, "bob@example.org", "b\xc3\xbc: c", "$2b$", 4);
	append_user(text, sizeof text, "carol@example.org", "c", "$y$", 1);
	append_user(text, sizeof text, "dave@example.org", "d", "$5$", 1000);
	append_user(text, sizeof text, "erin@example.org", "e", "$1$", 0);
	append_user(text, sizeof text, "frank@example.org", "f", "$7$", 6);
	(void)snprintf(text + strlen(text), sizeof text - strlen(text), "closed@example.org:!$6$x$y\n");
	write_users(text);
	count = 0;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	auth_desk_free(desk);
	event_base_free(base);
	return 0;
}

static void
ask_from(const char *ip, uint32_t session, const char *user, struct span password)
{
	struct ipc_auth_ask ask = { .session = session, .user = span_of(user), .password = password };

	assert_true(peer_parse_ip(span_of(ip), &ask.client));
	auth_desk_ask(desk, &asker, &ask);
}

static enum auth_verdict
judge(const char *user, const char *password)
{
	unsigned before = count;

	ask_from("192.0.2.1", 42, user, span_of(password));
	assert_int_equal(event_base_dispatch(base), 1);
	assert_int_equal(count, before + 1);
	assert_int_equal(answers[before % ANSWERS].session, 42);
	return answers[before % ANSWERS].verdict;
}

static void
test_passwords(void **state)
{
	(void)state;
	assert_int_equal(judge("alice@example.org", "wonderland"), AUTH_PASSED);
	assert_string_equal(answers[0].user, "alice@example.org");
	assert_int_equal(judge("Alice@EXAMPLE.org", "wonderland"), AUTH_PASSED);
	assert_string_equal(answers[1].user, "alice@example.org");
	assert_int_equal(judge("alice@example.org", "Wonderland"), AUTH_FAILED);
	assert_string_equal(answers[2].user, "");
	assert_int_equal(judge("alice@example.org", ""), AUTH_FAILED);
	assert_int_equal(judge("alice@example.org", "wonderland "), AUTH_FAILED);
	assert_int_equal(judge("bob@example.org", "b\xc3\xbc: c"), AUTH_PASSED);
	assert_int_equal(judge("bob@example.org", "wonderland"), AUTH_FAILED);
	assert_int_equal(judge("carol@example.org", "c"), AUTH_PASSED);
	assert_int_equal(judge("dave@example.org", "d"), AUTH_PASSED);
	assert_int_equal(judge("erin@example.org", "e"), AUTH_PASSED);
	assert_int_equal(judge("frank@example.org", "f"), AUTH_PASSED);
}

static void
test_nobody(void **state)
{
	(void)state;
	assert_int_equal(judge("nobody@example.org", "wonderland"), AUTH_FAILED);
	assert_int_equal(judge("alice", "wonderland"), AUTH_FAILED);
	assert_int_equal(judge("", "wonderland"), AUTH_FAILED);
	assert_int_equal(judge("closed@example.org", "!$6$x$y"), AUTH_FAILED);
	assert_int_equal(judge("*@example.org", "x"), AUTH_FAILED);
}

static void
test_long_passwords(void **state)
{
	static char text[IPC_TEXT_BYTES + 1];

	(void)state;
	memset(text, 'a', IPC_TEXT_BYTES);
	assert_int_equal(judge("alice@example.org", text), AUTH_FAILED);
	/* 511 bytes are the most that crypt(3) takes; the 512th must not be left out of what is compared. */
	text[AUTH_PASSWORD_BYTES] = '\0';
	char users[1024] = "";
	append_user(users, sizeof users, "long@example.org", text, "$6$", 1000);
	write_users(users);
	assert_int_equal(judge("long@example.org", text), AUTH_PASSED);
	text[AUTH_PASSWORD_BYTES] = 'a';
	assert_int_equal(judge("long@example.org", text), AUTH_FAILED);
}

static void
test_without_users_it_is_trouble(void **state)
{
	(void)state;
	auth_desk_users(desk, NULL);
	assert_int_equal(judge("alice@example.org", "wonderland"), AUTH_TROUBLE);
}

/* Takes the CPU time of a try, in ns, if it is the least so far: what else the machine does only adds to it. */
static void
take_cost(const char *user, uint64_t *least)
{
	struct timespec begun;
	struct timespec ended;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begun);
	assert_int_equal(judge(user, "not this"), AUTH_FAILED);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
	uint64_t cost =
	    (uint64_t)(ended.tv_sec - begun.tv_sec) * 1000000000u + (uint64_t)ended.tv_nsec - (uint64_t)begun.tv_nsec;
	if (cost < *least)
		*least = cost;
}

/* Nobody can tell by the clock who is a user here. */
static void
test_the_same_work_for_nobody(void **state)
{
	char users[1024] = "";

	(void)state;
	/* Far from what the stand-in costs that is there when there are no users. */
	append_user(users, sizeof users, "alice@example.org", "a", "$6$", 3000);
	append_user(users, sizeof users, "bob@example.org", "b", "$6$", 3000);
	append_user(users, sizeof users, "old@example.org", "c", "$1$", 0);
	(void)snprintf(users + strlen(users), sizeof users - strlen(users), "cut@example.org:$2b$12$short\n");
	write_users(users);
	uint64_t known = UINT64_MAX;
	uint64_t unknown = UINT64_MAX;
	uint64_t nonsense = UINT64_MAX;
	uint64_t incomputable = UINT64_MAX;
	for (int i = 0; i < 10; i++) {
		take_cost("alice@example.org", &known);
		take_cost("nobody@example.org", &unknown);
		take_cost("nobody", &nonsense);
		take_cost("cut@example.org", &incomputable);
	}
	assert_true(unknown > known / 2 && unknown < known * 2);
	assert_true(nonsense > known / 2 && nonsense < known * 2);
	assert_true(incomputable > known / 2 && incomputable < known * 2);
}

static void
test_byte_order_mark(void **state)
{
	char users[1024] = "\xef\xbb\xbf";

	(void)state;
	append_user(users, sizeof users, "alice@example.org", "first", "$6$", 1000);
	write_users(users);
	assert_int_equal(judge("alice@example.org", "first"), AUTH_PASSED);
}

static void
test_a_budget_ends_it_before_the_work(void **state)
{
	(void)state;
	config.auth_failures_per_address = 3;
	auth_desk_configure(desk, &config);
	for (int i = 0; i < 3; i++)
		assert_int_equal(judge("alice@example.org", "wrong"), AUTH_FAILED);
	unsigned before = count;
	ask_from("192.0.2.1", 9, "alice@example.org", SPAN("wonderland"));
	/* At once: the event loop has not run. */
	assert_int_equal(count, before + 1);
	assert_int_equal(answers[before].verdict, AUTH_BUSY);
	assert_int_equal(answers[before].session, 9);
}

static void
test_a_full_queue_says_so_at_once(void **state)
{
	(void)state;
	assert_int_equal(judge("alice@example.org", "wonderland"), AUTH_PASSED);
	count = 0;
	for (uint32_t i = 0; i < AUTH_QUEUE_TRIES + 3; i++)
		ask_from("192.0.2.1", i, "alice@example.org", SPAN("wonderland"));
	assert_int_equal(count, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(answers[i].verdict, AUTH_BUSY);
		assert_int_equal(answers[i].session, AUTH_QUEUE_TRIES + i);
	}
	assert_int_equal(event_base_dispatch(base), 1);
	assert_int_equal(count, AUTH_QUEUE_TRIES + 3);
	for (uint32_t i = 0; i < AUTH_QUEUE_TRIES; i++) {
		assert_int_equal(answers[3 + i].verdict, AUTH_PASSED);
		assert_int_equal(answers[3 + i].session, i);
	}
}

/* What was not looked at costs nothing of a budget. */
static void
test_a_busy_try_is_free(void **state)
{
	(void)state;
	assert_int_equal(judge("alice@example.org", "wonderland"), AUTH_PASSED);
	config.auth_failures_per_user = AUTH_QUEUE_TRIES + 1;
	auth_desk_configure(desk, &config);
	count = 0;
	for (uint32_t i = 0; i < AUTH_QUEUE_TRIES; i++)
		ask_from("192.0.2.1", i, "alice@example.org", SPAN("wrong"));
	for (uint32_t i = 0; i < 10; i++)
		ask_from("192.0.2.1", i, "alice@example.org", SPAN("wonderland"));
	assert_int_equal(count, 10);
	assert_int_equal(event_base_dispatch(base), 1);
	assert_int_equal(judge("alice@example.org", "wrong"), AUTH_FAILED);
	ask_from("192.0.2.1", 0, "alice@example.org", SPAN("wonderland"));
	assert_int_equal(answers[count - 1].verdict, AUTH_BUSY);
}

/* A crowd that guesses names without end leaves places for a user where he is known, and for nobody else. */
static void
test_strangers_do_not_fill_the_queue(void **state)
{
	enum { STRANGERS = 2 * AUTH_QUEUE_TRIES };
	unsigned busy;
	char text[64];

	(void)state;
	assert_int_equal(judge("alice@example.org", "wonderland"), AUTH_PASSED);
	count = 0;
	for (uint32_t i = 0; i < STRANGERS; i++) {
		(void)snprintf(text, sizeof text, "2001:db8:%x::1", i);
		ask_from(text, i, text, SPAN("a guess"));
	}
	busy = count;
	assert_true(busy > STRANGERS - AUTH_QUEUE_TRIES);
	ask_from("192.0.2.7", 1001, "alice@example.org", SPAN("wonderland"));
	assert_int_equal(count, busy);
	ask_from("198.51.100.7", 1002, "alice@example.org", SPAN("wonderland"));
	assert_int_equal(count, busy + 1);
	assert_int_equal(answers[busy].verdict, AUTH_BUSY);
	assert_int_equal(event_base_dispatch(base), 1);
	assert_int_equal(answers[count - 1].session, 1001);
	assert_int_equal(answers[count - 1].verdict, AUTH_PASSED);
}

static void
test_an_asker_that_is_gone_is_not_told(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 5; i++)
		ask_from("192.0.2.1", i, "alice@example.org", SPAN("wonderland"));
	auth_desk_forget(desk, &asker);
	assert_int_equal(event_base_dispatch(base), 1);
	assert_int_equal(count, 0);
	assert_int_equal(judge("alice@example.org", "wonderland"), AUTH_PASSED);
}

static int
open_folder(void **state)
{
	(void)state;
	own_folder_open(&folder);
	return 0;
}

static int
clear_folder(void **state)
{
	(void)state;
	own_folder_clear(&folder);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_passwords, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_passwords, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_without_users_it_is_trouble, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_same_work_for_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_byte_order_mark, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_budget_ends_it_before_the_work, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_full_queue_says_so_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_busy_try_is_free, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_strangers_do_not_fill_the_queue, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_asker_that_is_gone_is_not_told, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, open_folder, clear_folder);
}
