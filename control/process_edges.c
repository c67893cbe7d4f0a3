/* The edges of control/process_edges.h.
 *
 * On failure: see the header.
 */
#include "control/process_edges.h"

#include <unistd.h>

#include "lib/bug.h"
#include "lib/log.h"

static int *
find_end(struct process *process, enum role peer, unsigned instance)
{
	for (unsigned i = 0; i < process->neighbour_count; i++)
		if (process->neighbours[i].role == peer && process->neighbours[i].instance == instance)
			return &process->ends[i];
	BUG("an edge that only one side has");
}

static void
keep_end(int *place, int fd)
{
	if (*place >= 0)
		(void)close(*place);
	*place = fd;
}

/* Gives a neighbour its end of a fresh edge to this process: now when it runs, else when it starts. */
static void
hand_over(struct process *process, struct process *neighbour, int fd)
{
	struct ipc_message message = { .type = IPC_EDGE, .descriptor = fd };

	if (neighbour->pid <= 0) {
		keep_end(find_end(neighbour, process->role, process->instance), fd);
		return;
	}
	message.edge.peer_role = (uint8_t)process->role;
	message.edge.peer_instance = (uint8_t)process->instance;
	if (!edge_send(neighbour->control, &message))
		log_error("%s cannot be told of its new channel to %s", neighbour->name, process->name);
	(void)close(fd);
}

bool
process_edges_prepare(struct process *process)
{
	for (unsigned i = 0; i < process->neighbour_count; i++) {
		const struct plan_neighbour *at = &process->neighbours[i];
		int ends[2];

		if (process->ends[i] >= 0)
			continue;
		if (!spawn_channel(ends))
			return false;
		process->ends[i] = ends[0];
		hand_over(process, children_find(process->children, at->role, at->instance), ends[1]);
	}
	return true;
}

void
process_edges_close(struct process *process)
{
	for (unsigned i = 0; i < PLAN_NEIGHBOURS_MAX; i++)
		keep_end(&process->ends[i], -1);
}

int
children_take_end(struct children *children, enum role role, enum role neighbour)
{
	int *end = find_end(children_find(children, role, 0), neighbour, 0);
	int fd = *end;

	*end = -1;
	return fd;
}
