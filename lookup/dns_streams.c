/* Lent TCP connections: send one question, read one answer, close.
 *
 * On failure: see lookup/dns_streams.h.
 */
#include "lookup/dns_streams.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event_struct.h>

#include "lib/buf.h"

enum {
	LENGTH_BYTES = 2, /* before each message (RFC 1035 4.2.2) */
	QUESTION_BYTES = 512,
	MESSAGE_BYTES = 65535
};

struct dns_stream {
	struct dns_streams *streams;
	void *owner; /* NULL: free */
	uint32_t serial;
	struct peer_address address;
	int fd; /* -1 until lent */
	struct event readable;
	struct buf question; /* with its length before it */
	struct buf answer;   /* likewise */
};

struct dns_streams {
	struct event_base *base;
	const struct dns_streams_events *events;
	void *context;
	uint32_t last_serial;
	struct dns_stream items[DNS_STREAMS_MAX];
};

struct dns_streams *
dns_streams_new(struct event_base *base, const struct dns_streams_events *events, void *context)
{
	struct dns_streams *streams = calloc(1, sizeof *streams);

	if (!streams)
		return NULL;
	streams->base = base;
	streams->events = events;
	streams->context = context;
	for (unsigned i = 0; i < DNS_STREAMS_MAX; i++) {
		streams->items[i].streams = streams;
		streams->items[i].fd = -1;
		streams->items[i].question = BUF_LIMIT(QUESTION_BYTES);
		streams->items[i].answer = BUF_LIMIT(LENGTH_BYTES + MESSAGE_BYTES);
	}
	return streams;
}

static struct dns_stream *
find_free(struct dns_streams *streams)
{
	for (unsigned i = 0; i < DNS_STREAMS_MAX; i++)
		if (!streams->items[i].owner)
			return &streams->items[i];
	return NULL;
}

struct dns_stream *
dns_stream_begin(struct dns_streams *streams, unsigned resolver, const struct peer_address *address,
    struct span question, void *owner)
{
	struct dns_stream *stream = find_free(streams);

	if (!stream)
		return NULL;
	buf_reset(&stream->question);
	buf_append_char(&stream->question, (char)(question.length >> 8));
	buf_append_char(&stream->question, (char)(question.length & 0xff));
	buf_append(&stream->question, question);
	streams->last_serial = (streams->last_serial + 1) | DNS_STREAM_SERIALS;
	if (!buf_ok(&stream->question) || !streams->events->ask(streams->context, streams->last_serial, resolver))
		return NULL;
	stream->owner = owner;
	stream->serial = streams->last_serial;
	stream->address = *address;
	return stream;
}

void
dns_stream_end(struct dns_stream *stream)
{
	if (!stream || !stream->owner)
		return;
	if (stream->fd >= 0) {
		(void)event_del(&stream->readable);
		(void)close(stream->fd);
	}
	stream->fd = -1;
	stream->owner = NULL;
	buf_free(&stream->answer);
}

static void
fail(struct dns_stream *stream)
{
	void *owner = stream->owner;

	dns_stream_end(stream);
	stream->streams->events->on_failed(owner);
}

/* How many bytes the answer still lacks, its length field included; 0: it is whole. */
static size_t
missing_bytes(const struct buf *answer)
{
	if (answer->length < LENGTH_BYTES)
		return LENGTH_BYTES - answer->length;
	size_t length = (size_t)(unsigned char)answer->data[0] << 8 | (unsigned char)answer->data[1];
	return LENGTH_BYTES + length - answer->length;
}

static void
complete(struct dns_stream *stream)
{
	struct buf answer = stream->answer;
	void *owner = stream->owner;

	stream->answer = BUF_LIMIT(answer.limit_bytes);
	dns_stream_end(stream);
	stream->streams->events->on_answer(owner, span_skip(buf_span(&answer), LENGTH_BYTES));
	buf_free(&answer);
}

static void
on_readable(evutil_socket_t fd, short what, void *argument)
{
	struct dns_stream *stream = argument;

	(void)what;
	for (;;) {
		size_t missing = missing_bytes(&stream->answer);
		if (missing == 0) {
			complete(stream);
			return;
		}
		char *to = buf_reserve(&stream->answer, missing);
		ssize_t got = to ? recv(fd, to, missing, MSG_DONTWAIT) : 0;
		if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
			return;
		if (got <= 0) {
			fail(stream);
			return;
		}
		stream->answer.length += (size_t)got;
	}
}

static struct dns_stream *
find_asked(struct dns_streams *streams, uint32_t serial)
{
	for (unsigned i = 0; i < DNS_STREAMS_MAX; i++) {
		struct dns_stream *stream = &streams->items[i];

		if (stream->owner && stream->fd < 0 && stream->serial == serial)
			return stream;
	}
	return NULL;
}

/* The question is far smaller than the send buffer of a fresh connection: it goes as a whole or not at all. */
static bool
send_question(struct dns_stream *stream)
{
	struct span question = buf_span(&stream->question);

	return send(stream->fd, question.data, question.length, MSG_DONTWAIT | MSG_NOSIGNAL) ==
	       (ssize_t)question.length;
}

bool
dns_streams_lent(struct dns_streams *streams, uint32_t serial, const struct peer_address *address, int fd)
{
	struct dns_stream *stream = find_asked(streams, serial);

	if (!stream)
		return false;
	if (!peer_equal(address, &stream->address) ||
	    event_assign(&stream->readable, streams->base, fd, EV_READ | EV_PERSIST, on_readable, stream) != 0) {
		(void)close(fd);
		fail(stream);
		return true;
	}
	stream->fd = fd;
	if (event_add(&stream->readable, NULL) != 0 || !send_question(stream))
		fail(stream);
	return true;
}

bool
dns_streams_refused(struct dns_streams *streams, uint32_t serial)
{
	struct dns_stream *stream = find_asked(streams, serial);

	if (stream)
		fail(stream);
	return stream != NULL;
}

void
dns_streams_caller_gone(struct dns_streams *streams)
{
	for (unsigned i = 0; i < DNS_STREAMS_MAX; i++)
		if (streams->items[i].owner && streams->items[i].fd < 0)
			fail(&streams->items[i]);
}

void
dns_streams_free(struct dns_streams *streams)
{
	if (!streams)
		return;
	for (unsigned i = 0; i < DNS_STREAMS_MAX; i++) {
		dns_stream_end(&streams->items[i]);
		buf_free(&streams->items[i].question);
	}
	free(streams);
}
