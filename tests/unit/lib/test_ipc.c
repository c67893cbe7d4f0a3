/* lib/ipc.c, the bytes: every message of the list comes back as it was sent, and nothing that is not exactly a
 * message decodes.
 * On failure: cmocka names the line, and the message at fault stands above it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/lib/ipc_samples.h"

static struct buf
encode(const struct ipc_message *message)
{
	struct buf wire = BUF_LIMIT(IPC_MESSAGE_BYTES);

	ipc_encode(message, &wire);
	assert_true(buf_ok(&wire));
	return wire;
}

static struct buf
encode_sample(enum ipc_type type, enum sample sample)
{
	struct ipc_message message;

	sample_fill(type, sample, &message);
	return encode(&message);
}

/* Decodes from memory of exactly that size, so that a sanitizer sees a byte read too far. */
static bool
decodes(struct span wire)
{
	struct ipc_message message;
	char *copy = malloc(wire.length + 1);

	assert_non_null(copy);
	if (wire.length)
		memcpy(copy + 1, wire.data, wire.length);
	bool decoded = ipc_decode(span_make(copy + 1, wire.length), &message);
	assert_int_equal(message.descriptor, -1);
	free(copy);
	return decoded;
}

#define SAME_U8(a, b) assert_int_equal(a, b);
#define SAME_U32(a, b) assert_int_equal(a, b);
#define SAME_U64(a, b) assert_true((a) == (b));
#define SAME_PEER(a, b) assert_memory_equal(&(a), &(b), sizeof(a));
#define SAME_STRING(a, b) assert_true(span_equal(a, b));
#define SAME_BYTES(a, b) assert_true(span_equal(a, b));
#define SAME_FIELD(owner, kind, name, limit) SAME_##kind(a->owner.name, b->owner.name)

static void
assert_same_message(const struct ipc_message *a, const struct ipc_message *b)
{
	assert_int_equal(a->type, b->type);
	switch (a->type) {
#define M(NAME, name, from, to, descriptors)                                                                           \
	case IPC_##NAME:                                                                                               \
		IPC_FIELDS_##NAME(SAME_FIELD, name) break;
		IPC_LIST(M)
#undef M
	case IPC_TYPE_COUNT:
		fail();
	}
}

static void
assert_round_trip(enum ipc_type type, enum sample sample)
{
	struct ipc_message sent;
	struct ipc_message received;

	sample_fill(type, sample, &sent);
	struct buf wire = encode(&sent);
	if (!ipc_decode(buf_span(&wire), &received))
		fail_msg("%s does not decode", ipc_name(type));
	assert_same_message(&sent, &received);
	struct buf again = encode(&received);
	assert_true(span_equal(buf_span(&wire), buf_span(&again)));
	buf_free(&wire);
	buf_free(&again);
}

static void
every_message_comes_back(void **state)
{
	(void)state;
	for (int type = 0; type < IPC_TYPE_COUNT; type++)
		for (int sample = 0; sample < SAMPLE_COUNT; sample++)
			assert_round_trip((enum ipc_type)type, (enum sample)sample);
}

static void
every_message_has_its_name(void **state)
{
	(void)state;
	assert_string_equal(ipc_name(IPC_READY), "READY");
	assert_string_equal(ipc_name(IPC_COMMIT_FD_ASK), "COMMIT_FD_ASK");
	assert_string_equal(ipc_name(IPC_TYPE_COUNT), "UNKNOWN");
}

/* Big-endian, lengths of four bytes, as lib/ipc_messages.h says. */
static void
the_bytes_are_those_documented(void **state)
{
	char expected[] = "\0\0"
			  "\x01\x02\x03\x04"
			  "\x04\xc0\0\2\1\0\0\0\0\0\0\0\0\0\0\0\0\0\x19"
			  "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
	struct ipc_message message = { .type = IPC_CONNECTION, .descriptor = -1 };

	(void)state;
	/* The number of a type is its place in the list, and may change from one build to the next. */
	expected[1] = IPC_CONNECTION;
	message.connection.id = 0x01020304;
	message.connection.client = (struct peer_address){ .family = 4, .ip = { 192, 0, 2, 1 }, .port = 25 };
	struct buf wire = encode(&message);
	assert_int_equal(wire.length, sizeof expected - 1);
	assert_memory_equal(wire.data, expected, sizeof expected - 1);
	buf_free(&wire);
}

