/* Requests in flight: their replays, what they wait for, and their time.
 *
 * On failure: see lookup/dns_request.h.
 */
#include "lookup/dns_request.h"

#include <stdlib.h>
#include <sys/queue.h>

#include <event2/event_struct.h>

#include "lookup/dns_work.h"
#include "lookup/replay.h"

/* One answer that a request waits for. */
struct waiting {
	struct dns_waiter waiter; /* first: a waiter is a waiting */
	struct request *request;
	LIST_ENTRY(waiting) entry; /* of the request, or of the idle ones */
};

LIST_HEAD(waiting_list, waiting);

struct request {
	TAILQ_ENTRY(request) entry;
	struct dns_requests *requests;
	void *asker;
	struct dns_work work;
	struct replay *replay;
	struct waiting_list waiting;
	struct event deadline;
};

TAILQ_HEAD(request_list, request);

struct dns_requests {
	struct dns_queries *queries;
	dns_request_say *say;
	struct buf hostname;
	void (*on_idle)(void *context);
	void *idle_context;
	struct request_list idle;
	struct request_list in_flight;
	size_t in_flight_count;
	struct waiting_list idle_waiting;
	uint64_t begun;
	uint64_t late;    /* their time was up */
	uint64_t refused; /* too many, or no memory */
	struct request items[DNS_REQUESTS_MAX];
	struct waiting waiting[DNS_REQUEST_WAITERS];
};

static void on_deadline(evutil_socket_t fd, short what, void *argument);
static void on_answer(struct dns_waiter *waiter, enum dns_type type, struct span name, const struct dns_answer *answer);

struct dns_requests *
dns_requests_new(struct event_base *base, struct dns_queries *queries, dns_request_say *say)
{
	struct dns_requests *requests = calloc(1, sizeof *requests);

	if (!requests)
		return NULL;
	requests->queries = queries;
	requests->say = say;
	requests->hostname = BUF_LIMIT(IPC_DOMAIN_BYTES);
	TAILQ_INIT(&requests->idle);
	TAILQ_INIT(&requests->in_flight);
	LIST_INIT(&requests->idle_waiting);
	for (size_t i = 0; i < DNS_REQUESTS_MAX; i++) {
		requests->items[i].requests = requests;
		(void)event_assign(&requests->items[i].deadline, base, -1, 0, on_deadline, &requests->items[i]);
		TAILQ_INSERT_TAIL(&requests->idle, &requests->items[i], entry);
	}
	for (size_t i = 0; i < DNS_REQUEST_WAITERS; i++) {
		requests->waiting[i].waiter.on_answer = on_answer;
		LIST_INSERT_HEAD(&requests->idle_waiting, &requests->waiting[i], entry);
	}
	return requests;
}

void
dns_requests_hostname(struct dns_requests *requests, struct span hostname)
{
	buf_reset(&requests->hostname);
	buf_append(&requests->hostname, span_take(hostname, IPC_DOMAIN_BYTES));
}

static void
release_waiting(struct waiting *waiting)
{
	dns_query_cancel(&waiting->waiter);
	LIST_REMOVE(waiting, entry);
	LIST_INSERT_HEAD(&waiting->request->requests->idle_waiting, waiting, entry);
}

static void
end(struct request *request)
{
	struct dns_requests *requests = request->requests;

	(void)event_del(&request->deadline);
	while (!LIST_EMPTY(&request->waiting))
		release_waiting(LIST_FIRST(&request->waiting));
	dns_work_end(&request->work);
	replay_free(request->replay);
	request->replay = NULL;
	TAILQ_REMOVE(&requests->in_flight, request, entry);
	TAILQ_INSERT_TAIL(&requests->idle, request, entry);
	requests->in_flight_count--;
	if (requests->in_flight_count == 0 && requests->on_idle)
		requests->on_idle(requests->idle_context);
}

