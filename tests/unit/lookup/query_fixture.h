/* Clients of the DNS engine, on the stage with resolvers of the test's own.
 * On failure: cmocka names the line.
 */
#ifndef TIDEGATE_TESTS_UNIT_LOOKUP_QUERY_FIXTURE_H
#define TIDEGATE_TESTS_UNIT_LOOKUP_QUERY_FIXTURE_H

#include "tests/unit/clock_ahead.h"
#include "tests/unit/lookup/stage.h"

#include <stdio.h>
#include <sys/timerfd.h>

#include "lib/clock.h"
#include "lookup/dns_question.h"

enum {
	LONGEST_TEST_MS = 12000,
	STEP_MS = 10,     /* by which the clock is put forward */
	PATIENCE_MS = 790 /* no second try was needed */
};

struct client {
	struct dns_waiter waiter;
	bool is_answered;
	unsigned answers;
	enum dns_status status;
	size_t count;
	uint8_t ip[4];
	size_t text_bytes;
};

static struct stage net;

static inline void
use_resolvers(unsigned first, unsigned count)
{
	stage_tell_caller(&net, first, count);
	stage_tell_engine(&net, first, count);
}

static inline int
set_up(void **unused)
{
	(void)unused;
	stage_open(&net);
	use_resolvers(0, 1);
	return 0;
}

static inline int
tear_down(void **unused)
{
	(void)unused;
	stage_close(&net);
	return 0;
}

static inline void
take_answer(struct client *client, const struct dns_answer *answer)
{
	client->is_answered = true;
	client->answers++;
	client->status = answer->status;
	client->count = answer->count;
	if (!answer->count)
		return;
	memcpy(client->ip, answer->records[0].ip, 4);
	client->text_bytes = answer->records[0].text.length;
}

static inline void
on_answer(struct dns_waiter *waiter, enum dns_type type, struct span name, const struct dns_answer *answer)
{
	(void)type;
	(void)name;
	take_answer((struct client *)waiter, answer);
}

static inline void
ask_type(struct client *client, enum dns_type type, const char *name)
{
	*client = (struct client){ .waiter = { .on_answer = on_answer } };
	const struct dns_answer *answer = dns_query_ask(net.queries, type, span_of(name), &client->waiter);
	if (answer)
		take_answer(client, answer);
}

static inline void
ask(struct client *client, const char *name)
{
	ask_type(client, DNS_A, name);
}

/* Runs the loop until the client has its answer; returns how many ms that took. */
static inline uint64_t
wait_for(const struct client *client)
{
	uint64_t start_ms = clock_monotonic_ms();

	while (!client->is_answered) {
		const struct timeval tick = { .tv_usec = 20000 };

		assert_true(clock_monotonic_ms() - start_ms < LONGEST_TEST_MS);
		(void)event_base_loopexit(net.base, &tick);
		(void)event_base_loop(net.base, EVLOOP_ONCE);
	}
	return clock_monotonic_ms() - start_ms;
}

static inline void
put_clock_forward(evutil_socket_t timer, short what, void *unused)
{
	uint64_t expirations;

	(void)what;
	(void)unused;
	assert_int_equal(read(timer, &expirations, sizeof expirations), sizeof expirations);
	clock_ahead_ms += STEP_MS;
}

/* As wait_for(), where silence is waited for: the clock runs ten times as fast. On a loaded machine it is not faster
 * than the loop: one step for a turn in which everything that has come is read. */
static inline uint64_t
wait_out(const struct client *client)
{
	static const struct itimerspec each_ms = { { 0, 1000000 }, { 0, 1000000 } };
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	struct event *tick = event_new(net.base, timer, EV_READ | EV_PERSIST, put_clock_forward, NULL);

	assert_int_equal(timerfd_settime(timer, 0, &each_ms, NULL), 0);
	assert_int_equal(event_add(tick, NULL), 0);
	uint64_t elapsed_ms = wait_for(client);
	event_free(tick);
	assert_int_equal(close(timer), 0);
	return elapsed_ms;
}

/* Lets everything that is due happen. */
static inline void
settle_down(unsigned ms)
{
	const struct timeval time = { .tv_usec = (suseconds_t)ms * 1000 };

	(void)event_base_loopexit(net.base, &time);
	(void)event_base_dispatch(net.base);
}

static inline const struct dns_counters *
counters(void)
{
	return dns_query_counters(net.queries);
}

static inline uint64_t
status_of(const char *name)
{
	struct buf lines = BUF_LIMIT(1 << 14);
	unsigned long long number = 0;

	dns_query_status(net.queries, &lines);
	const char *line = strstr(buf_text(&lines), name);
	assert_non_null(line);
	assert_int_equal(sscanf(line + strlen(name), " %llu", &number), 1);
	buf_free(&lines);
	return number;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
