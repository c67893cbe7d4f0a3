/* All questions in flight, those who wait for them, and the cache before them.
 *
 * On failure: see lookup/dns_query.h.
 */
#include "lookup/dns_query.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lookup/dns_cache.h"
#include "lookup/dns_question.h"

static const struct dns_answer no_name = { .status = DNS_NO_NAME };
/* Our own lack, which is no name's fault. */
static const struct dns_answer no_room = { .status = DNS_RESOLVER_DOWN };

struct dns_queries {
	struct dns_resolving resolving;
	dns_query_ask_socket *ask_socket;
	void *context;
	struct dns_cache *cache;
	struct dns_question *in_flight;
	struct dns_question_list idle;
	struct dns_question questions[DNS_QUESTIONS_MAX];
};

static void on_settled(struct dns_question *question, const struct dns_answer *answer, uint32_t ttl_seconds);
static void probe(struct dns_resolving *resolving);

static bool
ask_datagram_socket(void *context, uint32_t serial, unsigned resolver)
{
	struct dns_queries *queries = context;

	return queries->ask_socket(queries->context, serial, resolver, false);
}

static bool
ask_stream(void *context, uint32_t serial, unsigned resolver)
{
	struct dns_queries *queries = context;

	return queries->ask_socket(queries->context, serial, resolver, true);
}

static void
on_socket_ready(void *context, unsigned resolver)
{
	struct dns_queries *queries = context;

	dns_question_resume(&queries->resolving, resolver);
}

static const struct dns_question_events question_events = { .on_settled = on_settled, .on_silence = probe };

static const struct dns_sockets_events socket_events = {
	.socket = { .on_datagram = dns_question_on_datagram, .on_refused = dns_question_on_refused },
	.ask = ask_datagram_socket,
	.on_ready = on_socket_ready,
};

static const struct dns_streams_events stream_events = {
	.ask = ask_stream,
	.on_answer = dns_question_on_stream,
	.on_failed = dns_question_on_stream_failed,
};

struct dns_queries *
dns_query_start(struct event_base *base, dns_query_ask_socket *ask_socket, void *context)
{
	struct dns_queries *queries = calloc(1, sizeof *queries);

	if (!queries)
		return NULL;
	queries->resolving = (struct dns_resolving){ .base = base, .events = &question_events, .owner = queries };
	queries->ask_socket = ask_socket;
	queries->context = context;
	TAILQ_INIT(&queries->idle);
	TAILQ_INIT(&queries->resolving.stalled);
	for (unsigned i = 0; i < DNS_QUESTIONS_MAX; i++) {
		dns_question_prepare(&queries->questions[i], &queries->resolving);
		TAILQ_INSERT_TAIL(&queries->idle, &queries->questions[i], entry);
	}
	queries->cache = dns_cache_new(DNS_QUERY_CACHE_ENTRIES, DNS_QUERY_CACHE_BYTES);
	queries->resolving.sockets = dns_sockets_new(base, &socket_events, queries);
	queries->resolving.streams = dns_streams_new(base, &stream_events, queries);
	if (!queries->cache || !queries->resolving.sockets || !queries->resolving.streams) {
		dns_query_stop(queries);
		return NULL;
	}
	return queries;
}

void
dns_query_resolvers(struct dns_queries *queries, const struct peer_address *resolvers, unsigned count)
{
	struct dns_resolving *resolving = &queries->resolving;

	resolving->resolver_count = count < RESOLVERS_MAX ? count : RESOLVERS_MAX;
	for (unsigned i = 0; i < resolving->resolver_count; i++) {
		resolving->resolvers[i] = resolvers[i];
		resolving->failures[i] = 0;
	}
	dns_sockets_configure(resolving->sockets, resolvers, resolving->resolver_count);
}

void
dns_query_caller_ready(struct dns_queries *queries)
{
	dns_sockets_caller_ready(queries->resolving.sockets);
}

void
dns_query_caller_gone(struct dns_queries *queries)
{
	dns_streams_caller_gone(queries->resolving.streams);
}

void
dns_query_lent(struct dns_queries *queries, uint32_t serial, const struct peer_address *address, int fd)
{
	/* Nobody's: asked for before a reload, or by a question that is settled. */
	if (!dns_sockets_lent(queries->resolving.sockets, serial, address, fd) &&
	    !dns_streams_lent(queries->resolving.streams, serial, address, fd))
		(void)close(fd);
}

void
dns_query_not_lent(struct dns_queries *queries, uint32_t serial)
{
	if (!dns_sockets_refused(queries->resolving.sockets, serial))
		(void)dns_streams_refused(queries->resolving.streams, serial);
}

static struct dns_question *
find_in_flight(struct dns_queries *queries, const struct dns_key *key)
{
	struct dns_question *question = NULL;

	HASH_FIND(hh, queries->in_flight, key, dns_key_bytes(key), question);
	return question;
}

static void
give_back(struct dns_queries *queries, struct dns_question *question)
{
	dns_question_stop(question);
	TAILQ_INSERT_TAIL(&queries->idle, question, entry);
}

