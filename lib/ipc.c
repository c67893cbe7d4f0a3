/* The encoder, the strict decoder and the channel of lib/ipc.h, all driven by one table made from the list.
 *
 * Trust: whoever is at the other end may be compromised.
 * On failure: see lib/ipc.h.
 */
#include "lib/ipc.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/bug.h"
#include "lib/datagram.h"

enum field_kind { U8, U32, U64, PEER, STRING, BYTES };

struct field {
	enum field_kind kind;
	size_t offset; /* in struct ipc_message */
	size_t limit_bytes;
};

struct row {
	const char *name;
	enum role from;
	enum role to;
	unsigned descriptors;
	const struct field *fields;
	size_t field_count;
};

#define FIELD(owner, kind, name, limit) { kind, offsetof(struct ipc_message, owner.name), limit },
#define M(NAME, name, from, to, descriptors)                                                                           \
	static const struct field fields_##name[] = { IPC_FIELDS_##NAME(FIELD, name){ U8, 0, 0 } };
IPC_LIST(M)
#undef M

static const struct row rows[IPC_TYPE_COUNT] = {
#define M(NAME, name, from, to, descriptors)                                                                           \
	[IPC_##NAME] = { #NAME, ROLE_##from, ROLE_##to, descriptors, fields_##name,                                    \
		sizeof fields_##name / sizeof fields_##name[0] - 1 },
	IPC_LIST(M)
#undef M
};

enum { HEAD_BYTES = 2, PEER_BYTES = 1 + 16 + 2 };

const char *
ipc_name(enum ipc_type type)
{
	return type < IPC_TYPE_COUNT ? rows[type].name : "UNKNOWN";
}

static bool
role_fits(enum role allowed, enum role actual)
{
	return allowed == actual || (allowed == ROLE_CHILD && actual != ROLE_MASTER);
}

bool
ipc_may_say(enum ipc_type type, enum role from, enum role to)
{
	return type < IPC_TYPE_COUNT && role_fits(rows[type].from, from) && role_fits(rows[type].to, to);
}

unsigned
ipc_descriptors(enum ipc_type type)
{
	return rows[type].descriptors;
}

static void
encode_field(const struct field *field, const void *value, struct buf *out)
{
	switch (field->kind) {
	case U8:
		buf_append_number(out, *(const uint8_t *)value, 1);
		break;
	case U32:
		buf_append_number(out, *(const uint32_t *)value, 4);
		break;
	case U64:
		buf_append_number(out, *(const uint64_t *)value, 8);
		break;
	case PEER: {
		const struct peer_address *peer = value;

		buf_append_number(out, peer->family, 1);
		buf_append(out, span_make((const char *)peer->ip, sizeof peer->ip));
		buf_append_number(out, peer->port, 2);
		break;
	}
	case STRING:
	case BYTES: {
		const struct span *text = value;

		if (text->length > field->limit_bytes)
			BUG("an IPC field is over its limit");
		if (field->kind == STRING && span_find(*text, '\0') < text->length)
			BUG("an IPC string holds a NUL");
		buf_append_number(out, text->length, 4);
		buf_append(out, *text);
		break;
	}
	}
}

void
ipc_encode(const struct ipc_message *message, struct buf *out)
{
	const struct row *row = &rows[message->type];

	buf_append_number(out, message->type, HEAD_BYTES);
	for (size_t i = 0; i < row->field_count; i++)
		encode_field(&row->fields[i], (const char *)message + row->fields[i].offset, out);
}

static bool
decode_peer(struct span *rest, struct peer_address *peer)
{
	if (rest->length < PEER_BYTES)
		return false;
	peer->family = (uint8_t)rest->data[0];
	if (peer->family != 0 && peer->family != 4 && peer->family != 6)
		return false;
	memcpy(peer->ip, rest->data + 1, sizeof peer->ip);
	peer->port = (uint16_t)((unsigned char)rest->data[17] << 8 | (unsigned char)rest->data[18]);
	*rest = span_skip(*rest, PEER_BYTES);
	return true;
}

static bool
decode_field(const struct field *field, struct span *rest, void *value)
{
	uint64_t number;

	switch (field->kind) {
	case U8:
		if (!span_take_number(rest, 1, &number))
			return false;
		*(uint8_t *)value = (uint8_t)number;
		return true;
	case U32:
		if (!span_take_number(rest, 4, &number))
			return false;
		*(uint32_t *)value = (uint32_t)number;
		return true;
	case U64:
		return span_take_number(rest, 8, value);
	case PEER:
		return decode_peer(rest, value);
	case STRING:
	case BYTES:
		if (!span_take_number(rest, 4, &number) || number > field->limit_bytes || number > rest->length)
			return false;
		*(struct span *)value = span_take(*rest, (size_t)number);
		*rest = span_skip(*rest, (size_t)number);
		return field->kind == BYTES || span_find(*(struct span *)value, '\0') == ((struct span *)value)->length;
	}
	return false;
}

bool
ipc_decode(struct span *bytes, struct ipc_message *message)
{
	uint64_t type;

	memset(message, 0, sizeof *message);
	message->descriptor = -1;
	if (!span_take_number(bytes, HEAD_BYTES, &type) || type >= IPC_TYPE_COUNT)
		return false;
	message->type = (enum ipc_type)type;
	const struct row *row = &rows[type];
	for (size_t i = 0; i < row->field_count; i++)
		if (!decode_field(&row->fields[i], bytes, (char *)message + row->fields[i].offset))
			return false;
	return true;
}

enum ipc_result
ipc_send_encoded(const struct ipc_channel *channel, struct span bytes, int descriptor)
{
	ssize_t sent = datagram_send(channel->fd, bytes, descriptor);

	if (sent >= 0)
		return IPC_OK;
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == ENOMEM || errno == ETOOMANYREFS
		   ? IPC_AGAIN
		   : IPC_GONE;
}

enum ipc_result
ipc_send(const struct ipc_channel *channel, const struct ipc_message *message)
{
	static _Thread_local struct buf wire = BUF_LIMIT(IPC_MESSAGE_BYTES);

	if (!ipc_may_say(message->type, channel->self, channel->peer))
		BUG("an IPC message from or to the wrong process");
	buf_reset(&wire);
	ipc_encode(message, &wire);
	if (!buf_ok(&wire))
		return IPC_AGAIN;
	return ipc_send_encoded(channel, buf_span(&wire), rows[message->type].descriptors ? message->descriptor : -1);
}

static const char *
what_is_wrong(const struct ipc_channel *channel, const struct ipc_message *message, const struct enclosed *enclosed)
{
	/* Cut off, and not one of them there: this process has no number left for it, which is no fault of the peer's.
	 */
	bool is_short = (enclosed->flags & MSG_CTRUNC) && enclosed->descriptors == 0;

	if ((enclosed->flags & MSG_TRUNC) || ((enclosed->flags & MSG_CTRUNC) && !is_short))
		return "a message that was too long or carried too many descriptors";
	if (!ipc_may_say(message->type, channel->peer, channel->self))
		return "a message that this process may not send here";
	if (enclosed->descriptors + is_short != rows[message->type].descriptors)
		return "a message with the wrong number of descriptors";
	if (rows[message->type].descriptors && channel->unread.length)
		return "a message with a descriptor and something behind it";
	return NULL;
}

/* Takes the next message out of channel->unread. */
static enum ipc_result
take_unread(struct ipc_channel *channel, const struct enclosed *enclosed, struct ipc_message *message, const char **why)
{
	*why = ipc_decode(&channel->unread, message) ? what_is_wrong(channel, message, enclosed)
						     : "a message that does not decode";
	if (!*why) {
		message->descriptor = enclosed->descriptor;
		return IPC_OK;
	}
	channel->unread = span_make(NULL, 0);
	if (enclosed->descriptor >= 0)
		(void)close(enclosed->descriptor);
	message->descriptor = -1;
	return IPC_BAD;
}

enum ipc_result
ipc_receive(
    struct ipc_channel *channel, char *storage, size_t storage_bytes, struct ipc_message *message, const char **why)
{
	struct enclosed enclosed = { .descriptor = -1 };

	if (channel->unread.length)
		return take_unread(channel, &enclosed, message, why);
	ssize_t got = datagram_receive(channel->fd, storage, storage_bytes, &enclosed);
	if (got < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? IPC_AGAIN : IPC_GONE;
	if (got == 0 && enclosed.descriptors == 0)
		return IPC_GONE;
	channel->unread = span_make(storage, (size_t)got);
	return take_unread(channel, &enclosed, message, why);
}

void
ipc_append_u32(struct buf *list, uint32_t value)
{
	buf_append_number(list, value, 4);
}

size_t
ipc_u32_count(struct span list)
{
	return list.length / 4;
}

uint32_t
ipc_u32_at(struct span list, size_t index)
{
	struct span rest = span_skip(list, index * 4);
	uint64_t value = 0;

	if (!span_take_number(&rest, 4, &value))
		BUG("an IPC list was read past its end");
	return (uint32_t)value;
}
