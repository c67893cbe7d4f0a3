/* tidegate-dns of lookup/dns.h: its edges to the smtpd of its number and to tidegate-caller, and its configuration.
 *
 * On failure: see the header.
 */
#include "lookup/dns.h"

#include <unistd.h>

#include "lib/log.h"
#include "conf/config.h"
#include "lookup/dns_query.h"
#include "lookup/dns_request.h"
#include "lookup/resolvers.h"
#include "lookup/spf_check.h"

enum { SMTPD_QUEUE_BYTES = 1 << 20, CALLER_QUEUE_BYTES = 1 << 16 };

struct dns {
	struct config *config;
	struct resolvers resolvers;
	struct dns_queries *queries;   /* NULL until start */
	struct dns_requests *requests; /* likewise */
	struct edge *smtpds[PLAN_CORES_MAX];
	struct edge *caller;
};

static bool
ask_socket(void *context, uint32_t serial, unsigned resolver, bool is_stream)
{
	struct dns *dns = context;
	struct ipc_message message = { .type = IPC_SOCKET_ASK, .descriptor = -1 };

	message.socket_ask.serial = serial;
	message.socket_ask.resolver = (uint8_t)resolver;
	message.socket_ask.stream = is_stream;
	return dns->caller && edge_send(dns->caller, &message);
}

/* An answer that finds no room is lost with its edge: an smtpd that does not read is stuck, and asks no more. */
static void
say(void *asker, const struct ipc_message *message)
{
	if (!edge_send(asker, message))
		log_warning("%s could not be told to smtpd.%u", ipc_name(message->type), edge_peer_instance(asker));
}

static bool
on_smtpd(void *context, struct edge *edge, const struct ipc_message *message)
{
	struct dns *dns = context;

	return dns_request_begin(dns->requests, edge, message);
}

static void
on_smtpd_gone(void *context, struct edge *edge)
{
	struct dns *dns = context;

	dns_requests_forget(dns->requests, edge);
}

static bool
on_caller(void *context, struct edge *edge, const struct ipc_message *message)
{
	struct dns *dns = context;

	(void)edge;
	if (message->type == IPC_SOCKET_SAY && message->descriptor < 0)
		dns_query_not_lent(dns->queries, message->socket_say.serial);
	else if (message->type == IPC_SOCKET_SAY)
		dns_query_lent(
		    dns->queries, message->socket_say.serial, &message->socket_say.address, message->descriptor);
	else if (message->type == IPC_SOCKET_FAILED)
		dns_query_not_lent(dns->queries, message->socket_failed.serial);
	else
		return false;
	return true;
}

static void
on_caller_gone(void *context, struct edge *edge)
{
	struct dns *dns = context;

	(void)edge;
	dns_query_caller_gone(dns->queries);
}

static bool
attach_smtpd(struct dns *dns, struct child *child, unsigned instance, int fd)
{
	static const struct edge_events events = { .on_message = on_smtpd, .on_gone = on_smtpd_gone };
	struct edge **edge = &dns->smtpds[instance];

	if (!*edge)
		*edge = edge_new(child->base, ROLE_DNS, ROLE_SMTPD, instance, SMTPD_QUEUE_BYTES, &events, dns);
	if (!*edge || !edge_gather(*edge))
		return false;
	/* A fresh smtpd knows nothing of what the last one asked. */
	dns_requests_forget(dns->requests, *edge);
	return edge_attach(*edge, fd);
}

static bool
attach_caller(struct dns *dns, struct child *child, int fd)
{
	static const struct edge_events events = { .on_message = on_caller, .on_gone = on_caller_gone };

	if (!dns->caller)
		dns->caller = edge_new(child->base, ROLE_DNS, ROLE_CALLER, 0, CALLER_QUEUE_BYTES, &events, dns);
	if (!dns->caller)
		return false;
	dns_query_caller_gone(dns->queries);
	if (!edge_attach(dns->caller, fd))
		return false;
	dns_query_caller_ready(dns->queries);
	return true;
}

static bool
dns_on_edge(struct child *child, enum role peer, unsigned peer_instance, int fd)
{
	struct dns *dns = child->state;

	if (peer == ROLE_SMTPD && peer_instance < PLAN_CORES_MAX)
		return attach_smtpd(dns, child, peer_instance, fd);
	return peer == ROLE_CALLER && attach_caller(dns, child, fd);
}

static void
warn_of_far_resolvers(const struct resolvers *resolvers)
{
	for (unsigned i = 0; i < resolvers->count; i++) {
		char text[PEER_TEXT_SIZE];

		if (peer_is_loopback(&resolvers->addresses[i]))
			continue;
		peer_format(&resolvers->addresses[i], text);
		log_warning(
		    "resolver %s is not on loopback: who can write into that network can forge its answers; run "
		    "a resolver on this host",
		    text);
	}
}

static bool
same_resolvers(const struct resolvers *a, const struct resolvers *b)
{
	if (a->count != b->count)
		return false;
	for (unsigned i = 0; i < a->count; i++)
		if (!peer_equal(&a->addresses[i], &b->addresses[i]))
			return false;
	return true;
}

static void
apply(struct dns *dns)
{
	dns_query_resolvers(dns->queries, dns->resolvers.addresses, dns->resolvers.count);
	dns_requests_hostname(dns->requests, span_of(dns->config->hostname));
}

static bool
dns_configure(struct child *child, struct span bytes)
{
	static struct dns dns;
	struct resolvers before = dns.resolvers;
	struct config *config = config_decode(bytes);

	if (!config)
		return false;
	config_free(dns.config);
	dns.config = config;
	child->state = &dns;
	resolvers_parse(&config->resolvers, &dns.resolvers);
	/* One process says it for all of them. */
	if (child->instance == 0 && !same_resolvers(&before, &dns.resolvers))
		warn_of_far_resolvers(&dns.resolvers);
	if (dns.queries)
		apply(&dns);
	return true;
}

/* Before the walls: what libspf2 reads and allocates once. */
static bool
dns_prepare(struct child *child)
{
	(void)child;
	return spf_check_load();
}

static bool
dns_start(struct child *child)
{
	struct dns *dns = child->state;

	dns->queries = dns_query_start(child->base, ask_socket, dns);
	if (!dns->queries)
		return false;
	dns->requests = dns_requests_new(child->base, dns->queries, say);
	if (!dns->requests)
		return false;
	apply(dns);
	return true;
}

static void
dns_on_idle(void *context)
{
	child_drained(context);
}

/* Sessions that are draining still wait for their checks. */
static void
dns_on_drain(struct child *child)
{
	struct dns *dns = child->state;

	if (dns_requests_in_flight(dns->requests) == 0)
		child_drained(child);
	else
		dns_requests_on_idle(dns->requests, dns_on_idle, child);
}

static void
dns_on_status(struct child *child, struct buf *lines)
{
	const struct dns *dns = child->state;

	dns_requests_status(dns->requests, lines);
	dns_query_status(dns->queries, lines);
}

const struct child_program dns_program = { .role = ROLE_DNS,
	.configure = dns_configure,
	.prepare = dns_prepare,
	.start = dns_start,
	.on_edge = dns_on_edge,
	.on_drain = dns_on_drain,
	.on_status = dns_on_status };
