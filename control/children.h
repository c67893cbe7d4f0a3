/* The table of running child processes: starts them, watches them, starts those that died again (after the times
 * of control/backoff.h), and renews the channels between a fresh one and its neighbours.
 *
 * An edge is a pair of channel ends. An end whose process is not running is kept here until it is, so that a message
 * said to a neighbour that is just being started is not lost.
 *
 * Trust: a child may be compromised. It is believed in nothing but READY, DRAINED and its own counters.
 * On failure: a child that breaks the protocol or closes its channel is killed and replaced like one that died.
 */
#ifndef TIDEGATE_CONTROL_CHILDREN_H
#define TIDEGATE_CONTROL_CHILDREN_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "control/supplies.h"
#include "lib/edge.h"
#include "lib/plan.h"

enum { CHILDREN_MAX = 5 + 2 * PLAN_CORES_MAX, PROCESS_NAME_SIZE = 24 };

enum process_state {
	PROCESS_IDLE,     /* not wanted, or ended for good */
	PROCESS_STARTING, /* READY has not come */
	PROCESS_READY,
	PROCESS_WAITING /* died; the timer starts it again */
};

struct children;

struct process {
	struct children *children;
	enum role role;
	unsigned instance;
	char name[PROCESS_NAME_SIZE]; /* "smtpd.0" */
	enum process_state state;
	pid_t pid; /* 0: none */
	struct edge *control;
	struct event *timer;      /* deadline for READY, or the next start */
	struct buf missing_walls; /* as READY told; empty: none */
	uint64_t started_ms;
	uint64_t backoff_ms; /* waited before the last start; 0: none */
	uint64_t restarts;
	unsigned neighbour_count;
	struct plan_neighbour neighbours[PLAN_NEIGHBOURS_MAX];
	int ends[PLAN_NEIGHBOURS_MAX]; /* its ends of edges while it is not running; -1: none yet */
};

/* Each may be NULL. */
struct children_events {
	/* READY came (at the first start and after each restart). */
	void (*on_ready)(void *context, struct process *process);
	/* It has ended; whether it will be started again shows in its state. */
	void (*on_end)(void *context, struct process *process, int wait_status);
	void (*on_status)(void *context, struct process *process, uint32_t serial, struct span text);
	/* keys speaks of a certificate. */
	void (*on_pair)(void *context, const struct ipc_pair_say *say);
};

struct children {
	struct event_base *base;
	const struct supplies *supplies; /* not owned; may change between starts */
	unsigned cores;
	bool restarts; /* start again what dies */
	struct event *on_child_signal;
	const struct children_events *events;
	void *context;
	unsigned count;
	struct process table[CHILDREN_MAX];
};

/* Makes the table; nothing is started. False without memory. */
bool children_init(struct children *children, struct event_base *base, const struct supplies *supplies, unsigned cores,
    const struct children_events *events, void *context);
/* Starts all processes of a role. */
bool children_start(struct children *children, enum role role, struct buf *why);
struct process *children_find(struct children *children, enum role role, unsigned instance);
/* Our own end of the edge between a process and a neighbour that is not started: for explain, which stands in for
 * smtpd. The caller's; -1 when there is none. */
int children_take_end(struct children *children, enum role role, enum role neighbour);
/* Sends to every running process of a role. The descriptor stays the caller's. */
void children_send(struct children *children, enum role role, const struct ipc_message *message);
/* How many of a role (ROLE_CHILD: of all) are running. */
unsigned children_running(const struct children *children, enum role role);
bool children_all_ready(const struct children *children);
/* From now on what ends stays ended. */
void children_stop_restarts(struct children *children);
/* Ends them by force. */
void children_kill(struct children *children);
/* The same, waits until they have ended, and frees the table. */
void children_end(struct children *children);
/* Frees the table; processes that still run hear the end of their channel and end. */
void children_free(struct children *children);

#endif
