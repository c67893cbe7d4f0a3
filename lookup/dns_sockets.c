/* The pool of lent UDP sockets.
 *
 * On failure: see lookup/dns_sockets.h.
 */
#include "lookup/dns_sockets.h"

#include <stdlib.h>
#include <unistd.h>

enum { RETRY_MS = 200 };

struct dns_sockets {
	struct event_base *base;
	const struct dns_sockets_events *events;
	void *context;
	struct peer_address resolvers[RESOLVERS_MAX];
	unsigned resolver_count;
	uint32_t last_serial;
	struct event retry;
	struct dns_socket sockets[DNS_SOCKETS_MAX];
};

static void fill(struct dns_sockets *pool);

static void
on_retry(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	fill(argument);
}

struct dns_sockets *
dns_sockets_new(struct event_base *base, const struct dns_sockets_events *events, void *context)
{
	struct dns_sockets *pool = calloc(1, sizeof *pool);

	if (!pool)
		return NULL;
	pool->base = base;
	pool->events = events;
	pool->context = context;
	for (unsigned i = 0; i < DNS_SOCKETS_MAX; i++) {
		pool->sockets[i].events = &events->socket;
		pool->sockets[i].context = context;
		pool->sockets[i].fd = -1;
	}
	if (event_assign(&pool->retry, base, -1, 0, on_retry, pool) != 0) {
		free(pool);
		return NULL;
	}
	return pool;
}

static void
retry_later(struct dns_sockets *pool)
{
	static const struct timeval delay = { 0, RETRY_MS * 1000 };

	if (!event_pending(&pool->retry, EV_TIMEOUT, NULL))
		(void)event_add(&pool->retry, &delay);
}

static unsigned
wanted_each(const struct dns_sockets *pool)
{
	unsigned share = (DNS_SOCKETS_LEAST + pool->resolver_count - 1) / pool->resolver_count;

	return share > DNS_SOCKETS_A_RESOLVER ? share : DNS_SOCKETS_A_RESOLVER;
}

static struct dns_socket *
find_free(struct dns_sockets *pool)
{
	for (unsigned i = 0; i < DNS_SOCKETS_MAX; i++)
		if (pool->sockets[i].state == DNS_SOCKET_FREE)
			return &pool->sockets[i];
	return NULL;
}

static bool
ask_one(struct dns_sockets *pool, unsigned resolver)
{
	struct dns_socket *socket = find_free(pool);

	if (!socket)
		return false;
	/* The top bit is for streams (lookup/dns_streams.h). */
	pool->last_serial = (pool->last_serial + 1) & INT32_MAX;
	if (!pool->events->ask(pool->context, pool->last_serial, resolver))
		return false;
	socket->state = DNS_SOCKET_ASKED;
	socket->serial = pool->last_serial;
	socket->resolver = resolver;
	return true;
}

static unsigned
count_fresh(const struct dns_sockets *pool, unsigned resolver)
{
	unsigned fresh = 0;

	for (unsigned i = 0; i < DNS_SOCKETS_MAX; i++) {
		const struct dns_socket *socket = &pool->sockets[i];

		if (socket->resolver == resolver)
			fresh += socket->state == DNS_SOCKET_ASKED || socket->state == DNS_SOCKET_OPEN;
	}
	return fresh;
}

/* Asks for as many as are missing. */
static void
fill(struct dns_sockets *pool)
{
	for (unsigned resolver = 0; resolver < pool->resolver_count; resolver++) {
		for (unsigned fresh = count_fresh(pool, resolver); fresh < wanted_each(pool); fresh++) {
			if (ask_one(pool, resolver))
				continue;
			retry_later(pool);
			return;
		}
	}
}

/* Gives a socket its resolver's new number, or lets it go. */
static void
renumber(struct dns_sockets *pool, struct dns_socket *socket)
{
	if (socket->state == DNS_SOCKET_ASKED)
		socket->state = DNS_SOCKET_FREE;
	if (socket->state != DNS_SOCKET_OPEN && socket->state != DNS_SOCKET_LEAVING)
		return;
	for (unsigned i = 0; i < pool->resolver_count; i++) {
		if (peer_equal(&pool->resolvers[i], &socket->address)) {
			socket->resolver = i;
			return;
		}
	}
	dns_socket_finish(socket);
}

