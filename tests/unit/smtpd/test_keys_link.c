/* smtpd/keys_link: one answer to one question, within the time limit, whatever the other side does.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "smtpd/keys_link.h"

/* A keys of the test's own in a thread: for each question it says the answers of its script. */
enum behaviour { ANSWERS, ANSWERS_OLD_FIRST, REFUSES, KEEPS_SILENT, ANSWERS_ANOTHER, HANGS_UP, TALKS_RUBBISH };

struct stand_in {
	int fd;
	const enum behaviour *script;
	size_t count;
	pthread_t thread;
};

static const char key_id[TLS_KEY_ID_BYTES] = "an id of thirty-two octets, 32.";

static void
say(const struct stand_in *keys, uint32_t serial, enum sign_verdict verdict, const char *signature)
{
	const struct ipc_channel channel = { .fd = keys->fd, .self = ROLE_KEYS, .peer = ROLE_SMTPD };
	struct ipc_message message = { .type = IPC_SIGN_SAY, .descriptor = -1 };

	message.sign_say.serial = serial;
	message.sign_say.verdict = (uint8_t)verdict;
	message.sign_say.signature = span_of(signature);
	/* What ipc_send() writes with stays with its thread, which is not for long. */
	struct buf wire = BUF_LIMIT(IPC_MESSAGE_BYTES);
	ipc_encode(&message, &wire);
	(void)ipc_send_encoded(&channel, buf_span(&wire), -1);
	buf_free(&wire);
}

static void
behave(const struct stand_in *keys, enum behaviour behaviour, uint32_t serial)
{
	switch (behaviour) {
	case ANSWERS_OLD_FIRST:
		say(keys, serial - 1, SIGN_DONE, "old");
		say(keys, serial, SIGN_DONE, "new");
		break;
	case ANSWERS:
		say(keys, serial, SIGN_DONE, "right");
		break;
	case REFUSES:
		say(keys, serial, SIGN_REFUSED, "");
		break;
	case ANSWERS_ANOTHER:
		say(keys, serial + 7, SIGN_DONE, "wrong");
		break;
	case HANGS_UP:
		(void)shutdown(keys->fd, SHUT_RDWR);
		break;
	case TALKS_RUBBISH:
		(void)send(keys->fd, "rubbish", 7, MSG_NOSIGNAL);
		break;
	case KEEPS_SILENT:
		break;
	}
}

static void *
run(void *argument)
{
	const struct stand_in *keys = argument;
	char storage[IPC_MESSAGE_BYTES];
	struct ipc_message message;

	for (size_t i = 0; i < keys->count; i++) {
		ssize_t got = recv(keys->fd, storage, sizeof storage, 0);

		struct span bytes = span_make(storage, got > 0 ? (size_t)got : 0);
		if (!ipc_decode(&bytes, &message))
			return (void *)1;
		if (message.type != IPC_SIGN_ASK || !span_equal(message.sign_ask.input, SPAN("input")))
			return (void *)1;
		behave(keys, keys->script[i], message.sign_ask.serial);
	}
	return NULL;
}

/* As the master makes channels: our end does not block. */
static int
start(struct stand_in *keys, const enum behaviour *script, size_t count)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	*keys = (struct stand_in){ .fd = ends[1], .script = script, .count = count };
	assert_int_equal(pthread_create(&keys->thread, NULL, run, keys), 0);
	return ends[0];
}

static void
end(struct stand_in *keys)
{
	void *result = NULL;

	assert_int_equal(pthread_join(keys->thread, &result), 0);
	assert_null(result);
	(void)close(keys->fd);
}

static const char *
sign(struct keys_link *link, const char *wanted)
{
	unsigned char signature[TLS_SIGNATURE_BYTES];
	const char *why = NULL;
	size_t length = link->signer.sign(
	    link->signer.context, span_make(key_id, sizeof key_id), 0x0403, SPAN("input"), signature, &why);

	if (wanted)
		assert_true(span_equal(span_make((const char *)signature, length), span_of(wanted)));
	else
		assert_int_equal(length, 0);
	return why;
}

