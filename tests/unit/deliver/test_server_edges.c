/* Tests of deliver/server.c and server_ask.c: an smtpd that asks for what it may not, and one that goes away.
 *
 * On failure: cmocka names the line; the temporary folder stays.
 */
#include "tests/unit/deliver/server_fixture.h"

#include <sys/mman.h>

static void
foreign_used_and_unknown_handles_are_refused(void **state)
{
	struct test *test = *state;
	uint32_t mine = probe(test, 0, 7, 1, "alice@example.org").handle;
	uint32_t other_session = probe(test, 0, 8, 1, "bob@example.org").handle;
	uint32_t other_edge = probe(test, 1, 7, 1, "bob@example.org").handle;

	(void)other_session;
	assert_int_equal(commit(test, 0, 7, 1, other_session).outcome, COMMIT_REFUSED);
	/* That ended the transaction. */
	assert_int_equal(commit(test, 0, 7, 1, mine).outcome, COMMIT_REFUSED);
	assert_int_equal(commit(test, 0, 9, 1, mine).outcome, COMMIT_REFUSED);
	assert_int_equal(commit(test, 0, 7, 2, 4711).outcome, COMMIT_REFUSED);
	assert_int_equal(commit(test, 1, 7, 1, other_edge).outcome, COMMIT_DONE);
	assert_int_equal(commit(test, 1, 7, 1, other_edge).outcome, COMMIT_REFUSED);
	check_count(test, "alice", 0);
	check_count(test, "bob", 1);
}

static void
abandoned_handles_are_gone(void **state)
{
	struct test *test = *state;
	struct ipc_message message = { .type = IPC_ABANDON, .descriptor = -1 };
	uint32_t handle = probe(test, 0, 7, 1, "alice@example.org").handle;

	message.abandon.session = 7;
	message.abandon.transaction = 1;
	say(test, 0, &message);
	assert_int_equal(commit(test, 0, 7, 1, handle).outcome, COMMIT_REFUSED);
}

static void
handles_and_receipts_die_with_the_edge(void **state)
{
	struct test *test = *state;
	struct ipc_probe_say taken = probe(test, 0, 7, 1, "alice@example.org");
	struct ipc_commit_say said = commit(test, 0, 7, 1, taken.handle);
	uint32_t unused = probe(test, 0, 7, 2, "alice@example.org").handle;

	attach(test, 0);
	say_claims(test, 0);
	assert_int_equal(commit(test, 0, 7, 2, unused).outcome, COMMIT_REFUSED);
	/* The receipt settles nothing now; nor would it for the other smtpd. */
	settle(test, 0, said.receipt);
	settle(test, 1, said.receipt);
	taken = probe(test, 0, 7, 3, "alice@example.org");
	said = commit(test, 0, 7, 3, taken.handle);
	assert_int_equal(said.outcome, COMMIT_DONE_BEFORE);
	check_count(test, "alice", 1);
	settle(test, 0, said.receipt);
	taken = probe(test, 0, 7, 4, "alice@example.org");
	assert_int_equal(commit(test, 0, 7, 4, taken.handle).outcome, COMMIT_DONE);
}

static void
a_commit_needs_the_claim_page_first(void **state)
{
	struct test *test = *state;

	attach(test, 0);
	uint32_t handle = probe(test, 0, 7, 1, "alice@example.org").handle;
	assert_int_equal(commit(test, 0, 7, 1, handle).outcome, COMMIT_REFUSED);
	check_count(test, "alice", 0);
}

static void
check_gone(struct test *test, unsigned instance)
{
	struct ipc_message message;

	assert_int_equal(hear(test, instance, &message, PATIENCE_MS), IPC_GONE);
}

static void
a_bad_claim_page_ends_the_edge(void **state)
{
	struct test *test = *state;
	struct ipc_message message = { .type = IPC_CLAIMS };

	/* A second one. */
	say_claims(test, 0);
	check_gone(test, 0);
	/* One that could shrink, one that is too small, one that is a disk file. */
	attach(test, 0);
	message.descriptor = memfd_create("claims", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(message.descriptor, 4096), 0);
	message.claims.slots = 4;
	say(test, 0, &message);
	check_gone(test, 0);
	attach(test, 0);
	assert_int_equal(fcntl(message.descriptor, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	message.claims.slots = 4096;
	say(test, 0, &message);
	check_gone(test, 0);
	(void)close(message.descriptor);
	/* The other one does not notice. */
	assert_int_equal(probe(test, 1, 7, 1, "alice@example.org").verdict, PROBE_TAKES);
}

int
main(void)
{
#define IN_HOUSE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		IN_HOUSE(foreign_used_and_unknown_handles_are_refused),
		IN_HOUSE(abandoned_handles_are_gone),
		IN_HOUSE(handles_and_receipts_die_with_the_edge),
		IN_HOUSE(a_commit_needs_the_claim_page_first),
		IN_HOUSE(a_bad_claim_page_ends_the_edge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