static void
no_truncation_decodes(void **state)
{
	(void)state;
	for (int type = 0; type < IPC_TYPE_COUNT; type++) {
		struct buf wire = encode_sample((enum ipc_type)type, SAMPLE_SMALL);

		assert_true(decodes(buf_span(&wire)));
		for (size_t n = 0; n < wire.length; n++)
			if (decodes(span_take(buf_span(&wire), n)))
				fail_msg("%s of %zu bytes", ipc_name((enum ipc_type)type), n);
		buf_free(&wire);
	}
}

static void
nothing_may_follow_the_last_field(void **state)
{
	(void)state;
	for (int type = 0; type < IPC_TYPE_COUNT; type++) {
		for (int sample = 0; sample < SAMPLE_COUNT; sample++) {
			struct buf wire = encode_sample((enum ipc_type)type, (enum sample)sample);

			buf_append_char(&wire, '\0');
			assert_false(decodes(buf_span(&wire)));
			buf_append_text(&wire, "more");
			assert_false(decodes(buf_span(&wire)));
			buf_free(&wire);
		}
	}
}

static void
unknown_types_do_not_decode(void **state)
{
	(void)state;
	for (unsigned type = IPC_TYPE_COUNT; type <= UINT16_MAX; type++) {
		const char wire[] = { (char)(type >> 8), (char)type };

		assert_false(decodes(span_make(wire, sizeof wire)));
	}
}

static void
put_big_endian(struct buf *wire, uint64_t value, unsigned bytes)
{
	while (bytes--)
		buf_append_char(wire, (char)(value >> (8 * bytes)));
}

/* A message made by hand: every field is zero or empty but one, which has the given length and content. */
static bool
decodes_by_hand(enum ipc_type type, size_t at, uint64_t length, struct span content)
{
	static const unsigned widths[] = { [SAMPLE_U8] = 1, [SAMPLE_U32] = 4, [SAMPLE_U64] = 8, [SAMPLE_PEER] = 19 };
	struct buf wire = BUF_LIMIT(SAMPLE_WIRE_BYTES);
	size_t count;
	const struct sample_field *fields = sample_fields(type, &count);

	put_big_endian(&wire, type, 2);
	for (size_t i = 0; i < count; i++) {
		bool is_text = fields[i].kind == SAMPLE_STRING || fields[i].kind == SAMPLE_BYTES;

		if (i != at) {
			for (unsigned k = 0; k < (is_text ? 4 : widths[fields[i].kind]); k++)
				buf_append_char(&wire, '\0');
			continue;
		}
		if (is_text)
			put_big_endian(&wire, length, 4);
		buf_append(&wire, content);
	}
	assert_true(buf_ok(&wire));
	bool decoded = decodes(buf_span(&wire));
	buf_free(&wire);
	return decoded;
}

static void
assert_lengths_kept(enum ipc_type type, size_t at, size_t limit)
{
	struct span text = span_make(sample_text(), limit + 1);

	assert_true(decodes_by_hand(type, at, limit, span_take(text, limit)));
	assert_false(decodes_by_hand(type, at, limit + 1, text));
	assert_false(decodes_by_hand(type, at, UINT32_MAX, text));
	assert_false(decodes_by_hand(type, at, 0x80000000u, text));
	assert_false(decodes_by_hand(type, at, 9, span_take(text, 8)));
	assert_false(decodes_by_hand(type, at, 7, span_take(text, 8)));
}

