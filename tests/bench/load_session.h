/* One client connection of the load generator: connect, EHLO, transactions, QUIT, driven by epoll events.
 *
 * Trust: the server is ours, on loopback.
 * On failure: a dropped connection is counted; what the generator itself cannot do ends it by load_die().
 */
#ifndef TIDEGATE_TESTS_BENCH_LOAD_SESSION_H
#define TIDEGATE_TESTS_BENCH_LOAD_SESSION_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct load_options {
	struct sockaddr_in server;
	int sessions;      /* connections at once */
	long messages;     /* transactions in all */
	size_t size_bytes; /* of a message */
	int messages_each; /* a connection; 0: no limit */
	int users;         /* so many mailboxes in turn… */
	int first_user;    /* …from u<this>@… on */
	const char *domain;
	bool stops_at_refusal; /* ends each transaction after RCPT, which must be refused */
	bool pipelines_quit;   /* QUIT in the same write as the final dot */
	bool uses_tls;         /* STARTTLS on each connection */
	bool uses_openssl;     /* for it, as a sending server does, instead of load_tls.h */
	bool times_recipients; /* latencies are those of RCPT alone */
	bool holds;            /* EHLO, then nothing */
	int sources;           /* source addresses 127.0.1.1… in turn */
};

struct load_counts {
	long connections;
	long begun;
	long accepted;
	long refused_recipients;
	long temporary;
	long permanent;
	long dropped;
	long held;
	long handshakes;
	double accepted_at; /* time of the last 250 to a final dot */
};

struct load_session;

extern struct load_options load_options;
extern struct load_counts load_counts;

_Noreturn void load_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
double load_now(void);
/* Keeps a latency, from connect (or MAIL, or RCPT) to the final reply, in seconds. */
void load_latency(double seconds);
/* Is there a transaction left to begin? */
bool load_has_work(void);

struct load_session *load_sessions_new(int count);
struct load_session *load_session_at(struct load_session *all, int index);
bool load_session_is_free(const struct load_session *session);
void load_session_open(struct load_session *session, int epoll);
void load_session_event(struct load_session *session, uint32_t events);
int load_sessions_live(void);

#endif
