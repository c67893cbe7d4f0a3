/* lib/ipc.c, the channel: over a real socket pair every message arrives with its descriptor, whoever breaks a rule is
 * found out, and no descriptor is ever left behind.
 * On failure: cmocka names the line, and the message at fault stands above it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/lib/ipc_samples.h"

enum { DESCRIPTORS = 1024, RIGHTS_MAX = 8 };

struct pair {
	int speaker;
	int hearer;
	int lent; /* a descriptor to send */
};

static struct pair pair;
static size_t open_before;
static char storage[IPC_MESSAGE_BYTES];

static size_t
count_open(void)
{
	size_t count = 0;

	for (int fd = 0; fd < DESCRIPTORS; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static int
open_pair(void **state)
{
	int ends[2];

	(void)state;
	open_before = count_open();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return -1;
	pair.speaker = ends[0];
	pair.hearer = ends[1];
	pair.lent = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return pair.lent < 0 ? -1 : 0;
}

/* Whatever a test did, no descriptor may be left. */
static int
close_pair(void **state)
{
	(void)state;
	(void)close(pair.speaker);
	(void)close(pair.hearer);
	(void)close(pair.lent);
	return count_open() == open_before ? 0 : -1;
}

static enum ipc_result
hear(enum role self, enum role peer, struct ipc_message *message, const char **why)
{
	struct ipc_channel channel = { .fd = pair.hearer, .self = self, .peer = peer };

	return ipc_receive(&channel, storage, sizeof storage, message, why);
}

/* Sends raw bytes with so many descriptors, as a hostile peer would. */
static void
send_raw(struct span bytes, size_t descriptors)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(RIGHTS_MAX * sizeof(int))];
	} control = { 0 };
	struct iovec vector = { .iov_base = (char *)(uintptr_t)bytes.data, .iov_len = bytes.length };
	struct msghdr header = { .msg_iov = &vector, .msg_iovlen = 1 };
	int rights[RIGHTS_MAX];

	for (size_t i = 0; i < RIGHTS_MAX; i++)
		rights[i] = pair.lent;
	if (descriptors) {
		header.msg_control = control.space;
		header.msg_controllen = CMSG_SPACE(descriptors * sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(descriptors * sizeof(int));
		memcpy(CMSG_DATA(&control.head), rights, descriptors * sizeof(int));
	}
	assert_int_equal(sendmsg(pair.speaker, &header, MSG_NOSIGNAL), bytes.length);
}

static void
send_sample(enum ipc_type type, enum sample sample, size_t descriptors)
{
	struct buf wire = BUF_LIMIT(IPC_MESSAGE_BYTES);
	struct ipc_message message;

	sample_fill(type, sample, &message);
	ipc_encode(&message, &wire);
	send_raw(buf_span(&wire), descriptors);
	buf_free(&wire);
}

/* Some pair of processes that may exchange this message. */
static void
find_speakers(enum ipc_type type, enum role *from, enum role *to)
{
	for (int f = 0; f < ROLE_COUNT; f++)
		for (int t = 0; t < ROLE_COUNT; t++)
			if (ipc_may_say(type, (enum role)f, (enum role)t)) {
				*from = (enum role)f;
				*to = (enum role)t;
				return;
			}
	fail_msg("nobody may say %s", ipc_name(type));
}

static void
assert_bad(enum role self, enum role peer, const char *expected)
{
	struct ipc_message message;
	const char *why = NULL;
	size_t before = count_open();

	assert_int_equal(hear(self, peer, &message, &why), IPC_BAD);
	assert_string_equal(why, expected);
	assert_int_equal(message.descriptor, -1);
	assert_int_equal(count_open(), before);
}

