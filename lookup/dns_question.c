/* The tries of one question.
 *
 * On failure: see lookup/dns_question.h.
 */
#include "lookup/dns_question.h"

#include <stddef.h>
#include <sys/random.h>

#include "lib/bug.h"
#include "lib/clock.h"
#include "lib/log.h"

/* Patience for each try: short at first, since a datagram may be lost; 7.5 s in all, within a check's 10 s. */
static const unsigned try_ms[DNS_QUESTION_TRIES] = { 800, 1200, 2000, 3500 };

static const struct dns_answer trouble = { .status = DNS_TROUBLE };
static const struct dns_answer resolver_down = { .status = DNS_RESOLVER_DOWN };

static void
leave_stalled(struct dns_question *question)
{
	if (question->is_stalled)
		TAILQ_REMOVE(&question->resolving->stalled, question, entry);
	question->is_stalled = false;
}

void
dns_question_stop(struct dns_question *question)
{
	(void)event_del(&question->timer);
	for (unsigned i = 0; i < DNS_QUESTION_TRIES; i++)
		dns_socket_leave(&question->tries[i].use);
	dns_stream_end(question->stream);
	question->stream = NULL;
	question->try_count = 0;
	leave_stalled(question);
}

static void
settle(struct dns_question *question, const struct dns_answer *answer, uint32_t ttl_seconds)
{
	dns_question_stop(question);
	question->resolving->events->on_settled(question, answer, ttl_seconds);
}

/* Nobody answered: is it the name's fault, or does no resolver answer anything? */
static void
give_up(struct dns_question *question)
{
	struct dns_resolving *resolving = question->resolving;

	if (question->has_failed || resolving->heard_us > question->started_us) {
		resolving->counters.unsettled++;
		settle(question, &trouble, 0);
		return;
	}
	resolving->counters.down++;
	if (!resolving->is_down)
		log_warning("no resolver answers, of %u; see whether those of `resolvers` in the configuration run",
		    resolving->resolver_count);
	resolving->is_down = true;
	settle(question, &resolver_down, 0);
}

static void
hear(struct dns_resolving *resolving, unsigned resolver)
{
	resolving->counters.answers++;
	resolving->heard_us = clock_monotonic_us();
	resolving->failures[resolver] = 0;
	if (resolving->is_down)
		log_info("a resolver answers again");
	resolving->is_down = false;
}

static unsigned
count_tries(const struct dns_question *question, unsigned resolver)
{
	unsigned count = 0;

	for (unsigned i = 0; i < question->try_count; i++)
		count += question->tries[i].resolver == resolver;
	return count;
}

/* The one this question has tried least; among those the one that was silent least. */
static unsigned
choose_resolver(const struct dns_question *question)
{
	const struct dns_resolving *resolving = question->resolving;
	unsigned best = 0;
	unsigned best_tries = UINT32_MAX;

	for (unsigned i = 0; i < resolving->resolver_count; i++) {
		unsigned tries = count_tries(question, i);

		if (tries < best_tries || (tries == best_tries && resolving->failures[i] < resolving->failures[best])) {
			best = i;
			best_tries = tries;
		}
	}
	return best;
}

static void
wait_ms(struct dns_question *question, unsigned ms)
{
	struct timeval delay = { ms / 1000, (suseconds_t)(ms % 1000) * 1000 };

	(void)event_add(&question->timer, &delay);
}

struct dice {
	uint16_t id;
	uint16_t socket;
	unsigned char case_bits[DNS_CASE_BYTES];
};

static void
roll(struct dice *dice)
{
	/* So few octets come at once or never (getrandom(2)). */
	if (getrandom(dice, sizeof *dice, 0) != (ssize_t)sizeof *dice)
		BUG("no random numbers");
}

