/* Tests of deliver/server.c, workers.c and link.c: many questions at once, and a drain with some under way.
 *
 * On failure: cmocka names the line; the temporary folder stays.
 */
#include "tests/unit/deliver/server_fixture.h"

static void
many_answers_find_their_way_through_a_full_channel(void **state)
{
	enum { COUNT = 1500 };
	struct test *test = *state;
	static bool answered[COUNT];
	char mailfrom[64];

	memset(answered, 0, sizeof answered);
	for (uint32_t i = 0; i < COUNT; i++) {
		struct ipc_message message = { .type = IPC_PROBE_ASK, .descriptor = -1 };

		/* Handles count from 1 on; nothing is heard meanwhile. */
		message.probe_ask.session = i;
		message.probe_ask.address = SPAN("alice@example.org");
		say(test, 0, &message);
		(void)snprintf(mailfrom, sizeof mailfrom, "%u@example.net", i);
		ask_commit_from(test, 0, i, 0, i + 1, mailfrom);
	}
	for (uint32_t heard = 0; heard < COUNT;) {
		struct ipc_message message;

		assert_int_equal(hear(test, 0, &message, PATIENCE_MS), IPC_OK);
		if (message.type != IPC_COMMIT_SAY)
			continue;
		assert_true(message.commit_say.session < COUNT && !answered[message.commit_say.session]);
		answered[message.commit_say.session] = true;
		heard++;
		/* Slots are shared by many sessions here: some lose their claim to another. */
		assert_true(message.commit_say.outcome == COMMIT_DONE || message.commit_say.outcome == COMMIT_LATE);
	}
}

static void
answers_never_reach_the_next_smtpd(void **state)
{
	enum { COUNT = 40 };
	struct test *test = *state;
	uint32_t handles[COUNT];
	struct ipc_message message;
	char mailfrom[64];

	for (uint32_t i = 0; i < COUNT; i++)
		handles[i] = probe(test, 0, i, 1, "alice@example.org").handle;
	for (uint32_t i = 0; i < COUNT; i++) {
		(void)snprintf(mailfrom, sizeof mailfrom, "%u@example.net", i);
		ask_commit_from(test, 0, i, 1, handles[i], mailfrom);
	}
	(void)event_base_loop(test->base, EVLOOP_NONBLOCK);
	attach(test, 0);
	say_claims(test, 0);
	assert_int_equal(hear(test, 0, &message, 300), IPC_AGAIN);
	assert_int_equal(probe(test, 0, 1, 2, "alice@example.org").verdict, PROBE_TAKES);
	/* What was done is done once: the retry of each is answered without another copy. */
	for (uint32_t i = 0; i < COUNT; i++) {
		(void)snprintf(mailfrom, sizeof mailfrom, "%u@example.net", i);
		uint32_t handle = probe(test, 0, i, 3, "alice@example.org").handle;
		ask_commit_from(test, 0, i, 3, handle, mailfrom);
		struct ipc_commit_say said = hear_commit(test, 0);
		assert_true(said.outcome == COMMIT_DONE_BEFORE || said.outcome == COMMIT_DONE);
	}
	check_count(test, "alice", COUNT);
}

static void
the_same_message_at_once_is_delivered_once(void **state)
{
	enum { COUNT = 32 };
	struct test *test = *state;
	unsigned outcomes[COMMIT_REFUSED + 1] = { 0 };
	uint32_t handles[COUNT];

	for (uint32_t i = 0; i < COUNT; i++)
		handles[i] = probe(test, i % 2, i, 1, "all@example.org").handle;
	for (uint32_t i = 0; i < COUNT; i++)
		ask_commit(test, i % 2, i, 1, handles[i]);
	for (uint32_t i = 0; i < COUNT; i++)
		outcomes[hear_commit(test, i % 2).outcome]++;
	assert_int_equal(outcomes[COMMIT_DONE], 1);
	assert_int_equal(outcomes[COMMIT_DONE] + outcomes[COMMIT_DONE_BEFORE] + outcomes[COMMIT_TROUBLE], COUNT);
	check_count(test, "alice", 1);
	check_count(test, "bob", 1);
}

static void
on_drained(void *context)
{
	((struct test *)context)->is_drained = true;
}

static void
a_drain_waits_for_what_has_begun(void **state)
{
	struct test *test = *state;
	uint32_t handle = probe(test, 0, 7, 1, "all@example.org").handle;

	ask_commit(test, 0, 7, 1, handle);
	(void)event_base_loop(test->base, EVLOOP_NONBLOCK);
	server_drain(test->server, on_drained, test);
	uint64_t end_ms = clock_monotonic_ms() + PATIENCE_MS;
	while (!test->is_drained && clock_monotonic_ms() < end_ms)
		(void)event_base_loop(test->base, EVLOOP_ONCE);
	assert_true(test->is_drained);
	assert_int_equal(hear_commit(test, 0).outcome, COMMIT_DONE);
}

static void
a_drain_hears_what_was_settled_last(void **state)
{
	enum { COUNT = 20 };
	struct test *test = *state;
	uint32_t receipts[COUNT];
	char mailfrom[64];

	for (uint32_t i = 0; i < COUNT; i++) {
		(void)snprintf(mailfrom, sizeof mailfrom, "%u@example.net", i);
		ask_commit_from(test, 0, i, 1, probe(test, 0, i, 1, "alice@example.org").handle, mailfrom);
		receipts[i] = hear_commit(test, 0).receipt;
	}
	/* smtpd's last words, one message each, and its end; only then does the room look. */
	for (uint32_t i = 0; i < COUNT; i++) {
		struct ipc_message message = { .type = IPC_SETTLED, .descriptor = -1 };
		struct buf list = BUF_LIMIT(64);

		ipc_append_u32(&list, receipts[i]);
		message.settled.receipts = buf_span(&list);
		say(test, 0, &message);
		buf_free(&list);
	}
	for (unsigned i = 0; i < SMTPDS; i++) {
		(void)close(test->smtpd[i].fd);
		test->smtpd[i].fd = -1;
	}
	server_drain(test->server, on_drained, test);
	uint64_t begun_ms = clock_monotonic_ms();
	while (!test->is_drained && clock_monotonic_ms() < begun_ms + PATIENCE_MS)
		(void)event_base_loop(test->base, EVLOOP_ONCE);
	assert_true(test->is_drained);
	assert_true(clock_monotonic_ms() - begun_ms < 900); /* it did not wait for its limit */
	struct buf lines = BUF_LIMIT(IPC_STATUS_BYTES);
	server_status(test->server, &lines);
	assert_non_null(strstr(buf_text(&lines), "unread-remembered 0\n"));
	buf_free(&lines);
}

int
main(void)
{
#define IN_HOUSE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		IN_HOUSE(many_answers_find_their_way_through_a_full_channel),
		IN_HOUSE(answers_never_reach_the_next_smtpd),
		IN_HOUSE(the_same_message_at_once_is_delivered_once),
		IN_HOUSE(a_drain_waits_for_what_has_begun),
		IN_HOUSE(a_drain_hears_what_was_settled_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
