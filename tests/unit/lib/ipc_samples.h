/* One sample of every message of lib/ipc_messages.h, made from the list itself, so that a new message is tested
 * without being named here.
 * On failure: nothing here can fail.
 */
#ifndef TIDEGATE_TESTS_UNIT_LIB_IPC_SAMPLES_H
#define TIDEGATE_TESTS_UNIT_LIB_IPC_SAMPLES_H

#include "lib/ipc.h"

enum sample { SAMPLE_EMPTY, SAMPLE_SMALL, SAMPLE_FULL, SAMPLE_COUNT };

enum sample_kind { SAMPLE_U8, SAMPLE_U32, SAMPLE_U64, SAMPLE_PEER, SAMPLE_STRING, SAMPLE_BYTES };

struct sample_field {
	enum sample_kind kind;
	size_t limit_bytes;
};

enum { SAMPLE_TEXT_BYTES = 40000, SAMPLE_WIRE_BYTES = 70000 };

/* 'a' to 'z', over and over. */
static inline const char *
sample_text(void)
{
	static char text[SAMPLE_TEXT_BYTES];

	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)('a' + i % 26);
	return text;
}

static inline uint64_t
sample_number(enum sample sample, uint64_t greatest)
{
	if (sample == SAMPLE_EMPTY)
		return 0;
	return sample == SAMPLE_FULL ? greatest : 0x0123456789abcdefu & greatest;
}

static inline struct span
sample_span(enum sample sample, size_t limit_bytes)
{
	if (sample == SAMPLE_EMPTY)
		return span_make("", 0);
	return span_make(sample_text(), sample == SAMPLE_FULL ? limit_bytes : 8);
}

static inline struct peer_address
sample_peer(enum sample sample)
{
	if (sample == SAMPLE_EMPTY)
		return (struct peer_address){ 0 };
	if (sample == SAMPLE_SMALL)
		return (struct peer_address){ .family = 4, .ip = { 192, 0, 2, 1 }, .port = 0x1234 };
	return (struct peer_address){ .family = 6, .ip = { 0x20, 1, 0xd, 0xb8, [15] = 1 }, .port = 0xffff };
}

#define SAMPLE_OF_U8(limit) (uint8_t) sample_number(sample, UINT8_MAX)
#define SAMPLE_OF_U32(limit) (uint32_t) sample_number(sample, UINT32_MAX)
#define SAMPLE_OF_U64(limit) sample_number(sample, UINT64_MAX)
#define SAMPLE_OF_PEER(limit) sample_peer(sample)
#define SAMPLE_OF_STRING(limit) sample_span(sample, limit)
#define SAMPLE_OF_BYTES(limit) sample_span(sample, limit)
#define SAMPLE_FILL(owner, kind, name, limit) message->owner.name = SAMPLE_OF_##kind(limit);

static inline void
sample_fill(enum ipc_type type, enum sample sample, struct ipc_message *message)
{
	*message = (struct ipc_message){ .type = type, .descriptor = -1 };
	switch (type) {
#define M(NAME, name, from, to, descriptors)                                                                           \
	case IPC_##NAME:                                                                                               \
		IPC_FIELDS_##NAME(SAMPLE_FILL, name) break;
		IPC_LIST(M)
#undef M
	case IPC_TYPE_COUNT:
		break;
	}
	(void)sample;
}

#define SAMPLE_ROW(owner, kind, name, limit) { SAMPLE_##kind, limit },
#define SAMPLE_END                                                                                                     \
	{                                                                                                              \
		SAMPLE_U8, 0                                                                                           \
	}

/* The fields of a message in order; *count says how many. */
static inline const struct sample_field *
sample_fields(enum ipc_type type, size_t *count)
{
	*count = 0;
	switch (type) {
#define M(NAME, name, from, to, descriptors)                                                                           \
	case IPC_##NAME: {                                                                                             \
		static const struct sample_field fields[] = { IPC_FIELDS_##NAME(SAMPLE_ROW, name) SAMPLE_END };        \
		*count = sizeof fields / sizeof fields[0] - 1;                                                         \
		return fields;                                                                                         \
	}
		IPC_LIST(M)
#undef M
	case IPC_TYPE_COUNT:
		break;
	}
	return NULL;
}

#endif
