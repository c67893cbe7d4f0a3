/* What every child process does alike: take its fixed descriptors, read its configuration, put up its walls, say
 * READY, run the event loop, and obey the master.
 *
 * A program's main() is one call of child_main() with its hooks. The order is:
 *   configure (first configuration) · prepare (still root, before the walls) · walls · start (event loop made, edges
 *   not yet open) · READY · on_edge for each neighbour · the loop.
 *
 * Trust: the master is trusted; neighbours are not.
 * On failure: before READY the child logs why and exits 1 (the master restarts it with back-off); when the master is
 * gone the child exits at once.
 */
#ifndef TIDEGATE_LIB_CHILD_H
#define TIDEGATE_LIB_CHILD_H

#include <event2/event.h>

#include "lib/buf.h"
#include "lib/edge.h"
#include "lib/ipc.h"
#include "lib/plan.h"

/* Command line: --instance=N --cores=N --files=N [--uid=N --gid=N] [--attempt=NAME]. */
struct child {
	const struct plan_row *row;
	unsigned instance;
	unsigned cores;
	uint64_t open_files;     /* so many descriptors it may have; from start on */
	struct event_base *base; /* NULL until start */
	struct edge *control;
	bool is_draining;
	void *state; /* the room's own */
};

struct child_program {
	enum role role;
	/* Takes the first (and at a reload a new) configuration, as config_encode wrote it. False: log why; the
	 * first time the child ends, later the old one stays. */
	bool (*configure)(struct child *child, struct span bytes);
	/* Before the walls: open what lies outside of them. May be NULL. */
	bool (*prepare)(struct child *child);
	/* After the walls, with the event loop made. */
	bool (*start)(struct child *child);
	/* A fresh channel to a neighbour, at start and after the neighbour was restarted. Owns fd. */
	bool (*on_edge)(struct child *child, enum role peer, unsigned peer_instance, int fd);
	/* A recipient map (first and new ones). Owns fd. May be NULL. */
	void (*on_map)(struct child *child, int fd);
	/* Another folder than that at FD_FOLDER (caller only). Owns fd; -1 when there was no descriptor left to take
	 * it. May be NULL. */
	void (*on_folder)(struct child *child, int fd);
	/* The set of certificates (keys: PAIRS, smtpd: CHAINS), at the start and each new one. The descriptor stays the
	 * caller's. May be NULL. */
	void (*on_certificates)(struct child *child, int fd);
	/* TRACE and TRACE_END (smtpd only). The descriptor is the callee's. May be NULL. */
	void (*on_trace)(struct child *child, const struct ipc_message *message);
	/* LISTENER and UNLISTEN (door only). The descriptor is the callee's. May be NULL. */
	void (*on_listener)(struct child *child, const struct ipc_message *message);
	/* The master wants an end: finish, then call child_drained(). NULL: drained at once. */
	void (*on_drain)(struct child *child);
	/* Appends lines "name value\n" for `tidegate status`; a name is made of a-z, 0-9, "-" and ".", else the master
	 * leaves the line out (control/tally.h). May be NULL. */
	void (*on_status)(struct child *child, struct buf *lines);
};

int child_main(int argc, char **argv, const struct child_program *program);
/* In prepare: a folder outside of the view that the process works below (Landlock lets it through). */
void child_allow_folder(struct child *child, int folder);
/* Tells the master that nothing is left to do; the process then ends. */
void child_drained(struct child *child);

#endif
