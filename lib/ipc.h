/* Messages between processes, from the list of lib/ipc_messages.h, on SOCK_SEQPACKET channels: a datagram holds one
 * message with its descriptor, or one or more without any.
 *
 * Trust: a decoder trusts nobody. A message of unknown type, from the wrong speaker, with a field over its limit, a
 * NUL in a string, bytes left over, or other descriptors than the list says is IPC_BROKEN; the hearer then closes the
 * channel to the *less trusted* side. Decode whole, then act.
 * On failure: an enum result; descriptors that came with a broken message are closed.
 */
#ifndef TIDEGATE_LIB_IPC_H
#define TIDEGATE_LIB_IPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/ipc_messages.h"
#include "lib/peer.h"
#include "lib/span.h"

/* The processes of Tidegate. The order is that of the plan (lib/plan.h). */
enum role {
	ROLE_MASTER,
	ROLE_DOOR,
	ROLE_CALLER,
	ROLE_SMTPD,
	ROLE_DNS,
	ROLE_AUTH,
	ROLE_KEYS,
	ROLE_DELIVER,
	ROLE_COUNT,
	ROLE_CHILD /* in the list only: any but the master */
};

enum ipc_type {
#define M(NAME, name, from, to, descriptors) IPC_##NAME,
	IPC_LIST(M)
#undef M
	    IPC_TYPE_COUNT
};

#define IPC_C_U8(name) uint8_t name;
#define IPC_C_U32(name) uint32_t name;
#define IPC_C_U64(name) uint64_t name;
#define IPC_C_PEER(name) struct peer_address name;
#define IPC_C_STRING(name) struct span name;
#define IPC_C_BYTES(name) struct span name;
#define IPC_FIELD_MEMBER(owner, kind, name, limit) IPC_C_##kind(name)
#define M(NAME, name, from, to, descriptors)                                                                           \
	struct ipc_##name {                                                                                            \
		IPC_FIELDS_##NAME(IPC_FIELD_MEMBER, name)                                                              \
	};
IPC_LIST(M)
#undef M

/* A decoded message. Spans point into the receive buffer: they are good until the next receive. */
struct ipc_message {
	enum ipc_type type;
	int descriptor; /* -1, or one that the hearer now owns; -1, too, when this process had none left to take it */
	union {
#define M(NAME, name, from, to, descriptors) struct ipc_##name name;
		IPC_LIST(M)
#undef M
	};
};

enum ipc_result {
	IPC_OK,
	IPC_AGAIN, /* nothing to read, or no room to write, now */
	IPC_GONE,  /* the other side is gone */
	IPC_BAD    /* the other side broke the protocol */
};

/* One end of a channel. */
struct ipc_channel {
	int fd;
	enum role self;
	enum role peer;
	struct span unread; /* the messages of the last datagram that ipc_receive() has still to give */
};

const char *ipc_name(enum ipc_type type);
/* May `from` say this to `to`? */
bool ipc_may_say(enum ipc_type type, enum role from, enum role to);
/* How many descriptors travel with it: 0 or 1. */
unsigned ipc_descriptors(enum ipc_type type);
/* Appends the encoded message. BUG when a field is over its limit: senders check what others gave them. */
void ipc_encode(const struct ipc_message *message, struct buf *out);
/* Takes the message that *bytes begins with out of it. False when there is none. Sets descriptor to -1. Spans point
 * into the bytes. */
bool ipc_decode(struct span *bytes, struct ipc_message *message);

/* Sends one message now. The descriptor, if any, stays the caller's. IPC_OK, IPC_AGAIN or IPC_GONE. */
enum ipc_result ipc_send(const struct ipc_channel *channel, const struct ipc_message *message);
/* Sends what ipc_encode made, as one datagram: one message with its descriptor, or messages without (descriptor -1). */
enum ipc_result ipc_send_encoded(const struct ipc_channel *channel, struct span bytes, int descriptor);
/* The next message: of the last datagram, or of the next one, which is received into storage (IPC_MESSAGE_BYTES at
 * least; it must stay while channel->unread holds something). On IPC_BAD *why says what was wrong. */
enum ipc_result ipc_receive(
    struct ipc_channel *channel, char *storage, size_t storage_bytes, struct ipc_message *message, const char **why);

/* Lists of u32 in BYTES fields. */
void ipc_append_u32(struct buf *list, uint32_t value);
size_t ipc_u32_count(struct span list);
uint32_t ipc_u32_at(struct span list, size_t index);

#endif
