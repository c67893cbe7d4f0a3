/* One lent UDP socket: connected to a resolver by tidegate-caller, used for some questions at a time, by send() and
 * recv() alone.
 *
 * Trust: datagrams are anybody's who can guess the port; what fits no question is counted and dropped.
 * On failure: a question that cannot be sent is false; a resolver that is not there is on_refused.
 */
#ifndef TIDEGATE_LOOKUP_DNS_SOCKET_H
#define TIDEGATE_LOOKUP_DNS_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "lib/peer.h"
#include "lib/span.h"

enum {
	DNS_SOCKET_USES = 200,
	DNS_SOCKET_AGE_MS = 60000,
	DNS_SOCKET_FORGED = 10 /* answers that fit no question: somebody may be guessing at this port */
};

struct dns_socket;

/* One question that waits for an answer on a socket; embedded in what its owner keeps. */
struct dns_socket_use {
	LIST_ENTRY(dns_socket_use) entry;
	struct dns_socket *socket; /* NULL: not in use */
	uint16_t id;
};

struct dns_socket_events {
	/* A datagram with the id of this use came. False: it is no answer to it. */
	bool (*on_datagram)(void *context, struct dns_socket_use *use, struct span message);
	/* The resolver's host says that nobody listens there; the use has been ended. */
	void (*on_refused)(void *context, struct dns_socket_use *use);
};

/* FREE → ASKED (of tidegate-caller) → OPEN → LEAVING (worn: picked only while there is no other, until a fresh one
 * comes) → DONE_WITH (not picked any more) → FREE when its last question has ended. */
enum dns_socket_state { DNS_SOCKET_FREE, DNS_SOCKET_ASKED, DNS_SOCKET_OPEN, DNS_SOCKET_LEAVING, DNS_SOCKET_DONE_WITH };

struct dns_socket {
	const struct dns_socket_events *events;
	void *context;
	enum dns_socket_state state;
	uint32_t serial;   /* of the question to tidegate-caller */
	unsigned resolver; /* index */
	struct peer_address address;
	int fd;
	unsigned uses;
	unsigned forged;    /* since it was opened */
	uint64_t unmatched; /* the same, ever */
	uint64_t born_ms;
	LIST_HEAD(dns_socket_waiting, dns_socket_use) waiting;
	struct event readable;
};

/* Takes a lent descriptor. False: it was closed. */
bool dns_socket_open(struct dns_socket *socket, struct event_base *base, int fd, const struct peer_address *address);
/* Is it time for a fresh one? */
bool dns_socket_is_worn(const struct dns_socket *socket);
/* Not to be picked any more; closed when nobody waits on it. */
void dns_socket_finish(struct dns_socket *socket);
/* Closes it at once. */
void dns_socket_close(struct dns_socket *socket);

/* Does a question with this id wait on it? */
bool dns_socket_has_id(const struct dns_socket *socket, uint16_t id);
/* Sends a question and begins the use. False when the kernel would not take it. */
bool dns_socket_ask(struct dns_socket *socket, struct dns_socket_use *use, uint16_t id, struct span message);
/* Ends a use, if it is one. */
void dns_socket_leave(struct dns_socket_use *use);

#endif
