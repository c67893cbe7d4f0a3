/* A stage for tests of lookup/dns_query.h: resolvers that behave as told and a tidegate-caller, all in the test's own
 * event loop, over real UDP sockets of 127.0.0.1.
 * On failure: the running test fails.
 */
#ifndef TIDEGATE_TESTS_UNIT_LOOKUP_STAGE_H
#define TIDEGATE_TESTS_UNIT_LOOKUP_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <event2/event.h>

#include "lookup/dns_query.h"
#include "tests/unit/lookup/craft.h"

enum { RESOLVERS = 2, SEEN_PORTS = 256 };

/* What a resolver does with a name. */
enum manner {
	ANSWERS,
	SILENT,
	FAILS,
	REFUSES,
	TRUNCATES,
	GARBAGE,
	FORGES_FIRST,
	FORGES_ONLY,
	LEADS_ON,
	LOOPS,
	NO_NAME,
	KNOWS_NO_EDNS /* a format error for a question with EDNS */
};

struct rule {
	const char *name;
	enum manner manner;
	const char *target; /* LEADS_ON, LOOPS */
	const char *text;   /* of a TXT record; NULL: 5 KiB of it */
	unsigned times;     /* how often; then ANSWERS; 0: for ever */
	unsigned asked;
	unsigned streams;
};

struct resolver {
	struct stage *stage;
	int fd;
	struct event *readable;
	struct peer_address address;
	unsigned asked;
	bool is_silent;
	unsigned ports;
	uint16_t port[SEEN_PORTS];
};

/* A socket that the engine asked for and gets a turn of the loop later, as from tidegate-caller. */
struct loan {
	struct stage *stage;
	uint32_t serial;
	unsigned resolver;
	bool is_stream;
};

struct stage {
	struct event_base *base;
	struct dns_queries *queries;
	struct resolver resolvers[RESOLVERS];
	struct peer_address list[RESOLVERS]; /* tidegate-caller's */
	struct rule *rules;
	struct loan loans[1024];
	unsigned loan_count;
	bool caller_is_away;
	int stream_end; /* the resolver's end of the last lent stream */
	struct event *stream_readable;
};

/* --- the resolvers --- */

static inline struct rule *
find_rule(struct stage *stage, const char *packet)
{
	static struct rule anything = { .name = "" };

	for (struct rule *rule = stage->rules; rule && rule->name; rule++) {
		struct buf wire = BUF_LIMIT(512);

		craft_name(&wire, rule->name);
		bool is_it = span_equal_nocase(buf_span(&wire), span_make(packet + 12, wire.length));
		buf_free(&wire);
		if (is_it)
			return rule;
	}
	return &anything;
}

/* The packet as the engine sent it, for craft.h. */
static inline void
take_packet(struct dns_packet *packet, const char *bytes, size_t length)
{
	memcpy(packet->bytes, bytes, length);
	packet->length = length;
	packet->question_end = 12;
	while (packet->bytes[packet->question_end])
		packet->question_end += 1u + packet->bytes[packet->question_end];
	packet->question_end += 5;
}

static inline void
craft_text(struct buf *out, const char *text)
{
	char string[256] = { (char)255 };

	if (text) {
		craft_head(out, NULL, DNS_TXT, 300, strlen(text) + 1);
		buf_append_char(out, (char)strlen(text));
		buf_append_text(out, text);
		return;
	}
	craft_head(out, NULL, DNS_TXT, 300, 20 * sizeof string);
	for (unsigned i = 0; i < 20; i++)
		buf_append(out, span_make(string, sizeof string));
}

static inline void
craft_good(struct buf *out, const struct dns_packet *packet, const struct rule *rule)
{
	unsigned type = packet->bytes[packet->question_end - 3];

	craft_begin(out, packet, 0, 1, 0);
	if (type == DNS_TXT)
		craft_text(out, rule->text);
	else if (type == DNS_PTR)
		craft_named(out, NULL, DNS_PTR, 300, rule->target);
	else
		craft_a(out, NULL, 300, 0xc0000207);
}

