/* Questions in flight: each is asked of the resolvers in turn until an answer comes or the tries are used up; the same
 * question asked twice is sent once; answers go into the cache.
 *
 * Every try has its own socket, id and letter case, and stays open to a late answer until the question is settled. A
 * question that met silence gives DNS_RESOLVER_DOWN only when no resolver has answered anything since it was first
 * sent; to find out, the engine then asks a question of its own ("localhost", which a resolver knows by itself).
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
#include "lookup/dns_key.h"
#include "lookup/replay.h"

enum {
	DNS_QUESTIONS_MAX = 2000, /* in flight; over it a question is answered RESOLVER_DOWN at once */
	DNS_QUERY_TRIES = 4,
	DNS_QUERY_HOPS = 8,         /* CNAMEs that lead out of an answer */
	DNS_QUERY_REFUSED_MS = 300, /* before the next try when a resolver's port is closed */
	DNS_QUERY_STREAM_MS = 4000, /* for a TCP answer, the connection included */
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

struct dns_counters {
	uint64_t questions; /* that checks had */
	uint64_t cached;    /* answered from the cache */
	uint64_t joined;    /* answered together with another in flight */
	uint64_t sent;      /* tries */
	uint64_t answers;   /* that fitted */
	uint64_t failures;  /* among them: SERVFAIL, REFUSED, malformed */
	uint64_t streams;   /* truncated, asked again over TCP */
	uint64_t timeouts;  /* tries that met silence */
	uint64_t refused;   /* tries that met a closed port */
	uint64_t unsettled; /* questions given up: trouble */
	uint64_t down;      /* questions given up: no resolver answers */
};

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
/* How many answers have come from any resolver: more than before, and one of them has been heard. */
uint64_t dns_query_answers(const struct dns_queries *queries);

const struct dns_counters *dns_query_counters(const struct dns_queries *queries);
/* Appends "dns-… N" lines. */
void dns_query_status(const struct dns_queries *queries, struct buf *lines);
void dns_query_stop(struct dns_queries *queries);

#endif
