/* lib/ipc.c, the bytes: every message of the list comes back as it was sent, and nothing that is not exactly a
 * message decodes.
 * On failure: cmocka names the line, and the message at fault stands above it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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
	struct span rest = span_make(copy + 1, wire.length);
	bool decoded = ipc_decode(&rest, &message) && rest.length == 0;
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
	struct span rest = buf_span(&wire);
	if (!ipc_decode(&rest, &received) || rest.length)
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
put_by_hand(struct buf *wire, const struct sample_field *field, enum sample sample)
{
	struct span text = sample_span(sample, field->limit_bytes);
	struct peer_address peer = sample_peer(sample);

	switch (field->kind) {
	case SAMPLE_U8:
		put_big_endian(wire, sample_number(sample, UINT8_MAX), 1);
		return;
	case SAMPLE_U32:
		put_big_endian(wire, sample_number(sample, UINT32_MAX), 4);
		return;
	case SAMPLE_U64:
		put_big_endian(wire, sample_number(sample, UINT64_MAX), 8);
		return;
	case SAMPLE_PEER:
		buf_append_char(wire, (char)peer.family);
		buf_append(wire, span_make((const char *)peer.ip, sizeof peer.ip));
		put_big_endian(wire, peer.port, 2);
		return;
	case SAMPLE_STRING:
	case SAMPLE_BYTES:
		put_big_endian(wire, text.length, 4);
		buf_append(wire, text);
		return;
	}
}

/* Big-endian, lengths of four bytes, fields in order, as lib/ipc_messages.h says. */
static void
the_bytes_are_those_documented(void **state)
{
	size_t count;

	(void)state;
	for (int type = 0; type < IPC_TYPE_COUNT; type++) {
		const struct sample_field *fields = sample_fields((enum ipc_type)type, &count);

		for (int sample = 0; sample < SAMPLE_COUNT; sample++) {
			struct buf wire = encode_sample((enum ipc_type)type, (enum sample)sample);
			struct buf by_hand = BUF_LIMIT(SAMPLE_WIRE_BYTES);

			put_big_endian(&by_hand, (uint64_t)type, 2);
			for (size_t i = 0; i < count; i++)
				put_by_hand(&by_hand, &fields[i], (enum sample)sample);
			assert_true(span_equal(buf_span(&wire), buf_span(&by_hand)));
			buf_free(&wire);
			buf_free(&by_hand);
		}
	}
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
assert_families_kept(enum ipc_type type, size_t at)
{
	char peer[19] = { 0 };

	for (unsigned family = 0; family < 256; family++) {
		peer[0] = (char)family;
		assert_int_equal(decodes_by_hand(type, at, 0, span_make(peer, sizeof peer)),
		    family == 0 || family == 4 || family == 6);
	}
}

static void
addresses_are_of_a_known_family(void **state)
{
	unsigned peers = 0;
	size_t count;

	(void)state;
	for (int type = 0; type < IPC_TYPE_COUNT; type++) {
		const struct sample_field *fields = sample_fields((enum ipc_type)type, &count);

		for (size_t at = 0; at < count; at++) {
			if (fields[at].kind != SAMPLE_PEER)
				continue;
			assert_families_kept((enum ipc_type)type, at);
			peers++;
		}
	}
	assert_true(peers > 0);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