/* Sends one try, or waits for a socket. False: the name cannot be asked. */
static bool
send_try(struct dns_question *question)
{
	struct dns_resolving *resolving = question->resolving;
	struct dns_try *try = &question->tries[question->try_count];
	unsigned patience_ms = try_ms[question->try_count];
	/* The last try leaves EDNS out: something on the way may not let it through. */
	bool with_edns = !question->is_plain && question->try_count + 1 < DNS_QUESTION_TRIES;
	struct dice dice;

	roll(&dice);
	try->resolver = choose_resolver(question);
	struct dns_socket *socket = dns_sockets_pick(resolving->sockets, try->resolver, dice.socket);
	while (socket && dns_socket_has_id(socket, dice.id))
		dice.id++;
	if (!dns_message_query(&try->packet, (enum dns_type)question->on_wire.type, dns_key_name(&question->on_wire),
		dice.id, with_edns, dice.case_bits))
		return false;
	question->try_count++;
	if (!socket) {
		question->is_stalled = true;
		TAILQ_INSERT_TAIL(&resolving->stalled, question, entry);
	} else if (dns_socket_ask(
		       socket, &try->use, dice.id, span_make((char *)try->packet.bytes, try->packet.length))) {
		resolving->counters.sent++;
	} else {
		patience_ms = DNS_QUESTION_REFUSED_MS;
	}
	wait_ms(question, patience_ms);
	return true;
}

static void
next_try(struct dns_question *question)
{
	leave_stalled(question);
	if (question->try_count == DNS_QUESTION_TRIES)
		give_up(question);
	else if (!send_try(question))
		settle(question, &trouble, 0);
}

bool
dns_question_begin(struct dns_question *question, const struct dns_key *key)
{
	question->key = *key;
	question->on_wire = *key;
	question->hops = 0;
	question->ttl_seconds = UINT32_MAX;
	question->started_us = clock_monotonic_us();
	question->is_probe = false;
	question->has_failed = false;
	question->is_plain = false;
	return send_try(question);
}

void
dns_question_resume(struct dns_resolving *resolving, unsigned resolver)
{
	struct dns_question *question = TAILQ_FIRST(&resolving->stalled);

	while (question) {
		struct dns_question *next = TAILQ_NEXT(question, entry);

		if (question->tries[question->try_count - 1].resolver == resolver) {
			leave_stalled(question);
			question->try_count--;
			next_try(question);
		}
		question = next;
	}
}

static void
on_timer(evutil_socket_t fd, short what, void *argument)
{
	struct dns_question *question = argument;
	struct dns_resolving *resolving = question->resolving;

	(void)fd;
	(void)what;
	resolving->counters.timeouts++;
	resolving->failures[question->tries[question->try_count - 1].resolver]++;
	dns_stream_end(question->stream);
	question->stream = NULL;
	if (!question->is_probe && resolving->heard_us <= question->started_us)
		resolving->events->on_silence(resolving);
	next_try(question);
}

void
dns_question_prepare(struct dns_question *question, struct dns_resolving *resolving)
{
	question->resolving = resolving;
	TAILQ_INIT(&question->waiters);
	for (unsigned i = 0; i < DNS_QUESTION_TRIES; i++)
		question->tries[i].question = question;
	(void)event_assign(&question->timer, resolving->base, -1, 0, on_timer, question);
}

/* A resolver cannot answer this: another one may, or an earlier try still may; otherwise that is the result. */
static void
on_failure(struct dns_question *question)
{
	const struct dns_resolving *resolving = question->resolving;
	bool is_waiting = false;

	question->has_failed = true;
	for (unsigned i = 0; i < question->try_count; i++)
		is_waiting = is_waiting || question->tries[i].use.socket;
	if (question->try_count < DNS_QUESTION_TRIES && count_tries(question, choose_resolver(question)) == 0)
		next_try(question);
	else if (!is_waiting || resolving->resolver_count <= 1)
		give_up(question);
}

