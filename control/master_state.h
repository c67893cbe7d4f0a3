/* The running server, as its parts see it: control/master leads it, control/reload changes it, control/status tells
 * of it.
 *
 * Trust: everything in it is the master's own.
 * On failure: nothing here can fail.
 */
#ifndef TIDEGATE_CONTROL_MASTER_STATE_H
#define TIDEGATE_CONTROL_MASTER_STATE_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "conf/config.h"
#include "control/certificates.h"
#include "control/children.h"
#include "control/control_socket.h"
#include "control/listeners.h"
#include "control/auth_folder.h"
#include "control/map_watch.h"
#include "control/trace_desk.h"
#include "control/users_watch.h"

enum master_state { MASTER_STARTING, MASTER_SERVING, MASTER_DRAINING };

struct status_round;

struct master {
	const char *config_path;
	struct config *config; /* owned */
	struct supplies supplies;
	struct listeners listeners;
	struct map_watch map;
	struct users_watch users;
	struct certificates certificates;
	bool has_bad_certificate; /* one was refused; at the start that is the end */
	struct auth_folder auth_folder;
	struct children children;
	struct control_socket *control;
	struct trace_desk traces;
	struct event_base *base;
	struct event *on_term;
	struct event *on_interrupt;
	struct event *on_hangup;
	struct event *drain_timer;
	struct event *look_timer;
	enum master_state state;
	unsigned drain_stage;
	int exit_code;
	uint64_t started_ms;
	uint32_t last_serial;
	struct status_round *rounds; /* askers of status and health who wait for the children's counters */
};

#endif
