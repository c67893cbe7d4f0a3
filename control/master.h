/* The master: `tidegate run`. Reads and checks everything, starts the processes of the plan, hands the listeners to
 * the door once all are READY, watches them, reloads, and leads them to an orderly end.
 *
 * Trust: reads the administrator's files and the children's READY, DRAINED and counters; never a byte from the
 * network.
 * On failure: before it serves, a sentence in the log and exit code 1; afterwards it goes on with what it has.
 */
#ifndef TIDEGATE_CONTROL_MASTER_H
#define TIDEGATE_CONTROL_MASTER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "conf/config.h"
#include "control/children.h"
#include "control/control_socket.h"
#include "control/listeners.h"
#include "control/map_watch.h"

enum master_state { MASTER_STARTING, MASTER_SERVING, MASTER_DRAINING };

struct status_round;

struct master {
	const char *config_path;
	struct config *config; /* owned */
	struct supplies supplies;
	struct listeners listeners;
	struct map_watch map;
	struct children children;
	struct control_socket *control;
	struct event_base *base;
	struct event *on_term;
	struct event *on_interrupt;
	struct event *on_hangup;
	struct event *drain_timer;
	enum master_state state;
	unsigned drain_stage;
	int exit_code;
	uint64_t started_ms;
	uint32_t last_serial;
	LIST_HEAD(, status_round) rounds; /* askers of status and health who wait for the children's counters */
};

/* Serves until it is told to end; returns the program's exit code. Takes the configuration, which was read from
 * config_path (and is read from there again at a reload). */
int master_run(struct config *config, const char *config_path);

#endif