static bool
is_same_file(int a, int b)
{
	struct stat of_a;
	struct stat of_b;

	assert_int_equal(fstat(a, &of_a), 0);
	assert_int_equal(fstat(b, &of_b), 0);
	return of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

static void
pass_message(enum ipc_type type, enum sample sample)
{
	struct ipc_message sent;
	struct ipc_message received;
	const char *why = NULL;
	enum role from;
	enum role to;

	find_speakers(type, &from, &to);
	const struct ipc_channel channel = { .fd = pair.speaker, .self = from, .peer = to };
	sample_fill(type, sample, &sent);
	sent.descriptor = pair.lent;
	assert_int_equal(ipc_send(&channel, &sent), IPC_OK);
	assert_int_equal(hear(to, from, &received, &why), IPC_OK);
	assert_null(why);
	assert_int_equal(received.type, type);
	assert_int_equal(received.descriptor >= 0, ipc_descriptors(type));
	if (received.descriptor < 0)
		return;
	assert_true(is_same_file(received.descriptor, pair.lent));
	assert_true(fcntl(received.descriptor, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(close(received.descriptor), 0);
}

static void
every_message_arrives_with_its_descriptor(void **state)
{
	(void)state;
	for (int type = 0; type < IPC_TYPE_COUNT; type++)
		for (int sample = 0; sample < SAMPLE_COUNT; sample++)
			pass_message((enum ipc_type)type, (enum sample)sample);
}

/* The list's own words, read without the code under test. */
static bool
list_allows(enum ipc_type type, enum role from, enum role to)
{
	static const struct {
		enum role from;
		enum role to;
	} list[] = {
#define M(NAME, name, from, to, descriptors) [IPC_##NAME] = { ROLE_##from, ROLE_##to },
		IPC_LIST(M)
#undef M
	};
	bool may_speak = list[type].from == from || (list[type].from == ROLE_CHILD && from != ROLE_MASTER);
	bool may_hear = list[type].to == to || (list[type].to == ROLE_CHILD && to != ROLE_MASTER);

	return may_speak && may_hear;
}

static void
hear_from_everyone(enum ipc_type type)
{
	for (int from = 0; from < ROLE_COUNT; from++) {
		for (int to = 0; to < ROLE_COUNT; to++) {
			bool allowed = list_allows(type, (enum role)from, (enum role)to);

			assert_int_equal(ipc_may_say(type, (enum role)from, (enum role)to), allowed);
			if (allowed)
				continue;
			send_sample(type, SAMPLE_SMALL, ipc_descriptors(type));
			assert_bad((enum role)to, (enum role)from, "a message that this process may not send here");
		}
	}
}

static void
only_the_named_speaker_is_heard(void **state)
{
	(void)state;
	for (int type = 0; type < IPC_TYPE_COUNT; type++)
		hear_from_everyone((enum ipc_type)type);
	assert_false(ipc_may_say(IPC_TYPE_COUNT, ROLE_MASTER, ROLE_SMTPD));
}

static void
descriptors_are_as_many_as_the_list_says(void **state)
{
	static const size_t counts[] = { 0, 1, 2, 3, 4 };
	enum role from;
	enum role to;

	(void)state;
	for (int type = 0; type < IPC_TYPE_COUNT; type++) {
		find_speakers((enum ipc_type)type, &from, &to);
		for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
			if (counts[i] == ipc_descriptors((enum ipc_type)type))
				continue;
			send_sample((enum ipc_type)type, SAMPLE_SMALL, counts[i]);
			assert_bad(to, from, "a message with the wrong number of descriptors");
		}
		send_sample((enum ipc_type)type, SAMPLE_SMALL, RIGHTS_MAX);
		assert_bad(to, from, "a message that was too long or carried too many descriptors");
	}
}

static void
garbage_with_descriptors_leaves_none_behind(void **state)
{
	(void)state;
	for (size_t descriptors = 0; descriptors <= 4; descriptors++) {
		send_raw(SPAN("\xff\xff garbage"), descriptors);
		assert_bad(ROLE_DELIVER, ROLE_SMTPD, "a message that does not decode");
		send_raw(SPAN("\0"), descriptors);
		assert_bad(ROLE_DELIVER, ROLE_SMTPD, "a message that does not decode");
	}
	/* An empty datagram with a descriptor is not an end of the channel. */
	send_raw(span_make("", 0), 1);
	assert_bad(ROLE_DELIVER, ROLE_SMTPD, "a message that does not decode");
}

static void
a_message_over_the_greatest_size_is_bad(void **state)
{
	static char wire[IPC_MESSAGE_BYTES + 1];
	struct ipc_message message;
	const char *why = NULL;

	(void)state;
	send_raw(span_make(wire, sizeof wire), 1);
	assert_bad(ROLE_DELIVER, ROLE_SMTPD, "a message that was too long or carried too many descriptors");
	/* Its end is gone with it: the next message is heard. */
	send_sample(IPC_ABANDON, SAMPLE_SMALL, 0);
	assert_int_equal(hear(ROLE_DELIVER, ROLE_SMTPD, &message, &why), IPC_OK);
}

static void
says_when_there_is_nothing_and_when_it_is_over(void **state)
{
	struct ipc_message message;
	const char *why = NULL;

	(void)state;
	assert_int_equal(hear(ROLE_DELIVER, ROLE_SMTPD, &message, &why), IPC_AGAIN);
	send_sample(IPC_ABANDON, SAMPLE_SMALL, 0);
	assert_int_equal(close(pair.speaker), 0);
	assert_int_equal(hear(ROLE_DELIVER, ROLE_SMTPD, &message, &why), IPC_OK);
	assert_int_equal(hear(ROLE_DELIVER, ROLE_SMTPD, &message, &why), IPC_GONE);
}

/* No signal either: a process that outlives its neighbour must not die of it. */
static void
sending_to_nobody_says_gone(void **state)
{
	const struct ipc_channel channel = { .fd = pair.speaker, .self = ROLE_SMTPD, .peer = ROLE_DELIVER };
	struct ipc_message message;

	(void)state;
	assert_int_equal(close(pair.hearer), 0);
	sample_fill(IPC_ABANDON, SAMPLE_SMALL, &message);
	assert_int_equal(ipc_send(&channel, &message), IPC_GONE);
	sample_fill(IPC_CLAIMS, SAMPLE_SMALL, &message);
	message.descriptor = pair.lent;
	assert_int_equal(ipc_send(&channel, &message), IPC_GONE);
}

static void
a_full_channel_says_again_and_loses_nothing(void **state)
{
	const struct ipc_channel channel = { .fd = pair.speaker, .self = ROLE_SMTPD, .peer = ROLE_DELIVER };
	struct ipc_message message;
	const char *why = NULL;
	uint32_t sent = 0;
	enum ipc_result result;

	(void)state;
	do {
		sample_fill(IPC_ABANDON, SAMPLE_EMPTY, &message);
		message.abandon.transaction = sent;
		result = ipc_send(&channel, &message);
		sent += result == IPC_OK;
		assert_true(sent < 1000000);
	} while (result == IPC_OK);
	assert_int_equal(result, IPC_AGAIN);
	assert_true(sent > 0);
	for (uint32_t i = 0; i < sent; i++) {
		assert_int_equal(hear(ROLE_DELIVER, ROLE_SMTPD, &message, &why), IPC_OK);
		assert_int_equal(message.abandon.transaction, i);
	}
	assert_int_equal(hear(ROLE_DELIVER, ROLE_SMTPD, &message, &why), IPC_AGAIN);
}

/* Its own lack of descriptors is no fault of the peer's. */
static void
a_descriptor_that_cannot_be_taken_is_missing(void **state)
{
	const struct ipc_channel channel = { .fd = pair.speaker, .self = ROLE_SMTPD, .peer = ROLE_DELIVER };
	struct ipc_message message;
	const char *why = NULL;
	struct rlimit before;

	(void)state;
	sample_fill(IPC_CLAIMS, SAMPLE_SMALL, &message);
	message.descriptor = pair.lent;
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(ipc_send(&channel, &message), IPC_OK);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	const struct rlimit none = { 0, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	enum ipc_result result = hear(ROLE_DELIVER, ROLE_SMTPD, &message, &why);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(result, IPC_OK);
	assert_int_equal(message.type, IPC_CLAIMS);
	assert_int_equal(message.descriptor, -1);
	assert_int_equal(hear(ROLE_DELIVER, ROLE_SMTPD, &message, &why), IPC_OK);
	assert_true(message.descriptor >= 0);
	(void)close(message.descriptor);
}

int
main(void)
{
#define CHANNEL_TEST(name) cmocka_unit_test_setup_teardown(name, open_pair, close_pair)
	const struct CMUnitTest tests[] = {
		CHANNEL_TEST(every_message_arrives_with_its_descriptor),
		CHANNEL_TEST(only_the_named_speaker_is_heard),
		CHANNEL_TEST(descriptors_are_as_many_as_the_list_says),
		CHANNEL_TEST(garbage_with_descriptors_leaves_none_behind),
		CHANNEL_TEST(a_message_over_the_greatest_size_is_bad),
		CHANNEL_TEST(says_when_there_is_nothing_and_when_it_is_over),
		CHANNEL_TEST(sending_to_nobody_says_gone),
		CHANNEL_TEST(a_descriptor_that_cannot_be_taken_is_missing),
		CHANNEL_TEST(a_full_channel_says_again_and_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