static void
an_answer_is_taken(void **unused)
{
	static const enum behaviour script[] = { ANSWERS, ANSWERS, REFUSES, ANSWERS };
	struct stand_in keys;
	struct keys_link link;

	(void)unused;
	keys_link_init(&link);
	assert_non_null(strstr(sign(&link, NULL), "not there"));
	assert_true(keys_link_attach(&link, start(&keys, script, 4)));
	assert_null(sign(&link, "right"));
	assert_null(sign(&link, "right"));
	assert_non_null(strstr(sign(&link, NULL), "will not sign"));
	assert_null(sign(&link, "right"));
	assert_int_equal(link.signatures, 3);
	assert_int_equal(link.failures, 2);
	end(&keys);
	(void)close(link.channel.fd);
}

static void
an_old_answer_is_not_taken_for_the_new(void **unused)
{
	static const enum behaviour script[] = { ANSWERS_OLD_FIRST, ANSWERS_OLD_FIRST };
	struct stand_in keys;
	struct keys_link link;

	(void)unused;
	keys_link_init(&link);
	assert_true(keys_link_attach(&link, start(&keys, script, 2)));
	assert_null(sign(&link, "new"));
	assert_null(sign(&link, "new"));
	end(&keys);
	(void)close(link.channel.fd);
}

static void
silence_is_waited_for_once(void **unused)
{
	static const enum behaviour script[] = { KEEPS_SILENT, ANSWERS };
	struct stand_in keys;
	struct keys_link link;
	uint64_t begun_ms = clock_monotonic_ms();

	(void)unused;
	keys_link_init(&link);
	assert_true(keys_link_attach(&link, start(&keys, script, 2)));
	assert_non_null(strstr(sign(&link, NULL), "in time"));
	uint64_t spent_ms = clock_monotonic_ms() - begun_ms;
	assert_true(spent_ms >= KEYS_LINK_LIMIT_MS);
	for (unsigned i = 0; i < 1000; i++)
		assert_non_null(strstr(sign(&link, NULL), "earlier question"));
	assert_true(clock_monotonic_ms() - begun_ms < spent_ms + KEYS_LINK_LIMIT_MS);
	/* The answer comes at last, and is nobody's; the next question is asked again. */
	say(&keys, link.serial, SIGN_DONE, "late");
	assert_null(sign(&link, "right"));
	end(&keys);
	(void)close(link.channel.fd);
}

static void
another_ones_answer_is_no_answer(void **unused)
{
	static const enum behaviour script[] = { ANSWERS_ANOTHER };
	struct stand_in keys;
	struct keys_link link;

	(void)unused;
	keys_link_init(&link);
	assert_true(keys_link_attach(&link, start(&keys, script, 1)));
	assert_non_null(strstr(sign(&link, NULL), "in time"));
	end(&keys);
	(void)close(link.channel.fd);
}

static void
a_dead_one_is_replaced(void **unused)
{
	static const enum behaviour dies[] = { HANGS_UP };
	static const enum behaviour talks[] = { TALKS_RUBBISH };
	static const enum behaviour lives[] = { ANSWERS };
	struct stand_in keys;
	struct keys_link link;

	(void)unused;
	keys_link_init(&link);
	assert_true(keys_link_attach(&link, start(&keys, dies, 1)));
	int number = link.channel.fd;
	assert_non_null(strstr(sign(&link, NULL), "not there"));
	assert_non_null(strstr(sign(&link, NULL), "not there"));
	end(&keys);
	assert_true(keys_link_attach(&link, start(&keys, talks, 1)));
	assert_non_null(strstr(sign(&link, NULL), "not asked"));
	assert_non_null(strstr(sign(&link, NULL), "not there"));
	end(&keys);
	assert_true(keys_link_attach(&link, start(&keys, lives, 1)));
	assert_int_equal(link.channel.fd, number);
	assert_null(sign(&link, "right"));
	end(&keys);
	(void)close(link.channel.fd);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_taken),
		cmocka_unit_test(an_old_answer_is_not_taken_for_the_new),
		cmocka_unit_test(silence_is_waited_for_once),
		cmocka_unit_test(another_ones_answer_is_no_answer),
		cmocka_unit_test(a_dead_one_is_replaced),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