/* Says the result, and ends. */
static void
conclude(struct request *request)
{
	struct ipc_message say;

	dns_work_answer(&request->work, &say);
	request->requests->say(request->asker, &say);
	end(request);
}

static void
give_up(struct request *request, const char *problem, bool is_our_fault)
{
	dns_work_give_up(&request->work, problem, is_our_fault);
	conclude(request);
}

static void
on_deadline(evutil_socket_t fd, short what, void *argument)
{
	struct request *request = argument;
	bool is_waiting = !LIST_EMPTY(&request->waiting);
	bool has_heard = dns_query_heard_us(request->requests->queries) > request->work.started_us;

	(void)fd;
	(void)what;
	request->requests->late++;
	give_up(request, "the answers of DNS did not come in time", is_waiting && !has_heard);
}

static bool
is_waiting_for(const struct request *request, enum dns_type type, struct span name)
{
	const struct waiting *waiting;
	struct dns_key key;

	if (!dns_key_make(&key, type, name))
		return false;
	LIST_FOREACH(waiting, &request->waiting, entry)
	if (dns_key_equal(dns_query_key(&waiting->waiter), &key))
		return true;
	return false;
}

enum asked {
	ASKED_AND_WAITING,
	ASKED_AND_ANSWERED,
	ASKED_TOO_MUCH, /* by this request */
	ASKED_IN_VAIN   /* others have used up what there is */
};

static enum asked
ask(struct request *request, enum dns_type type, struct span name)
{
	struct dns_requests *requests = request->requests;
	struct waiting *waiting = LIST_FIRST(&requests->idle_waiting);

	if (replay_questions(request->replay) > DNS_REQUEST_QUESTIONS)
		return ASKED_TOO_MUCH;
	if (!waiting)
		return ASKED_IN_VAIN;
	const struct dns_answer *answer = dns_query_ask(requests->queries, type, name, &waiting->waiter);
	if (answer)
		return replay_pin(request->replay, type, name, answer) ? ASKED_AND_ANSWERED : ASKED_IN_VAIN;
	LIST_REMOVE(waiting, entry);
	waiting->request = request;
	LIST_INSERT_HEAD(&request->waiting, waiting, entry);
	return ASKED_AND_WAITING;
}

/* Asks all that the last run lacked and that is not under way. */
static enum asked
ask_wanted(struct request *request)
{
	enum asked result = ASKED_AND_WAITING;
	size_t skipped = 0;

	/* What is answered at once is wanted no longer, and the list is shorter by one. */
	while (skipped < replay_wanted_count(request->replay)) {
		enum asked asked = ASKED_AND_WAITING;
		enum dns_type type;
		struct span name;

		replay_wanted(request->replay, skipped, &type, &name);
		if (!is_waiting_for(request, type, name))
			asked = ask(request, type, name);
		if (asked == ASKED_IN_VAIN || asked == ASKED_TOO_MUCH)
			return asked;
		if (asked == ASKED_AND_ANSWERED)
			result = asked;
		else
			skipped++;
	}
	return result;
}

/* Runs the checks as far as the answers reach. */
static void
advance(struct request *request)
{
	enum asked asked = ASKED_AND_ANSWERED;

	while (asked == ASKED_AND_ANSWERED) {
		replay_clear_wanted(request->replay);
		if (dns_work_run(&request->work, request->replay)) {
			conclude(request);
			return;
		}
		asked = ask_wanted(request);
	}
	/* A check that waits for nothing would wait for ever. */
	if (asked == ASKED_IN_VAIN)
		give_up(request, "too many checks at the same time", true);
	else if (asked == ASKED_TOO_MUCH || LIST_EMPTY(&request->waiting))
		give_up(request, "too many questions to DNS", false);
}

static void
on_answer(struct dns_waiter *waiter, enum dns_type type, struct span name, const struct dns_answer *answer)
{
	struct waiting *waiting = (struct waiting *)waiter;
	struct request *request = waiting->request;

	release_waiting(waiting);
	if (replay_pin(request->replay, type, name, answer))
		advance(request);
	else
		give_up(request, "no memory for an answer of DNS", true);
}

