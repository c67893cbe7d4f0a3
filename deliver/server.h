/* The room of deliver: an edge to every smtpd, the map, the mailboxes, and the threads that commit.
 *
 * The main thread takes the messages, answers probes, gives out handles and redeems them; the threads do the commits.
 *
 * Trust: none in smtpd. It names handles, never paths or addresses; what it says out of phase closes its edge.
 * On failure: each ASK still gets its SAY, with a 4xx kind of verdict and a sentence for the log.
 */
#ifndef TIDEGATE_DELIVER_SERVER_H
#define TIDEGATE_DELIVER_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include "conf/config.h"
#include "deliver/boot.h"
#include "deliver/roots.h"
#include "lib/buf.h"

struct server;

struct server_options {
	struct event_base *base;
	const struct roots *roots;
	const struct config *config;
	int journal_folder; /* not owned */
	int wake;           /* an eventfd, nonblocking; not owned */
	uint8_t boot[BOOT_BYTES];
	unsigned long pid;     /* for file names */
	size_t open_mailboxes; /* kept open at most, two descriptors each */
};

/* After the walls: reads the unread-250 journal and starts the threads. NULL: why is in the log. */
struct server *server_new(const struct server_options *options);
/* Finishes the commits that have begun and gives everything back. */
void server_free(struct server *server);

/* A new configuration; it must outlive the next call or server_free. */
void server_configure(struct server *server, const struct config *config);
/* A channel to smtpd number `instance`; what was open to it before is closed. Takes fd. */
bool server_attach(struct server *server, unsigned instance, int fd);
/* Takes fd. A map that is refused leaves the old one in use. */
void server_set_map(struct server *server, int fd);
/* Calls done once all commits that have come are finished and answered and every smtpd has closed its channel; for that
 * it waits a second at most, since smtpd is drained first. */
void server_drain(struct server *server, void (*done)(void *context), void *context);
/* Appends lines of "name value". */
void server_status(struct server *server, struct buf *lines);

#endif
