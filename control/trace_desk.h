/* The traces that the running server writes: who asked for each (`tidegate trace` by the control socket), and the pipe
 * that every smtpd gets.
 *
 * The master passes the pipe on and keeps its end, for an smtpd that is started again; it never reads or writes it. A
 * trace lasts as long as its asker stays connected.
 *
 * Trust: askers are root or the server's own user.
 * On failure: the asker hears why.
 */
#ifndef TIDEGATE_CONTROL_TRACE_DESK_H
#define TIDEGATE_CONTROL_TRACE_DESK_H

#include <stdint.h>

#include "lib/span.h"

struct control_asker;
struct master;
struct process;

enum { TRACE_DESK_MAX = 4 };

struct trace_place {
	struct master *master;
	struct control_asker *asker; /* NULL: the place is free */
	uint32_t id;
	int pipe; /* owned */
	char *networks;
};

struct trace_desk {
	struct trace_place places[TRACE_DESK_MAX];
	uint32_t last_id;
};

/* A request for these networks, with a space between each two; the pipe came with it. Answers. */
void trace_desk_take(struct master *master, struct control_asker *asker, struct span networks);
/* An smtpd is there again. */
void trace_desk_tell(struct master *master, const struct process *process);
void trace_desk_close(struct master *master);

#endif