static void
only_bytes_may_hold_a_nul(enum ipc_type type, size_t at, enum sample_kind kind)
{
	static const struct span texts[] = { SPAN("\0bc"), SPAN("a\0c"), SPAN("ab\0"), SPAN("\0") };

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert_int_equal(decodes_by_hand(type, at, texts[i].length, texts[i]), kind == SAMPLE_BYTES);
}

static void
fields_keep_to_their_limits(void **state)
{
	unsigned texts = 0;
	size_t count;

	(void)state;
	for (int type = 0; type < IPC_TYPE_COUNT; type++) {
		const struct sample_field *fields = sample_fields((enum ipc_type)type, &count);

		for (size_t at = 0; at < count; at++) {
			if (fields[at].kind != SAMPLE_STRING && fields[at].kind != SAMPLE_BYTES)
				continue;
			assert_lengths_kept((enum ipc_type)type, at, fields[at].limit_bytes);
			only_bytes_may_hold_a_nul((enum ipc_type)type, at, fields[at].kind);
			texts++;
		}
	}
	assert_true(texts > 10);
}

static void
addresses_are_of_a_known_family(void **state)
{
	char peer[19] = { 0 };

	(void)state;
	for (unsigned family = 0; family < 256; family++) {
		peer[0] = (char)family;
		assert_int_equal(decodes_by_hand(IPC_CONNECTION, 1, 0, span_make(peer, sizeof peer)),
		    family == 0 || family == 4 || family == 6);
	}
}

static void
lists_of_numbers(void **state)
{
	struct buf list = BUF_LIMIT(100);

	(void)state;
	assert_int_equal(ipc_u32_count(buf_span(&list)), 0);
	ipc_append_u32(&list, 1);
	ipc_append_u32(&list, UINT32_MAX);
	ipc_append_u32(&list, 0x01020304);
	assert_int_equal(ipc_u32_count(buf_span(&list)), 3);
	assert_int_equal(ipc_u32_at(buf_span(&list), 0), 1);
	assert_int_equal(ipc_u32_at(buf_span(&list), 1), UINT32_MAX);
	assert_int_equal(ipc_u32_at(buf_span(&list), 2), 0x01020304);
	assert_memory_equal(list.data + 8, "\1\2\3\4", 4);
	buf_free(&list);
}

/* Our own mistakes end the process: does this one, in a child of its own? */
static void
assert_bug(void (*mistake)(void))
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		/* cmocka catches SIGABRT to name the failed test; here it must have its way. */
		(void)dup2(null, STDERR_FILENO);
		(void)signal(SIGABRT, SIG_DFL);
		mistake();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void
encode_over_the_limit(void)
{
	struct ipc_message message = { .type = IPC_READY };
	struct buf wire = BUF_LIMIT(IPC_MESSAGE_BYTES);

	message.ready.missing_walls = span_make(sample_text(), IPC_TEXT_BYTES + 1);
	ipc_encode(&message, &wire);
}

static void
encode_a_nul(void)
{
	struct ipc_message message = { .type = IPC_READY };
	struct buf wire = BUF_LIMIT(IPC_MESSAGE_BYTES);

	message.ready.missing_walls = SPAN("a\0b");
	ipc_encode(&message, &wire);
}

static void
read_a_list_too_far(void)
{
	(void)ipc_u32_at(SPAN("\0\0\0\1\0\0\0"), 1);
}

static void
our_own_mistakes_end_the_process(void **state)
{
	(void)state;
	assert_bug(encode_over_the_limit);
	assert_bug(encode_a_nul);
	assert_bug(read_a_list_too_far);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_comes_back),
		cmocka_unit_test(every_message_has_its_name),
		cmocka_unit_test(the_bytes_are_those_documented),
		cmocka_unit_test(no_truncation_decodes),
		cmocka_unit_test(nothing_may_follow_the_last_field),
		cmocka_unit_test(unknown_types_do_not_decode),
		cmocka_unit_test(fields_keep_to_their_limits),
		cmocka_unit_test(addresses_are_of_a_known_family),
		cmocka_unit_test(lists_of_numbers),
		cmocka_unit_test(our_own_mistakes_end_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
