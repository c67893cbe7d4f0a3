/* Tests of deliver/server.c, server_ask.c, workers.c and link.c: the whole room behind a channel, with this test in the
 * place of an smtpd, well-behaved and hostile.
 *
 * On failure: cmocka names the line; the temporary folder stays.
 */
#include "tests/unit/deliver/house.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "deliver/server.h"
#include "deliver/sha256.h"
#include "lib/claim.h"
#include "lib/clock.h"
#include "lib/ipc.h"
#include "lookup/map_compile.h"

#define BODY "Message-ID: <1@example.net>\r\n\r\nhello\r\n"

enum { SMTPDS = 2, CLAIM_SLOTS = 64, PATIENCE_MS = 20000 };

struct test {
	struct house house;
	struct config *config;
	struct event_base *base;
	int wake;
	struct server *server;
	struct ipc_channel smtpd[SMTPDS]; /* our ends */
	struct claim_page *claims[SMTPDS];
	char storage[IPC_MESSAGE_BYTES]; /* of the last answer */
	bool is_drained;
};

static struct config *
read_config(const struct house *house)
{
	struct buf text = BUF_LIMIT(4096);
	struct buf errors = BUF_LIMIT(4096);
	char path[1024];

	buf_printf(&text, "hostname = \"mx.example.org\"\nlisten = {\"127.0.0.1:2525\"}\n");
	buf_printf(&text, "recipients = \"%s/recipients\"\nmailboxes = \"%s/root\"\n", house->path, house->path);
	buf_printf(&text, "state = \"%s\"\nresolvers = {\"127.0.0.1:53\"}\n", house->path);
	buf_printf(&text, "disk-margin = 0\ninode-margin = 0\ndeliver-threads = 8\n");
	house_write(house, "tidegate.conf", buf_text(&text));
	house_write(house, "recipients",
	    "alice@example.org maildir\nbob@example.org maildir\ncarol@example.org maildir\n"
	    "all@example.org alias alice@example.org bob@example.org\n"
	    "closed@example.org refuse \"This address is closed.\"\n");
	struct config *config = config_read(house_path(house, "tidegate.conf", path), &errors);
	if (!config)
		fail_msg("%s", buf_text(&errors));
	buf_free(&text);
	buf_free(&errors);
	return config;
}