/* CNAMEs led out of the message: the same question goes on with another name, if anybody still wants to know. */
static void
follow(struct dns_question *question, const struct dns_reply *reply)
{
	struct dns_key next;

	question->hops++;
	dns_question_stop(question);
	if (question->hops > DNS_QUESTION_HOPS || TAILQ_EMPTY(&question->waiters) ||
	    !dns_key_make(&next, (enum dns_type)question->key.type, reply->next_name)) {
		settle(question, &trouble, 0);
		return;
	}
	question->on_wire = next;
	if (reply->ttl_seconds < question->ttl_seconds)
		question->ttl_seconds = reply->ttl_seconds;
	next_try(question);
}

static void
ask_by_stream(struct dns_question *question, struct dns_try *try)
{
	struct dns_resolving *resolving = question->resolving;

	if (question->stream)
		return;
	resolving->counters.streams++;
	question->stream_try = try;
	/* After a reload the number may mean a resolver that is not there any more. */
	if (try->resolver < resolving->resolver_count)
		question->stream =
		    dns_stream_begin(resolving->streams, try->resolver, &resolving->resolvers[try->resolver],
			span_make((char *)try->packet.bytes, try->packet.length), question);
	wait_ms(question, question->stream ? DNS_QUESTION_STREAM_MS : DNS_QUESTION_REFUSED_MS);
}

/* A message that fits a try. */
static void
take_message(struct dns_question *question, struct dns_try *try, struct span message, bool is_stream)
{
	struct arena arena = ARENA_LIMIT(DNS_PARSE_BYTES);
	struct dns_reply reply;

	hear(question->resolving, try->resolver);
	dns_message_parse(&try->packet, (enum dns_type)question->on_wire.type, dns_key_name(&question->on_wire),
	    message, &arena, &reply);
	dns_socket_leave(&try->use);
	if (reply.kind == DNS_REPLY_TRUNCATED && is_stream)
		reply.kind = DNS_REPLY_FAILED;
	switch (reply.kind) {
	case DNS_REPLY_ANSWER:
		if (question->ttl_seconds < reply.ttl_seconds)
			reply.ttl_seconds = question->ttl_seconds;
		settle(question, &reply.answer, reply.ttl_seconds);
		break;
	case DNS_REPLY_CHAIN:
		follow(question, &reply);
		break;
	case DNS_REPLY_TRUNCATED:
		ask_by_stream(question, try);
		break;
	case DNS_REPLY_NO_EDNS:
		question->is_plain = true;
		next_try(question);
		break;
	case DNS_REPLY_FAILED:
		question->resolving->counters.failures++;
		on_failure(question);
		break;
	}
	arena_reset(&arena);
}

bool
dns_question_on_datagram(void *context, struct dns_socket_use *use, struct span message)
{
	struct dns_try *try = (struct dns_try *)((char *)use - offsetof(struct dns_try, use));

	(void)context;
	if (!dns_message_matches(&try->packet, message))
		return false;
	take_message(try->question, try, message, false);
	return true;
}

void
dns_question_on_refused(void *context, struct dns_socket_use *use)
{
	struct dns_try *try = (struct dns_try *)((char *)use - offsetof(struct dns_try, use));
	struct dns_resolving *resolving = try->question->resolving;

	(void)context;
	resolving->counters.refused++;
	resolving->failures[try->resolver]++;
	/* Only the latest try has the timer; an earlier one is over anyway. */
	if (try == &try->question->tries[try->question->try_count - 1] && !try->question->stream)
		wait_ms(try->question, DNS_QUESTION_REFUSED_MS);
}

void
dns_question_on_stream(void *owner, struct span message)
{
	struct dns_question *question = owner;

	question->stream = NULL;
	if (dns_message_matches(&question->stream_try->packet, message))
		take_message(question, question->stream_try, message, true);
	else
		next_try(question);
}

void
dns_question_on_stream_failed(void *owner)
{
	struct dns_question *question = owner;

	question->stream = NULL;
	next_try(question);
}
