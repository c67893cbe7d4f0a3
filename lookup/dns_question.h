/* One question in flight: its tries over UDP, TCP for what is truncated, CNAMEs that lead on, until it is settled.
 *
 * Every try has its own socket, id and letter case, and stays open to a late answer until the question is settled. A
 * question that met silence gives DNS_RESOLVER_DOWN only when no resolver has answered anything since it was begun; to
 * find out, `on_silence` has a question asked that any resolver can answer.
 *
 * Trust: datagrams and streams are anybody's until id and question fit; what does not is dropped.
 * On failure: DNS_TROUBLE or DNS_RESOLVER_DOWN; every question is settled exactly once.
 */
#ifndef TIDEGATE_LOOKUP_DNS_QUESTION_H
#define TIDEGATE_LOOKUP_DNS_QUESTION_H

#include <event2/event.h>
#include <event2/event_struct.h>

/* A question that finds no memory for its place in the table has trouble; the process goes on. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "lookup/dns_counters.h"
#include "lookup/dns_key.h"
#include "lookup/dns_message.h"
#include "lookup/dns_sockets.h"
#include "lookup/dns_streams.h"

enum {
	DNS_QUESTION_TRIES = 4,
	DNS_QUESTION_HOPS = 8,         /* CNAMEs that lead out of an answer */
	DNS_QUESTION_REFUSED_MS = 300, /* before the next try when a resolver's port is closed */
	DNS_QUESTION_STREAM_MS = 4000  /* for a TCP answer, the connection included */
};

struct dns_waiter;
struct dns_resolving;

struct dns_try {
	struct dns_socket_use use;
	struct dns_question *question;
	unsigned resolver;
	struct dns_packet packet;
};

struct dns_question {
	UT_hash_handle hh;               /* the owner's */
	TAILQ_ENTRY(dns_question) entry; /* in the owner's idle ones, in `stalled`, or in neither */
	struct dns_resolving *resolving;
	struct dns_key key;     /* what was asked for */
	struct dns_key on_wire; /* what is asked now: behind CNAMEs another name */
	unsigned hops;
	uint32_t ttl_seconds; /* least of the CNAMEs so far */
	uint64_t started_us;
	bool is_stalled; /* waits for a socket */
	bool is_probe;   /* our own, whether a resolver lives */
	bool has_failed; /* some resolver answered that it cannot */
	bool is_plain;   /* some resolver knows no EDNS: asked without from then on */
	unsigned try_count;
	struct dns_try tries[DNS_QUESTION_TRIES];
	struct dns_stream *stream;
	struct dns_try *stream_try;
	struct event timer;
	TAILQ_HEAD(, dns_waiter) waiters; /* the owner's */
};

TAILQ_HEAD(dns_question_list, dns_question);

struct dns_question_events {
	/* The answer, good during the call; all tries have been ended. */
	void (*on_settled)(struct dns_question *question, const struct dns_answer *answer, uint32_t ttl_seconds);
	/* A try met silence, and no resolver was heard since its question began. */
	void (*on_silence)(struct dns_resolving *resolving);
};

/* What all questions share. */
struct dns_resolving {
	struct event_base *base;
	const struct dns_question_events *events;
	void *owner;
	struct dns_sockets *sockets;
	struct dns_streams *streams;
	struct peer_address resolvers[RESOLVERS_MAX];
	unsigned failures[RESOLVERS_MAX]; /* tries that met silence since it was last heard */
	unsigned resolver_count;
	uint64_t heard_us; /* when any resolver was last heard */
	bool is_down;      /* the log has said so */
	struct dns_question_list stalled;
	struct dns_counters counters;
};

/* Once for each, before its first use. */
void dns_question_prepare(struct dns_question *question, struct dns_resolving *resolving);
/* Sends the first try (or stalls); never settles from inside the call. False: the name cannot be asked. */
bool dns_question_begin(struct dns_question *question, const struct dns_key *key);
/* Sends what waited for a socket to this resolver. */
void dns_question_resume(struct dns_resolving *resolving, unsigned resolver);
/* Ends all tries. */
void dns_question_stop(struct dns_question *question);

/* Events of sockets (the context is not used) and streams (the owner is the question). */
bool dns_question_on_datagram(void *context, struct dns_socket_use *use, struct span message);
void dns_question_on_refused(void *context, struct dns_socket_use *use);
void dns_question_on_stream(void *owner, struct span message);
void dns_question_on_stream_failed(void *owner);

#endif
