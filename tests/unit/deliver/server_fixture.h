/* The whole room of deliver/ behind a channel, with the test in the place of two smtpds, well-behaved or hostile.
 *
 * On failure: cmocka names the line; the temporary folder stays.
 */
#ifndef TIDEGATE_TESTS_UNIT_DELIVER_SERVER_FIXTURE_H
#define TIDEGATE_TESTS_UNIT_DELIVER_SERVER_FIXTURE_H

#include "tests/unit/deliver/house.h"

#include <poll.h>
#include <sys/eventfd.h>
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

static inline struct config *
read_config(const struct house *house)
{
	struct buf text = BUF_LIMIT(4096);
	struct buf errors = BUF_LIMIT(4096);
	char path[1024];

	buf_printf(&text, "hostname = \"mx.example.org\"\nlisten = {\"127.0.0.1:2525\"}\n");
	buf_printf(
	    &text, "recipients = \"%s/recipients\"\nmailboxes = \"%s/root\"\n", house->folder.path, house->folder.path);
	buf_printf(&text, "state = \"%s\"\nresolvers = {\"127.0.0.1:53\"}\n", house->folder.path);
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

static inline void
give_map(struct test *test)
{
	struct buf messages = BUF_LIMIT(65536);
	struct map_totals totals;
	char path[1024];
	int folder = open(test->house.folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(folder >= 0);
	if (!map_compile(test->config, folder, "map.cdb", false, &totals, &messages))
		fail_msg("%s", buf_text(&messages));
	buf_free(&messages);
	(void)close(folder);
	int fd = open(house_path(&test->house, "map.cdb", path), O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	server_set_map(test->server, fd);
}

static inline void
attach(struct test *test, unsigned instance)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	if (test->smtpd[instance].fd >= 0)
		(void)close(test->smtpd[instance].fd);
	test->smtpd[instance] = (struct ipc_channel){ .fd = ends[0], .self = ROLE_SMTPD, .peer = ROLE_DELIVER };
	assert_true(server_attach(test->server, instance, ends[1]));
}

static inline void
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

static inline void
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
static inline enum ipc_result
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

static inline struct ipc_probe_say
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

static inline void
hash_body(struct span body, char digest[static SHA256_BYTES])
{
	struct sha256 *hash = sha256_new();

	assert_non_null(hash);
	sha256_begin(hash);
	sha256_add(hash, body);
	assert_true(sha256_end(hash, (uint8_t *)digest));
	sha256_free(hash);
}

static inline void
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

static inline void
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

static inline void
ask_commit(struct test *test, unsigned instance, uint32_t session, uint32_t transaction, uint32_t handle)
{
	ask_commit_from(test, instance, session, transaction, handle, "bob@example.net");
}

static inline struct ipc_commit_say
hear_commit(struct test *test, unsigned instance)
{
	struct ipc_message message;

	assert_int_equal(hear(test, instance, &message, PATIENCE_MS), IPC_OK);
	assert_int_equal(message.type, IPC_COMMIT_SAY);
	return message.commit_say;
}

static inline struct ipc_commit_say
commit(struct test *test, unsigned instance, uint32_t session, uint32_t transaction, uint32_t handle)
{
	ask_commit(test, instance, session, transaction, handle);
	struct ipc_commit_say said = hear_commit(test, instance);
	assert_int_equal(said.session, session);
	assert_int_equal(said.transaction, transaction);
	return said;
}

static inline void
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

static inline void
check_count(const struct test *test, const char *mailbox, int expected)
{
	char folder[128];
	int count;

	(void)snprintf(folder, sizeof folder, "example.org/%s/new", mailbox);
	count = house_count(&test->house, folder, NULL);
	assert_int_equal(count < 0 ? 0 : count, expected);
}

static inline void
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

static inline int
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

static inline int
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

#endif
