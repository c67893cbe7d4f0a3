/* Requests in flight: the work that smtpd processes asked for, run again and again as answers come.
 *
 * A check runs, says which answers it lacks, and is run again when one more has come; all that it lacks is asked at
 * the same time. Each request is answered exactly once: with its result, or when its time is up.
 *
 * Trust: an smtpd may be compromised: its questions are bounded in number, time and size.
 * On failure: temperror or trouble, at once. What is our own lack (too many requests at the same time, no memory)
 * counts as a resolver that is down, since a crowd of slow checks must not open the door for others; too many questions
 * of one request are its domain's fault.
 */
#ifndef TIDEGATE_LOOKUP_DNS_REQUEST_H
#define TIDEGATE_LOOKUP_DNS_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include <event2/event.h>

#include "lib/buf.h"
#include "lib/ipc.h"
#include "lib/span.h"
#include "lookup/dns_query.h"

enum {
	DNS_REQUESTS_MAX = 1000,     /* in flight, in each dns */
	DNS_REQUEST_WAITERS = 8000,  /* answers that all of them wait for */
	DNS_REQUEST_QUESTIONS = 400, /* of one request; SPF's own limits end at about half of it */
	DNS_REQUEST_LONGEST_MS = 120000
};

struct dns_requests;

/* Says an answer to the neighbour that asked. */
typedef void dns_request_say(void *asker, const struct ipc_message *say);

/* queries is used, not owned. NULL without memory. */
struct dns_requests *dns_requests_new(struct event_base *base, struct dns_queries *queries, dns_request_say *say);
/* Our own name, for %{r} in explanations; cut at IPC_DOMAIN_BYTES. */
void dns_requests_hostname(struct dns_requests *requests, struct span hostname);
/* Begins on SPF_ASK or NAME_ASK from asker, and may already say the answer. An SPF_ASK of the same session that is
 * still in flight is answered first, with temperror. False: the message is neither. */
bool dns_request_begin(struct dns_requests *requests, void *asker, const struct ipc_message *ask);
/* Drops all requests of an asker that is gone. */
void dns_requests_forget(struct dns_requests *requests, const void *asker);
size_t dns_requests_in_flight(const struct dns_requests *requests);
/* Called each time the last request in flight has ended. */
void dns_requests_on_idle(struct dns_requests *requests, void (*on_idle)(void *context), void *context);
/* Appends "dns-requests… N" lines. */
void dns_requests_status(const struct dns_requests *requests, struct buf *lines);
void dns_requests_free(struct dns_requests *requests);

#endif