/* A fresh question, sent once; or NULL, with the answer that says why. */
static struct dns_question *
begin(struct dns_queries *queries, const struct dns_key *key, const struct dns_answer **answer)
{
	struct dns_question *question = TAILQ_FIRST(&queries->idle);

	*answer = &no_room;
	if (!question)
		return NULL;
	TAILQ_REMOVE(&queries->idle, question, entry);
	if (!dns_question_begin(question, key)) {
		give_back(queries, question);
		*answer = &no_name;
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, queries->in_flight, &question->key, dns_key_bytes(&question->key), question);
	if (!question->hh.tbl) {
		give_back(queries, question);
		return NULL;
	}
	return question;
}

/* Asks something that any resolver can answer by itself (RFC 6761 6.3), if that is not under way. */
static void
probe(struct dns_resolving *resolving)
{
	struct dns_queries *queries = resolving->owner;
	const struct dns_answer *answer;
	struct dns_key key;

	if (!dns_key_make(&key, DNS_A, SPAN("localhost")) || find_in_flight(queries, &key))
		return;
	struct dns_question *question = begin(queries, &key, &answer);
	if (question)
		question->is_probe = true;
}

const struct dns_answer *
dns_query_ask(struct dns_queries *queries, enum dns_type type, struct span name, struct dns_waiter *waiter)
{
	const struct dns_answer *answer = dns_cache_get(queries->cache, type, name, clock_monotonic_ms());
	struct dns_key key;

	queries->resolving.counters.questions++;
	if (answer) {
		queries->resolving.counters.cached++;
		return answer;
	}
	if (!dns_key_make(&key, type, name))
		return &no_name;
	struct dns_question *question = find_in_flight(queries, &key);
	if (question)
		queries->resolving.counters.joined++;
	else
		question = begin(queries, &key, &answer);
	if (!question)
		return answer;
	waiter->question = question;
	TAILQ_INSERT_TAIL(&question->waiters, waiter, entry);
	return NULL;
}

const struct dns_key *
dns_query_key(const struct dns_waiter *waiter)
{
	return &waiter->question->key;
}

void
dns_query_cancel(struct dns_waiter *waiter)
{
	if (!waiter->question)
		return;
	TAILQ_REMOVE(&waiter->question->waiters, waiter, entry);
	waiter->question = NULL;
}

/* Tells the waiters, keeps the answer, and takes the question back. */
static void
on_settled(struct dns_question *question, const struct dns_answer *answer, uint32_t ttl_seconds)
{
	struct dns_queries *queries = question->resolving->owner;
	enum dns_type type = (enum dns_type)question->key.type;
	struct span name = dns_key_name(&question->key);

	HASH_DEL(queries->in_flight, question);
	if (!question->is_probe)
		dns_cache_put(queries->cache, type, name, answer, ttl_seconds, clock_monotonic_ms());
	while (!TAILQ_EMPTY(&question->waiters)) {
		struct dns_waiter *waiter = TAILQ_FIRST(&question->waiters);

		dns_query_cancel(waiter);
		waiter->on_answer(waiter, type, name, answer);
	}
	TAILQ_INSERT_TAIL(&queries->idle, question, entry);
}

uint64_t
dns_query_heard_us(const struct dns_queries *queries)
{
	return queries->resolving.heard_us;
}

const struct dns_counters *
dns_query_counters(const struct dns_queries *queries)
{
	return &queries->resolving.counters;
}

static void
status_line(struct buf *lines, const char *name, uint64_t number)
{
	buf_append_text(lines, name);
	buf_append_char(lines, ' ');
	buf_append_u64(lines, number);
	buf_append_char(lines, '\n');
}

void
dns_query_status(const struct dns_queries *queries, struct buf *lines)
{
	const struct dns_counters *counters = &queries->resolving.counters;

	status_line(lines, "dns-questions", counters->questions);
	status_line(lines, "dns-cached", counters->cached);
	status_line(lines, "dns-joined", counters->joined);
	status_line(lines, "dns-sent", counters->sent);
	status_line(lines, "dns-answers", counters->answers);
	status_line(lines, "dns-failures", counters->failures);
	status_line(lines, "dns-streams", counters->streams);
	status_line(lines, "dns-timeouts", counters->timeouts);
	status_line(lines, "dns-refused", counters->refused);
	status_line(lines, "dns-unmatched", dns_sockets_unmatched(queries->resolving.sockets));
	status_line(lines, "dns-unsettled", counters->unsettled);
	status_line(lines, "dns-resolver-down", counters->down);
	status_line(lines, "dns-in-flight", HASH_COUNT(queries->in_flight));
	status_line(lines, "dns-sockets", dns_sockets_open(queries->resolving.sockets));
	status_line(lines, "dns-cache-entries", dns_cache_entries(queries->cache));
	status_line(lines, "dns-cache-bytes", dns_cache_bytes(queries->cache));
}

void
dns_query_stop(struct dns_queries *queries)
{
	for (unsigned i = 0; i < DNS_QUESTIONS_MAX; i++)
		dns_question_stop(&queries->questions[i]);
	HASH_CLEAR(hh, queries->in_flight);
	dns_cache_free(queries->cache);
	dns_sockets_free(queries->resolving.sockets);
	dns_streams_free(queries->resolving.streams);
	free(queries);
}
