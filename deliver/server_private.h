/* What the files of the room share: server.c (life, edges, drain), server_ask.c (messages from smtpd).
 *
 * On failure: see deliver/server.h.
 */
#ifndef TIDEGATE_DELIVER_SERVER_PRIVATE_H
#define TIDEGATE_DELIVER_SERVER_PRIVATE_H

#include <event2/event.h>

#include "conf/config.h"
#include "deliver/copy.h"
#include "deliver/handles.h"
#include "deliver/link.h"
#include "deliver/probe.h"
#include "deliver/workers.h"
#include "lib/edge.h"
#include "lib/plan.h"
#include "lookup/map_read.h"

/* One smtpd. */
struct neighbour {
	struct server *server;
	unsigned instance;
	struct edge *edge; /* NULL until the first channel */
	struct link *link; /* NULL while the edge is closed */
	struct handles *handles;
};

struct server {
	struct event_base *base;
	const struct config *config;
	const struct roots *roots;
	struct maildir_namer namer;
	struct folder_cache *folders;
	struct unread *unread;
	struct delivery delivery;
	struct probe *probe;
	struct workers *workers;
	struct map *map; /* NULL: none yet */
	int wake;
	struct event *woken;
	struct event *drain_limit;
	bool is_deaf;        /* a drain has waited long enough for the channels to close */
	struct event *flush; /* writes what was settled into the journal, when no commit came to do it */
	uint32_t last_link;
	struct neighbour neighbours[PLAN_CORES_MAX];
	void (*drained)(void *context);
	void *drained_context;
	uint64_t probes[PROBE_TROUBLE + 1];
	uint64_t refused_commits; /* before they reached a thread */
};

/* Answers; a neighbour that takes no answers is given up, since its clients would wait for ever. */
void server_say(struct neighbour *neighbour, const struct ipc_message *message);
/* One message from smtpd. False: it was out of phase. */
bool server_take_message(struct neighbour *neighbour, const struct ipc_message *message);

#endif