/* Answers one that cannot be worked on. */
static void
refuse(struct dns_requests *requests, void *asker, const struct ipc_message *ask)
{
	struct dns_work work;
	struct ipc_message say;

	requests->refused++;
	(void)dns_work_begin(&work, ask, SPAN(""));
	dns_work_give_up(&work, "too many checks at the same time", true);
	dns_work_answer(&work, &say);
	requests->say(asker, &say);
	dns_work_end(&work);
}

static void
set_deadline(struct request *request, uint32_t deadline_ms)
{
	uint32_t ms = deadline_ms < DNS_REQUEST_LONGEST_MS ? deadline_ms : DNS_REQUEST_LONGEST_MS;
	struct timeval delay = { ms / 1000, (suseconds_t)(ms % 1000) * 1000 };

	(void)event_add(&request->deadline, &delay);
}

/* A session that has begun another transaction wants to know nothing of the last one: one client with MAIL and RSET in
 * turn would otherwise have all the places. */
static void
end_older(struct dns_requests *requests, const void *asker, uint32_t session)
{
	struct request *request;

	TAILQ_FOREACH(request, &requests->in_flight, entry)
	{
		if (request->asker != asker || request->work.type != IPC_SPF_ASK || request->work.session != session)
			continue;
		give_up(request, "the session has begun another transaction", false);
		return;
	}
}

bool
dns_request_begin(struct dns_requests *requests, void *asker, const struct ipc_message *ask)
{
	if (ask->type != IPC_SPF_ASK && ask->type != IPC_NAME_ASK)
		return false;
	if (ask->type == IPC_SPF_ASK)
		end_older(requests, asker, ask->spf_ask.session);
	struct request *request = TAILQ_FIRST(&requests->idle);
	if (!request) {
		refuse(requests, asker, ask);
		return true;
	}
	TAILQ_REMOVE(&requests->idle, request, entry);
	TAILQ_INSERT_TAIL(&requests->in_flight, request, entry);
	requests->in_flight_count++;
	requests->begun++;
	request->asker = asker;
	LIST_INIT(&request->waiting);
	request->replay = replay_new();
	if (!dns_work_begin(&request->work, ask, buf_span(&requests->hostname)) || !request->replay) {
		give_up(request, "no memory for a check", true);
		return true;
	}
	set_deadline(request, ask->type == IPC_SPF_ASK ? ask->spf_ask.deadline_ms : ask->name_ask.deadline_ms);
	advance(request);
	return true;
}

void
dns_requests_forget(struct dns_requests *requests, const void *asker)
{
	struct request *request = TAILQ_FIRST(&requests->in_flight);

	while (request) {
		struct request *next = TAILQ_NEXT(request, entry);

		if (request->asker == asker)
			end(request);
		request = next;
	}
}

size_t
dns_requests_in_flight(const struct dns_requests *requests)
{
	return requests->in_flight_count;
}

void
dns_requests_on_idle(struct dns_requests *requests, void (*on_idle)(void *context), void *context)
{
	requests->on_idle = on_idle;
	requests->idle_context = context;
}

void
dns_requests_status(const struct dns_requests *requests, struct buf *lines)
{
	buf_printf(lines, "dns-requests %llu\n", (unsigned long long)requests->begun);
	buf_printf(lines, "dns-requests-in-flight %zu\n", requests->in_flight_count);
	buf_printf(lines, "dns-requests-late %llu\n", (unsigned long long)requests->late);
	buf_printf(lines, "dns-requests-refused %llu\n", (unsigned long long)requests->refused);
}

void
dns_requests_free(struct dns_requests *requests)
{
	if (!requests)
		return;
	requests->on_idle = NULL;
	while (!TAILQ_EMPTY(&requests->in_flight))
		end(TAILQ_FIRST(&requests->in_flight));
	buf_free(&requests->hostname);
	free(requests);
}
