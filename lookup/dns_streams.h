/* Lent TCP connections to resolvers, for answers that do not fit into a datagram (RFC 7766): one question each.
 *
 * Trust: tidegate-caller lends what was asked for, and only once the connection stands; the bytes are a resolver's.
 * On failure: on_failed, once; the owner asks in another way or gives up.
 */
#ifndef TIDEGATE_LOOKUP_DNS_STREAMS_H
#define TIDEGATE_LOOKUP_DNS_STREAMS_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include "lib/peer.h"
#include "lib/span.h"

enum {
	DNS_STREAMS_MAX = 32,
	DNS_STREAM_SERIALS = 1u << 31 /* the bit that tells a stream's serial from a UDP socket's */
};

struct dns_stream;
struct dns_streams;

struct dns_streams_events {
	/* Ask tidegate-caller for a connection. False: it cannot be asked now. */
	bool (*ask)(void *context, uint32_t serial, unsigned resolver);
	/* The whole answer; the stream has been ended. */
	void (*on_answer)(void *owner, struct span message);
	/* No answer will come; the stream has been ended. */
	void (*on_failed)(void *owner);
};

struct dns_streams *dns_streams_new(struct event_base *base, const struct dns_streams_events *events, void *context);
/* Asks a question (copied) of a resolver. NULL when there are too many, or tidegate-caller is away. Neither callback
 * is called from here. */
struct dns_stream *dns_stream_begin(struct dns_streams *streams, unsigned resolver, const struct peer_address *address,
    struct span question, void *owner);
/* Ends it without a callback. */
void dns_stream_end(struct dns_stream *stream);
/* tidegate-caller's answers. lent: takes fd; false when nobody waits for this serial, fd is then still the caller's. */
bool dns_streams_lent(struct dns_streams *streams, uint32_t serial, const struct peer_address *address, int fd);
bool dns_streams_refused(struct dns_streams *streams, uint32_t serial);
/* tidegate-caller is gone: what it was asked for fails. */
void dns_streams_caller_gone(struct dns_streams *streams);
void dns_streams_free(struct dns_streams *streams);

#endif
