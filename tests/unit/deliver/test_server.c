/* Tests of deliver/server.c, server_ask.c, workers.c and link.c: what an smtpd asks, and what it is told.
 *
 * On failure: cmocka names the line; the temporary folder stays.
 */
#include "tests/unit/deliver/server_fixture.h"

#include <sys/mman.h>
#include <sys/resource.h>

static void
a_message_goes_all_the_way(void **state)
{
	struct test *test = *state;

	for (int i = 1; i <= 3; i++) {
		struct ipc_probe_say taken = probe(test, 0, 7, (uint32_t)i, "Alice+news@example.ORG");
		assert_int_equal(taken.verdict, PROBE_TAKES);
		struct ipc_commit_say said = commit(test, 0, 7, (uint32_t)i, taken.handle);
		assert_int_equal(said.outcome, COMMIT_DONE);
		assert_int_equal(said.copies, 1);
		assert_int_not_equal(said.receipt, 0);
		settle(test, 0, said.receipt);
		check_count(test, "alice", i);
	}
}

static void
an_alias_is_one_handle_and_two_copies(void **state)
{
	struct test *test = *state;
	struct ipc_probe_say taken = probe(test, 0, 7, 1, "all@example.org");

	assert_int_equal(taken.verdict, PROBE_TAKES);
	assert_int_equal(commit(test, 0, 7, 1, taken.handle).copies, 2);
	check_count(test, "alice", 1);
	check_count(test, "bob", 1);
}

static void
probes_say_why_not(void **state)
{
	struct test *test = *state;
	char path[1024];

	assert_int_equal(probe(test, 0, 7, 1, "nobody@example.org").verdict, PROBE_UNKNOWN);
	assert_int_equal(probe(test, 0, 7, 1, "closed@example.org").verdict, PROBE_UNKNOWN);
	assert_int_equal(probe(test, 0, 7, 1, "alice@elsewhere.example").verdict, PROBE_UNKNOWN);
	assert_int_equal(probe(test, 0, 7, 1, "../../etc/passwd").verdict, PROBE_UNKNOWN);
	assert_int_equal(mkdir(house_path(&test->house, "root/example.org", path), 0700), 0);
	assert_int_equal(symlink("/tmp", house_path(&test->house, "root/example.org/alice", path)), 0);
	struct ipc_probe_say said = probe(test, 0, 7, 1, "alice@example.org");
	assert_int_equal(said.verdict, PROBE_NOT_WRITABLE);
	assert_true(said.text.length > 0);
	/* The alias needs both. */
	assert_int_equal(probe(test, 0, 7, 1, "all@example.org").verdict, PROBE_NOT_WRITABLE);
	assert_int_equal(probe(test, 0, 7, 1, "bob@example.org").verdict, PROBE_TAKES);
}

static void
probes_count_bytes_and_inodes(void **state)
{
	struct test *test = *state;
	struct ipc_message message = { .type = IPC_PROBE_ASK, .descriptor = -1 };
	uint64_t margin = test->config->disk_margin;

	message.probe_ask.bytes = UINT64_C(1) << 60;
	message.probe_ask.address = SPAN("alice@example.org");
	say(test, 0, &message);
	assert_int_equal(hear(test, 0, &message, PATIENCE_MS), IPC_OK);
	assert_int_equal(message.probe_say.verdict, PROBE_NO_ROOM);
	test->config->disk_margin = UINT64_C(1) << 60;
	server_configure(test->server, test->config);
	assert_int_equal(probe(test, 0, 7, 1, "bob@example.org").verdict, PROBE_NO_ROOM);
	test->config->disk_margin = margin;
	test->config->inode_margin = UINT64_C(1) << 60;
	server_configure(test->server, test->config);
	assert_int_equal(probe(test, 0, 7, 1, "bob@example.org").verdict, PROBE_NO_ROOM);
}

static void
a_bad_map_leaves_the_old_one(void **state)
{
	struct test *test = *state;
	char path[1024];

	house_write(&test->house, "bad.cdb", "this is no map");
	server_set_map(test->server, open(house_path(&test->house, "bad.cdb", path), O_RDONLY | O_CLOEXEC));
	assert_int_equal(probe(test, 0, 7, 1, "alice@example.org").verdict, PROBE_TAKES);
}