static void
give_map(struct test *test)
{
	struct buf messages = BUF_LIMIT(65536);
	struct map_totals totals;
	char path[1024];
	int folder = open(test->house.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(folder >= 0);
	if (!map_compile(test->config, folder, "map.cdb", false, &totals, &messages))
		fail_msg("%s", buf_text(&messages));
	buf_free(&messages);
	(void)close(folder);
	int fd = open(house_path(&test->house, "map.cdb", path), O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	server_set_map(test->server, fd);
}

static void
attach(struct test *test, unsigned instance)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	if (test->smtpd[instance].fd >= 0)
		(void)close(test->smtpd[instance].fd);
	test->smtpd[instance] = (struct ipc_channel){ .fd = ends[0], .self = ROLE_SMTPD, .peer = ROLE_DELIVER };
	assert_true(server_attach(test->server, instance, ends[1]));
}

static void
say(struct test *test, unsigned instance, const struct ipc_message *message)
{
	/* The room may be slow to take it: let it. */
	for (int i = 0; i < 1000; i++) {
		enum ipc_result result = ipc_send(&test->smtpd[instance], message);

		if (result != IPC_AGAIN) {
			assert_int_equal(result, IPC_OK);
			return;
		}
		(void)event_base_loop(test->base, EVLOOP_NONBLOCK);
	}
	fail_msg("the room takes nothing");
}

static void
say_claims(struct test *test, unsigned instance)
{
	struct ipc_message message = { .type = IPC_CLAIMS };

	claim_page_free(test->claims[instance]);
	test->claims[instance] = claim_page_make(CLAIM_SLOTS, &message.descriptor);
	assert_non_null(test->claims[instance]);
	message.claims.slots = CLAIM_SLOTS;
	say(test, instance, &message);
	(void)close(message.descriptor);
}

/* Runs the room until it says something; IPC_GONE when it closes the channel, IPC_AGAIN when it says nothing. */
static enum ipc_result
hear(struct test *test, unsigned instance, struct ipc_message *message, int patience_ms)
{
	uint64_t end_ms = clock_monotonic_ms() + (uint64_t)patience_ms;
	const char *why;

	do {
		struct pollfd waiting = { .fd = test->smtpd[instance].fd, .events = POLLIN };

		(void)event_base_loop(test->base, EVLOOP_NONBLOCK);
		(void)poll(&waiting, 1, 2);
		enum ipc_result result =
		    ipc_receive(&test->smtpd[instance], test->storage, sizeof test->storage, message, &why);
		if (result != IPC_AGAIN)
			return result;
	} while (clock_monotonic_ms() < end_ms);
	return IPC_AGAIN;
}

static struct ipc_probe_say
probe(struct test *test, unsigned instance, uint32_t session, uint32_t transaction, const char *address)
{
	struct ipc_message message = { .type = IPC_PROBE_ASK, .descriptor = -1 };

	message.probe_ask.session = session;
	message.probe_ask.transaction = transaction;
	message.probe_ask.address = span_of(address);
	say(test, instance, &message);
	assert_int_equal(hear(test, instance, &message, PATIENCE_MS), IPC_OK);
	assert_int_equal(message.type, IPC_PROBE_SAY);
	assert_int_equal(message.probe_say.session, session);
	assert_int_equal(message.probe_say.transaction, transaction);
	assert_true((message.probe_say.handle != 0) == (message.probe_say.verdict == PROBE_TAKES));
	return message.probe_say;
}

static void
hash_body(struct span body, char digest[static SHA256_BYTES])
{
	struct sha256 *hash = sha256_new();

	assert_non_null(hash);
	sha256_begin(hash);
	sha256_add(hash, body);
	assert_true(sha256_end(hash, (uint8_t *)digest));
	sha256_free(hash);
}

static void
ask_commit_with(struct test *test, unsigned instance, struct ipc_message *message)
{
	char digest[SHA256_BYTES];
	uint32_t session = message->commit_ask.session;

	hash_body(SPAN(BODY), digest);
	message->type = IPC_COMMIT_ASK;
	message->descriptor = -1;
	message->commit_ask.deadline_ms = clock_monotonic_ms() + 60000;
	message->commit_ask.claim = session % CLAIM_SLOTS;
	message->commit_ask.body_bytes = sizeof BODY - 1;
	message->commit_ask.digest = span_make(digest, sizeof digest);
	message->commit_ask.trace = SPAN("Received: here\n");
	message->commit_ask.body = SPAN(BODY);
	if (test->claims[instance])
		claim_reset(test->claims[instance], session % CLAIM_SLOTS);
	say(test, instance, message);
}

static void
ask_commit_from(
    struct test *test, unsigned instance, uint32_t session, uint32_t transaction, uint32_t handle, const char *mailfrom)
{
	struct ipc_message message = { 0 };
	struct buf handles = BUF_LIMIT(64);

	ipc_append_u32(&handles, handle);
	message.commit_ask.session = session;
	message.commit_ask.transaction = transaction;
	message.commit_ask.handles = buf_span(&handles);
	message.commit_ask.mailfrom = span_of(mailfrom);
	ask_commit_with(test, instance, &message);
	buf_free(&handles);
}

static void
ask_commit(struct test *test, unsigned instance, uint32_t session, uint32_t transaction, uint32_t handle)
{
	ask_commit_from(test, instance, session, transaction, handle, "bob@example.net");
}

static struct ipc_commit_say
hear_commit(struct test *test, unsigned instance)
{
	struct ipc_message message;

	assert_int_equal(hear(test, instance, &message, PATIENCE_MS), IPC_OK);
	assert_int_equal(message.type, IPC_COMMIT_SAY);
	return message.commit_say;
}

static struct ipc_commit_say
commit(struct test *test, unsigned instance, uint32_t session, uint32_t transaction, uint32_t handle)
{
	ask_commit(test, instance, session, transaction, handle);
	struct ipc_commit_say said = hear_commit(test, instance);
	assert_int_equal(said.session, session);
	assert_int_equal(said.transaction, transaction);
	return said;
}

static void
settle(struct test *test, unsigned instance, uint32_t receipt)
{
	struct ipc_message message = { .type = IPC_SETTLED, .descriptor = -1 };
	struct buf receipts = BUF_LIMIT(64);

	ipc_append_u32(&receipts, receipt);
	message.settled.receipts = buf_span(&receipts);
	say(test, instance, &message);
	(void)event_base_loop(test->base, EVLOOP_NONBLOCK);
	buf_free(&receipts);
}

static void
check_count(const struct test *test, const char *mailbox, int expected)
{
	char folder[128];
	int count;

	(void)snprintf(folder, sizeof folder, "example.org/%s/new", mailbox);
	count = house_count(&test->house, folder, NULL);
	assert_int_equal(count < 0 ? 0 : count, expected);
}

static void
start_server(struct test *test)
{
	struct server_options options = { .base = test->base,
		.roots = &test->house.roots,
		.config = test->config,
		.journal_folder = test->house.journal,
		.wake = test->wake,
		.boot = { 1 },
		.pid = 4711,
		.open_mailboxes = 16 };

	test->server = server_new(&options);
	assert_non_null(test->server);
}

static int
set_up(void **state)
{
	static struct test test;

	memset(&test, 0, sizeof test);
	house_build_fast(&test.house);
	test.config = read_config(&test.house);
	test.base = event_base_new();
	test.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_true(test.base && test.wake >= 0);
	start_server(&test);
	give_map(&test);
	for (unsigned i = 0; i < SMTPDS; i++) {
		test.smtpd[i].fd = -1;
		attach(&test, i);
		say_claims(&test, i);
	}
	*state = &test;
	return 0;
}

static int
tear_down(void **state)
{
	struct test *test = *state;

	server_free(test->server);
	for (unsigned i = 0; i < SMTPDS; i++) {
		(void)close(test->smtpd[i].fd);
		claim_page_free(test->claims[i]);
		test->claims[i] = NULL;
	}
	(void)close(test->wake);
	event_base_free(test->base);
	config_free(test->config);
	house_tear_down(&test->house);
	return 0;
}

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
		IN_HOUSE(foreign_used_and_unknown_handles_are_refused),
		IN_HOUSE(abandoned_handles_are_gone),
		IN_HOUSE(handles_and_receipts_die_with_the_edge),
		IN_HOUSE(a_restart_remembers),
		IN_HOUSE(each_recipient_has_an_outcome),
		IN_HOUSE(a_commit_needs_the_claim_page_first),
		IN_HOUSE(a_bad_claim_page_ends_the_edge),
		IN_HOUSE(a_body_in_a_descriptor_is_checked),
		IN_HOUSE(a_body_that_finds_no_descriptor_is_deferred),
		IN_HOUSE(many_answers_find_their_way_through_a_full_channel),
		IN_HOUSE(answers_never_reach_the_next_smtpd),
		IN_HOUSE(the_same_message_at_once_is_delivered_once),
		IN_HOUSE(a_drain_waits_for_what_has_begun),
		IN_HOUSE(a_drain_hears_what_was_settled_last),
		IN_HOUSE(status_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
