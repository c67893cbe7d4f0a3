/* The pool of lent UDP sockets, spread over the resolvers: one is picked at random for each question, and each is
 * renewed after some use or some time, so that a forger has to guess port, id and case at once.
 *
 * Trust: tidegate-caller lends what was asked for.
 * On failure: a socket that could not be had is asked for again a moment later; until then there are fewer.
 */
#ifndef TIDEGATE_LOOKUP_DNS_SOCKETS_H
#define TIDEGATE_LOOKUP_DNS_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include "lib/peer.h"
#include "lookup/dns_socket.h"
#include "lookup/resolvers.h"

enum {
	DNS_SOCKETS_LEAST = 32,     /* open at a time, over all resolvers */
	DNS_SOCKETS_A_RESOLVER = 8, /* and for each of many */
	DNS_SOCKETS_MAX = 160       /* with those that are leaving */
};

struct dns_sockets;

struct dns_sockets_events {
	struct dns_socket_events socket;
	/* Ask tidegate-caller for a UDP socket. False: it cannot be asked now. */
	bool (*ask)(void *context, uint32_t serial, unsigned resolver);
	/* There is one more socket to this resolver. */
	void (*on_ready)(void *context, unsigned resolver);
};

/* An empty pool without resolvers; NULL without memory. Owned by the caller. */
struct dns_sockets *dns_sockets_new(struct event_base *base, const struct dns_sockets_events *events, void *context);
/* Takes the list of resolvers (also a new one: sockets to those that stay are kept, others finish what is under way),
 * and asks for what is missing. */
void dns_sockets_configure(struct dns_sockets *pool, const struct peer_address *resolvers, unsigned count);
/* tidegate-caller is (newly) there: what it was asked before is lost. */
void dns_sockets_caller_ready(struct dns_sockets *pool);
/* Its answers. lent: takes fd; false when the pool did not ask for this serial, fd is then still the caller's. */
bool dns_sockets_lent(struct dns_sockets *pool, uint32_t serial, const struct peer_address *address, int fd);
bool dns_sockets_refused(struct dns_sockets *pool, uint32_t serial);

/* A socket to this resolver, chosen by the random number; NULL when there is none. */
struct dns_socket *dns_sockets_pick(struct dns_sockets *pool, unsigned resolver, unsigned random);
unsigned dns_sockets_open(const struct dns_sockets *pool);
/* Datagrams that fitted no question: late or forged. */
uint64_t dns_sockets_unmatched(const struct dns_sockets *pool);
void dns_sockets_free(struct dns_sockets *pool);

#endif
