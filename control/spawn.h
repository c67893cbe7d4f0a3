/* Starting one process of the plan: its program by descriptor, its descriptors at their fixed numbers, nothing else
 * open. Used by the master, by selftest for its twins and by explain for the side rooms it needs.
 *
 * Trust: all arguments are the master's own.
 * On failure: -1 or false, with a sentence; nothing is left behind.
 */
#ifndef TIDEGATE_CONTROL_SPAWN_H
#define TIDEGATE_CONTROL_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "conf/config.h"
#include "control/accounts.h"
#include "lib/buf.h"
#include "lib/plan.h"

/* The programs, opened at start: what is run later is what was there then. */
struct programs {
	int fds[ROLE_COUNT]; /* -1: not open */
	int null_in;         /* /dev/null, to read and to write */
	int null_out;
};

enum { SPAWN_LENT_MAX = 8 };

struct spawn_order {
	const struct programs *programs;
	const struct config *config;
	enum role role;
	unsigned instance;
	unsigned cores;
	struct account account;
	int fixed[FD_EDGES];            /* by number; -1: none. All stay the caller's. */
	int edges[PLAN_NEIGHBOURS_MAX]; /* in the order of plan_neighbours() */
	const char *attempt;            /* for a twin of selftest; else NULL */
	int lent[SPAWN_LENT_MAX];       /* for a twin: at FD_EDGES_END and behind it; -1: none */
};

/* Nothing open. */
void programs_init(struct programs *programs);
/* Opens all programs: beside the tidegate program, or in ../libexec/tidegate from there. */
bool programs_open(struct programs *programs, struct buf *why);
void programs_close(struct programs *programs);

/* An order for one process with nothing but its name in it. */
struct spawn_order spawn_order_make(const struct programs *programs, const struct config *config,
    const struct accounts *accounts, enum role role, unsigned instance, unsigned cores);
/* Starts it. *control is our end of its channel, non-blocking, the caller's. Returns the pid, or -1. */
pid_t spawn_child(const struct spawn_order *order, int *control, struct buf *why);
/* A sealed memory file with the configuration, the caller's; -1 with errno. Each reader gets its own, since copies
 * of a descriptor share their offset. */
int spawn_config_file(const struct config *config);
/* A pair of connected channel ends, close-on-exec. */
bool spawn_channel(int ends[static 2]);

#endif
