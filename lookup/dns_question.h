/* One question in flight: its tries over UDP, TCP for what is truncated, CNAMEs that lead on, until it is settled.
 * Shared by dns_question.c (the tries) and dns_query.c (all questions, who waits for them); nobody else includes it.
 *
 * Trust: datagrams and streams are anybody's until id and question fit.
 * On failure: see lookup/dns_query.h.
 */
#ifndef TIDEGATE_LOOKUP_DNS_QUESTION_H
#define TIDEGATE_LOOKUP_DNS_QUESTION_H

#include <event2/event_struct.h>

/* A question that finds no memory for its place in the table has trouble; the process goes on. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "lookup/dns_cache.h"
#include "lookup/dns_key.h"
#include "lookup/dns_message.h"
#include "lookup/dns_query.h"
#include "lookup/dns_sockets.h"
#include "lookup/dns_streams.h"

struct dns_try {
	struct dns_socket_use use;
	struct dns_question *question;
	unsigned resolver;
	struct dns_packet packet;
};

struct dns_question {
	UT_hash_handle hh;
	TAILQ_ENTRY(dns_question) entry; /* in idle or stalled, or in neither */
	struct dns_queries *queries;
	struct dns_key key;     /* what was asked for */
	struct dns_key on_wire; /* what is asked now: behind CNAMEs another name */
	unsigned hops;
	uint32_t ttl_seconds;    /* least of the CNAMEs so far */
	uint64_t answers_before; /* of all resolvers, when it was first asked */
	bool is_stalled;         /* waits for a socket */
	bool is_probe;           /* our own, whether a resolver lives */
	bool has_failed;         /* some resolver answered that it cannot */
	unsigned try_count;
	struct dns_try tries[DNS_QUERY_TRIES];
	struct dns_stream *stream;
	struct dns_try *stream_try;
	struct event timer;
	TAILQ_HEAD(, dns_waiter) waiters;
};

TAILQ_HEAD(dns_question_list, dns_question);

struct dns_queries {
	struct event_base *base;
	dns_query_ask_socket *ask_socket;
	void *context;
	struct dns_cache *cache;
	struct dns_sockets *sockets;
	struct dns_streams *streams;
	struct peer_address resolvers[RESOLVERS_MAX];
	unsigned failures[RESOLVERS_MAX]; /* tries that met silence since it was last heard */
	unsigned resolver_count;
	bool is_down; /* the log has said so */
	struct dns_question *in_flight;
	struct dns_question_list idle;
	struct dns_question_list stalled;
	struct dns_counters counters;
	struct dns_question questions[DNS_QUESTIONS_MAX];
};

/* dns_question.c */
/* Once for each, before its first use. */
void dns_question_prepare(struct dns_question *question, struct dns_queries *queries);
/* Sends the first try (or stalls). False: the name cannot be asked; nothing was begun. */
bool dns_question_begin(struct dns_question *question, const struct dns_key *key);
/* Sends what waited for a socket to this resolver. */
void dns_question_resume(struct dns_queries *queries, unsigned resolver);
/* Ends all tries. */
void dns_question_stop(struct dns_question *question);
/* Events of sockets (the context is the queries) and streams (the owner is the question). */
bool dns_question_on_datagram(void *context, struct dns_socket_use *use, struct span message);
void dns_question_on_refused(void *context, struct dns_socket_use *use);
void dns_question_on_stream(void *owner, struct span message);
void dns_question_on_stream_failed(void *owner);

/* dns_query.c */
/* Tells the waiters, keeps the answer, and gives the question back. */
void dns_query_settle(struct dns_question *question, const struct dns_answer *answer, uint32_t ttl_seconds);
/* Asks something that any resolver can answer, if that is not under way. */
void dns_query_probe(struct dns_queries *queries);

#endif