static void
a_restart_remembers(void **state)
{
	struct test *test = *state;
	struct ipc_commit_say said = commit(test, 0, 7, 1, probe(test, 0, 7, 1, "all@example.org").handle);

	assert_int_equal(said.outcome, COMMIT_DONE);
	server_free(test->server);
	start_server(test);
	attach(test, 0);
	say_claims(test, 0);
	/* Without a map there is an answer all the same. */
	assert_int_equal(probe(test, 0, 7, 1, "alice@example.org").verdict, PROBE_TROUBLE);
	give_map(test);
	said = commit(test, 0, 7, 2, probe(test, 0, 7, 2, "all@example.org").handle);
	assert_int_equal(said.outcome, COMMIT_DONE_BEFORE);
	settle(test, 0, said.receipt);
	said = commit(test, 0, 7, 3, probe(test, 0, 7, 3, "alice@example.org").handle);
	assert_int_equal(said.outcome, COMMIT_DONE);
	check_count(test, "alice", 2);
	check_count(test, "bob", 1);
}

/* Recipients that each stand for themselves: carol, alice, and the alias of alice and bob. */
static struct ipc_commit_say
commit_each(struct test *test, uint32_t transaction, bool breaks_bob)
{
	struct ipc_message message = { 0 };
	struct buf handles = BUF_LIMIT(64);
	char path[1024];

	ipc_append_u32(&handles, probe(test, 0, 7, transaction, "carol@example.org").handle);
	ipc_append_u32(&handles, probe(test, 0, 7, transaction, "alice@example.org").handle);
	ipc_append_u32(&handles, probe(test, 0, 7, transaction, "all@example.org").handle);
	if (breaks_bob)
		assert_int_equal(symlink("/tmp", house_path(&test->house, "root/example.org/bob", path)), 0);
	message.commit_ask.session = 7;
	message.commit_ask.transaction = transaction;
	message.commit_ask.by_recipient = 1;
	message.commit_ask.handles = buf_span(&handles);
	message.commit_ask.mailfrom = SPAN("bob@example.net");
	ask_commit_with(test, 0, &message);
	buf_free(&handles);
	if (breaks_bob) {
		struct ipc_commit_say said = hear_commit(test, 0);

		assert_int_equal(unlink(path), 0);
		return said;
	}
	return hear_commit(test, 0);
}

static void
each_recipient_has_an_outcome(void **state)
{
	static const char some[] = { COMMIT_DONE, COMMIT_TROUBLE, COMMIT_TROUBLE };
	static const char the_others[] = { COMMIT_DONE_BEFORE, COMMIT_DONE, COMMIT_DONE };
	struct test *test = *state;
	char path[1024];

	assert_int_equal(mkdir(house_path(&test->house, "root/example.org", path), 0700), 0);
	/* Alice shares her mailbox with the alias, which cannot be delivered to bob. */
	struct ipc_commit_say said = commit_each(test, 1, true);
	assert_int_equal(said.outcome, COMMIT_DONE);
	assert_int_equal(said.copies, 1);
	assert_true(span_equal(said.outcomes, span_make(some, sizeof some)));
	check_count(test, "carol", 1);
	check_count(test, "alice", 0);
	said = commit_each(test, 2, false);
	assert_int_equal(said.outcome, COMMIT_DONE);
	assert_int_equal(said.copies, 2);
	assert_true(span_equal(said.outcomes, span_make(the_others, sizeof the_others)));
	check_count(test, "carol", 1);
	check_count(test, "alice", 1);
	check_count(test, "bob", 1);
	settle(test, 0, said.receipt);
	said = commit(test, 0, 7, 3, probe(test, 0, 7, 3, "carol@example.org").handle);
	assert_int_equal(said.outcome, COMMIT_DONE);
	assert_int_equal(said.outcomes.length, 0);
}