typedef void send_reply(void *context, struct span reply);

static inline void
reply_to(struct stage *stage, struct rule *rule, const struct dns_packet *packet, bool is_stream, send_reply *reply,
    void *context)
{
	struct buf out = BUF_LIMIT(1 << 17);
	enum manner manner = rule->times && rule->asked > rule->times ? ANSWERS : rule->manner;

	(void)stage;
	craft_good(&out, packet, rule);
	if (manner == FAILS || manner == REFUSES)
		craft_begin(&out, packet, manner == FAILS ? 2 : 5, 0, 0);
	if (manner == KNOWS_NO_EDNS && packet->length > packet->question_end)
		craft_begin(&out, packet, 1, 0, 0);
	if (manner == NO_NAME) {
		craft_begin(&out, packet, 3, 0, 1);
		craft_soa(&out, 60, 60);
	}
	if (manner == LEADS_ON || manner == LOOPS) {
		craft_begin(&out, packet, 0, 1, 0);
		craft_named(&out, NULL, TYPE_CNAME, 60, rule->target);
	}
	if (manner == TRUNCATES && !is_stream) {
		craft_begin(&out, packet, 0, 0, 0);
		out.data[2] |= 2;
	}
	if (manner == GARBAGE)
		memset(out.data + packet->question_end, 0xff, out.length - packet->question_end);
	if (manner == FORGES_FIRST || manner == FORGES_ONLY) {
		out.data[0] ^= 1;
		reply(context, buf_span(&out));
		out.data[0] ^= 1;
		out.data[13] ^= 0x20; /* the name in another case */
		reply(context, buf_span(&out));
		out.data[13] ^= 0x20;
		reply(context, span_make(out.data, 7));
		reply(context, SPAN(""));
	}
	if (manner != SILENT && manner != FORGES_ONLY)
		reply(context, buf_span(&out));
	buf_free(&out);
}

struct datagram_context {
	int fd;
	struct sockaddr_storage from;
	socklen_t from_length;
};

static inline void
reply_by_datagram(void *context, struct span reply)
{
	struct datagram_context *to = context;

	assert_int_equal(sendto(to->fd, reply.data, reply.length, 0, (struct sockaddr *)&to->from, to->from_length),
	    (ssize_t)reply.length);
}

static inline void
on_question(evutil_socket_t fd, short what, void *argument)
{
	struct resolver *resolver = argument;
	struct datagram_context to = { .fd = fd, .from_length = sizeof to.from };
	struct dns_packet packet;
	char bytes[DNS_QUERY_BYTES];

	(void)what;
	ssize_t length = recvfrom(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&to.from, &to.from_length);
	assert_true(length > 12);
	take_packet(&packet, bytes, (size_t)length);
	resolver->asked++;
	if (resolver->ports < SEEN_PORTS)
		resolver->port[resolver->ports++] = peer_from_sockaddr(&to.from).port;
	if (resolver->is_silent)
		return;
	struct rule *rule = find_rule(resolver->stage, bytes);
	rule->asked++;
	reply_to(resolver->stage, rule, &packet, false, reply_by_datagram, &to);
}

static inline void
reply_by_stream(void *context, struct span reply)
{
	struct stage *stage = context;
	char length[2] = { (char)(reply.length >> 8), (char)reply.length };

	assert_int_equal(send(stage->stream_end, length, 2, 0), 2);
	assert_int_equal(send(stage->stream_end, reply.data, reply.length, 0), (ssize_t)reply.length);
}

static inline void
on_stream_question(evutil_socket_t fd, short what, void *argument)
{
	struct stage *stage = argument;
	struct dns_packet packet;
	char bytes[2 + DNS_QUERY_BYTES];

	(void)what;
	ssize_t length = recv(fd, bytes, sizeof bytes, 0);
	if (length <= 0)
		return;
	assert_int_equal(length - 2, (unsigned char)bytes[0] << 8 | (unsigned char)bytes[1]);
	take_packet(&packet, bytes + 2, (size_t)length - 2);
	struct rule *rule = find_rule(stage, bytes + 2);
	rule->streams++;
	reply_to(stage, rule, &packet, true, reply_by_stream, stage);
}

