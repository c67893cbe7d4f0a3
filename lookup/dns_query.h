/* All questions in flight, and who waits for them: the same question asked twice is sent once, answers are kept in the
 * cache, and each question is asked of the resolvers in turn until it is settled (lookup/dns_question.h).
 *
 * Trust: resolvers are believed when id and question fit; everything else is dropped and counted.
 * On failure: DNS_TROUBLE or DNS_RESOLVER_DOWN; every waiter hears exactly once.
 */
#ifndef TIDEGATE_LOOKUP_DNS_QUERY_H
#define TIDEGATE_LOOKUP_DNS_QUERY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <event2/event.h>

#include "lib/buf.h"
#include "lib/peer.h"
#include "lib/span.h"
#include "lookup/dns_counters.h"
#include "lookup/dns_key.h"
#include "lookup/replay.h"

enum {
	DNS_QUESTIONS_MAX = 2000, /* in flight; over it a question is answered RESOLVER_DOWN at once */
	DNS_QUERY_CACHE_ENTRIES = 50000,
	DNS_QUERY_CACHE_BYTES = 32 << 20
};

struct dns_queries;
struct dns_question;

/* Somebody who waits for an answer; embedded in what its owner keeps. */
struct dns_waiter {
	TAILQ_ENTRY(dns_waiter) entry;
	struct dns_question *question; /* NULL: waits for nothing */
	/* The answer is good during the call. */
	void (*on_answer)(
	    struct dns_waiter *waiter, enum dns_type type, struct span name, const struct dns_answer *answer);
};

/* How tidegate-caller is asked. False: it cannot be asked now. */
typedef bool dns_query_ask_socket(void *context, uint32_t serial, unsigned resolver, bool is_stream);

/* Without resolvers yet; NULL without memory. */
struct dns_queries *dns_query_start(struct event_base *base, dns_query_ask_socket *ask_socket, void *context);
/* Takes the list of resolvers, also a new one; what is in flight goes on. */
void dns_query_resolvers(struct dns_queries *queries, const struct peer_address *resolvers, unsigned count);
/* tidegate-caller came or went, lends, or cannot. lent: takes fd. */
void dns_query_caller_ready(struct dns_queries *queries);
void dns_query_caller_gone(struct dns_queries *queries);
void dns_query_lent(struct dns_queries *queries, uint32_t serial, const struct peer_address *address, int fd);
void dns_query_not_lent(struct dns_queries *queries, uint32_t serial);

/* The answer, when it is known at once (good until the next call), or NULL: waiter->on_answer then comes later, never
 * from inside this call. */
const struct dns_answer *dns_query_ask(
    struct dns_queries *queries, enum dns_type type, struct span name, struct dns_waiter *waiter);
/* The question that a waiter waits for. */
const struct dns_key *dns_query_key(const struct dns_waiter *waiter);
/* Waits no longer; the question goes on, for the cache. */
void dns_query_cancel(struct dns_waiter *waiter);
/* When any resolver was last heard, in µs of the monotonic clock; 0: never. */
uint64_t dns_query_heard_us(const struct dns_queries *queries);

const struct dns_counters *dns_query_counters(const struct dns_queries *queries);
/* Appends "dns-… N" lines. */
void dns_query_status(const struct dns_queries *queries, struct buf *lines);
void dns_query_stop(struct dns_queries *queries);

#endif