void
dns_sockets_configure(struct dns_sockets *pool, const struct peer_address *resolvers, unsigned count)
{
	pool->resolver_count = count < RESOLVERS_MAX ? count : RESOLVERS_MAX;
	for (unsigned i = 0; i < pool->resolver_count; i++)
		pool->resolvers[i] = resolvers[i];
	for (unsigned i = 0; i < DNS_SOCKETS_MAX; i++)
		renumber(pool, &pool->sockets[i]);
	fill(pool);
}

void
dns_sockets_caller_ready(struct dns_sockets *pool)
{
	for (unsigned i = 0; i < DNS_SOCKETS_MAX; i++)
		if (pool->sockets[i].state == DNS_SOCKET_ASKED)
			pool->sockets[i].state = DNS_SOCKET_FREE;
	fill(pool);
}

static struct dns_socket *
find_asked(struct dns_sockets *pool, uint32_t serial)
{
	for (unsigned i = 0; i < DNS_SOCKETS_MAX; i++)
		if (pool->sockets[i].state == DNS_SOCKET_ASKED && pool->sockets[i].serial == serial)
			return &pool->sockets[i];
	return NULL;
}

static bool
is_candidate(const struct dns_socket *socket, enum dns_socket_state state, unsigned resolver)
{
	return socket->state == state && socket->resolver == resolver;
}

static struct dns_socket *
pick_in_state(struct dns_sockets *pool, enum dns_socket_state state, unsigned resolver, unsigned random)
{
	unsigned candidates = 0;

	for (unsigned i = 0; i < DNS_SOCKETS_MAX; i++)
		candidates += is_candidate(&pool->sockets[i], state, resolver);
	unsigned skip = candidates ? random % candidates : 0;
	for (unsigned i = 0; i < DNS_SOCKETS_MAX; i++)
		if (is_candidate(&pool->sockets[i], state, resolver) && skip-- == 0)
			return &pool->sockets[i];
	return NULL;
}

bool
dns_sockets_lent(struct dns_sockets *pool, uint32_t serial, const struct peer_address *address, int fd)
{
	struct dns_socket *socket = find_asked(pool, serial);

	if (!socket)
		return false;
	socket->state = DNS_SOCKET_FREE;
	/* tidegate-caller may still have (or already have) another list than we do. */
	if (!peer_equal(address, &pool->resolvers[socket->resolver])) {
		(void)close(fd);
		retry_later(pool);
		return true;
	}
	if (!dns_socket_open(socket, pool->base, fd, address)) {
		retry_later(pool);
		return true;
	}
	struct dns_socket *worn = pick_in_state(pool, DNS_SOCKET_LEAVING, socket->resolver, 0);
	if (worn)
		dns_socket_finish(worn);
	pool->events->on_ready(pool->context, socket->resolver);
	return true;
}

bool
dns_sockets_refused(struct dns_sockets *pool, uint32_t serial)
{
	struct dns_socket *socket = find_asked(pool, serial);

	if (!socket)
		return false;
	socket->state = DNS_SOCKET_FREE;
	retry_later(pool);
	return true;
}

struct dns_socket *
dns_sockets_pick(struct dns_sockets *pool, unsigned resolver, unsigned random)
{
	struct dns_socket *socket = pick_in_state(pool, DNS_SOCKET_OPEN, resolver, random);

	if (!socket)
		return pick_in_state(pool, DNS_SOCKET_LEAVING, resolver, random);
	if (dns_socket_is_worn(socket)) {
		socket->state = DNS_SOCKET_LEAVING;
		fill(pool);
	}
	return socket;
}

unsigned
dns_sockets_open(const struct dns_sockets *pool)
{
	unsigned open = 0;

	for (unsigned i = 0; i < DNS_SOCKETS_MAX; i++)
		open += pool->sockets[i].state == DNS_SOCKET_OPEN || pool->sockets[i].state == DNS_SOCKET_LEAVING;
	return open;
}

uint64_t
dns_sockets_unmatched(const struct dns_sockets *pool)
{
	uint64_t unmatched = 0;

	for (unsigned i = 0; i < DNS_SOCKETS_MAX; i++)
		unmatched += pool->sockets[i].unmatched;
	return unmatched;
}

void
dns_sockets_free(struct dns_sockets *pool)
{
	if (!pool)
		return;
	for (unsigned i = 0; i < DNS_SOCKETS_MAX; i++)
		if (pool->sockets[i].fd >= 0)
			dns_socket_close(&pool->sockets[i]);
	(void)event_del(&pool->retry);
	free(pool);
}