/* --- tidegate-caller --- */

static inline int
lend_stream(struct stage *stage)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	if (stage->stream_readable) {
		event_free(stage->stream_readable);
		assert_int_equal(close(stage->stream_end), 0);
	}
	stage->stream_end = ends[1];
	stage->stream_readable = event_new(stage->base, ends[1], EV_READ, on_stream_question, stage);
	assert_int_equal(event_add(stage->stream_readable, NULL), 0);
	return ends[0];
}

static inline void
on_loan(evutil_socket_t unused, short what, void *argument)
{
	struct loan *loan = argument;
	struct stage *stage = loan->stage;
	struct peer_address *address = &stage->list[loan->resolver];
	struct sockaddr_storage name;
	socklen_t length = peer_to_sockaddr(address, &name);
	int fd;

	(void)unused;
	(void)what;
	if (loan->is_stream) {
		fd = lend_stream(stage);
	} else {
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		assert_int_equal(connect(fd, (struct sockaddr *)&name, length), 0);
	}
	dns_query_lent(stage->queries, loan->serial, address, fd);
}

static inline bool
ask_socket(void *context, uint32_t serial, unsigned resolver, bool is_stream)
{
	struct stage *stage = context;

	if (stage->caller_is_away)
		return false;
	struct loan *loan = &stage->loans[stage->loan_count++ % 1024];
	*loan = (struct loan){ stage, serial, resolver, is_stream };
	return event_base_once(stage->base, -1, EV_TIMEOUT, on_loan, loan, NULL) == 0;
}

static inline void
open_resolver(struct stage *stage, struct resolver *resolver)
{
	struct peer_address any = { .family = 4, .ip = { 127, 0, 0, 1 } };
	struct sockaddr_storage name;
	socklen_t length = peer_to_sockaddr(&any, &name);

	resolver->stage = stage;
	resolver->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(resolver->fd, (struct sockaddr *)&name, length), 0);
	length = sizeof name;
	assert_int_equal(getsockname(resolver->fd, (struct sockaddr *)&name, &length), 0);
	resolver->address = peer_from_sockaddr(&name);
	resolver->readable = event_new(stage->base, resolver->fd, EV_READ | EV_PERSIST, on_question, resolver);
	assert_int_equal(event_add(resolver->readable, NULL), 0);
}

static inline void
stage_close_resolver(struct resolver *resolver)
{
	if (!resolver->readable)
		return;
	event_free(resolver->readable);
	resolver->readable = NULL;
	(void)close(resolver->fd);
}

static inline void
stage_open(struct stage *stage)
{
	memset(stage, 0, sizeof *stage);
	stage->base = event_base_new();
	for (unsigned i = 0; i < RESOLVERS; i++)
		open_resolver(stage, &stage->resolvers[i]);
	stage->queries = dns_query_start(stage->base, ask_socket, stage);
	assert_non_null(stage->queries);
}

static inline void
stage_close(struct stage *stage)
{
	dns_query_stop(stage->queries);
	for (unsigned i = 0; i < RESOLVERS; i++)
		stage_close_resolver(&stage->resolvers[i]);
	if (stage->stream_readable) {
		event_free(stage->stream_readable);
		(void)close(stage->stream_end);
	}
	event_base_free(stage->base);
}

/* What tidegate-caller knows: so many resolvers, from the first one on. */
static inline void
stage_tell_caller(struct stage *stage, unsigned first, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		stage->list[i] = stage->resolvers[first + i].address;
}

/* The same for the engine. */
static inline void
stage_tell_engine(struct stage *stage, unsigned first, unsigned count)
{
	struct peer_address addresses[RESOLVERS];

	for (unsigned i = 0; i < count; i++)
		addresses[i] = stage->resolvers[first + i].address;
	dns_query_resolvers(stage->queries, addresses, count);
}

#endif