static void
a_body_in_a_descriptor_is_checked(void **state)
{
	struct test *test = *state;
	struct ipc_message message = { .type = IPC_COMMIT_FD_ASK };
	struct buf handles = BUF_LIMIT(64);
	char digest[SHA256_BYTES];

	hash_body(SPAN(BODY), digest);
	for (int is_sealed = 0; is_sealed <= 1; is_sealed++) {
		message = (struct ipc_message){ .type = IPC_COMMIT_FD_ASK };
		buf_reset(&handles);
		ipc_append_u32(&handles, probe(test, 0, 7, (uint32_t)is_sealed, "alice@example.org").handle);
		message.descriptor = memfd_create("body", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		assert_int_equal(write(message.descriptor, BODY, sizeof BODY - 1), sizeof BODY - 1);
		if (is_sealed)
			assert_int_equal(fcntl(message.descriptor, F_ADD_SEALS,
					     F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL),
			    0);
		message.commit_fd_ask.session = 7;
		message.commit_fd_ask.transaction = (uint32_t)is_sealed;
		message.commit_fd_ask.deadline_ms = clock_monotonic_ms() + 60000;
		message.commit_fd_ask.body_bytes = sizeof BODY - 1;
		message.commit_fd_ask.digest = span_make(digest, sizeof digest);
		message.commit_fd_ask.handles = buf_span(&handles);
		claim_reset(test->claims[0], 0);
		int descriptor = message.descriptor;
		say(test, 0, &message);
		(void)close(descriptor);
		assert_int_equal(hear_commit(test, 0).outcome, is_sealed ? (int)COMMIT_DONE : (int)COMMIT_REFUSED);
		check_count(test, "alice", is_sealed);
	}
	buf_free(&handles);
}

/* deliver's own lack of descriptors is no fault of smtpd's. */
static void
a_body_that_finds_no_descriptor_is_deferred(void **state)
{
	struct test *test = *state;
	struct ipc_message message = { .type = IPC_COMMIT_FD_ASK };
	struct buf handles = BUF_LIMIT(64);
	char digest[SHA256_BYTES] = { 0 };
	struct rlimit before;

	ipc_append_u32(&handles, probe(test, 0, 7, 1, "alice@example.org").handle);
	message.descriptor = memfd_create("body", MFD_CLOEXEC);
	message.commit_fd_ask.session = 7;
	message.commit_fd_ask.transaction = 1;
	message.commit_fd_ask.digest = span_make(digest, sizeof digest);
	message.commit_fd_ask.handles = buf_span(&handles);
	int descriptor = message.descriptor;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	const struct rlimit none = { 0, before.rlim_max };
	say(test, 0, &message);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	enum commit_outcome outcome = hear_commit(test, 0).outcome;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	(void)close(descriptor);
	assert_int_equal(outcome, COMMIT_TROUBLE);
	assert_int_equal(probe(test, 0, 7, 2, "alice@example.org").verdict, PROBE_TAKES);
	buf_free(&handles);
}

static void
status_counts(void **state)
{
	struct test *test = *state;
	struct buf lines = BUF_LIMIT(IPC_STATUS_BYTES);

	(void)commit(test, 0, 7, 1, probe(test, 0, 7, 1, "all@example.org").handle);
	(void)commit(test, 0, 7, 2, 4711);
	server_status(test->server, &lines);
	assert_non_null(strstr(buf_text(&lines), "commits.done 1\n"));
	assert_non_null(strstr(buf_text(&lines), "commits.refused 1\n"));
	assert_non_null(strstr(buf_text(&lines), "copies 2\n"));
	assert_non_null(strstr(buf_text(&lines), "probes.taken 1\n"));
	assert_non_null(strstr(buf_text(&lines), "unread-remembered 2\n"));
	buf_free(&lines);
}

int
main(void)
{
#define IN_HOUSE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		IN_HOUSE(a_message_goes_all_the_way),
		IN_HOUSE(an_alias_is_one_handle_and_two_copies),
		IN_HOUSE(probes_say_why_not),
		IN_HOUSE(probes_count_bytes_and_inodes),
		IN_HOUSE(a_bad_map_leaves_the_old_one),
		IN_HOUSE(a_restart_remembers),
		IN_HOUSE(each_recipient_has_an_outcome),
		IN_HOUSE(a_body_in_a_descriptor_is_checked),
		IN_HOUSE(a_body_that_finds_no_descriptor_is_deferred),
		IN_HOUSE(status_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
