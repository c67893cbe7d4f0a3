/* The desk of control/trace_desk.h.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "control/trace_desk.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/peer.h"
#include "control/master_state.h"

/* For the asker to read: what has been begun, or why not. */
static const char answer_begun[] = "";
static const char answer_no_pipe[] = "no pipe came with the request\n";
static const char answer_no_network[] = "a network is needed, such as 192.0.2.0/24\n";
static const char answer_full[] = "four traces are running already; end one of them\n";
static const char answer_memory[] = "there is not enough memory for a trace\n";

static void
refuse(struct control_asker *asker, const char *why)
{
	control_answer(asker, false, span_of(why));
}

static bool
are_networks(struct span list)
{
	struct network network;

	if (list.length == 0 || list.length > IPC_NETWORKS_BYTES)
		return false;
	while (list.length) {
		struct span word = span_take(list, span_find(list, ' '));

		if (!network_parse(word, &network))
			return false;
		list = span_skip(list, word.length + 1);
	}
	return true;
}

/* A pipe that takes what it has room for and never makes its writer wait. */
static bool
is_writable_pipe(int fd)
{
	struct stat facts;
	int flags = fcntl(fd, F_GETFL);

	return fd >= 0 && fstat(fd, &facts) == 0 && S_ISFIFO(facts.st_mode) && flags >= 0 &&
	       (flags & O_ACCMODE) == O_WRONLY && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

static struct trace_place *
find_place(struct trace_desk *desk)
{
	for (unsigned i = 0; i < TRACE_DESK_MAX; i++)
		if (!desk->places[i].asker)
			return &desk->places[i];
	return NULL;
}

static struct ipc_message
message_of(const struct trace_place *place)
{
	struct ipc_message message = { .type = IPC_TRACE, .descriptor = place->pipe };

	message.trace.id = place->id;
	message.trace.networks = span_of(place->networks);
	return message;
}

static void
free_place(struct trace_place *place)
{
	(void)close(place->pipe);
	free(place->networks);
	*place = (struct trace_place){ 0 };
}

/* The asker has gone. */
static void
on_gone(void *context)
{
	struct trace_place *place = context;
	struct ipc_message end = { .type = IPC_TRACE_END, .descriptor = -1 };

	end.trace_end.id = place->id;
	children_send(&place->master->children, ROLE_SMTPD, &end);
	log_info("the trace of %s has ended", place->networks);
	free_place(place);
}

void
trace_desk_take(struct master *master, struct control_asker *asker, struct span networks)
{
	struct trace_place *place = find_place(&master->traces);
	int pipe = control_take_descriptor(asker);
	char *copy = strndup(networks.data, networks.length);
	const char *wrong = !is_writable_pipe(pipe)   ? answer_no_pipe
			    : !are_networks(networks) ? answer_no_network
			    : !place                  ? answer_full
			    : !copy                   ? answer_memory
						      : NULL;

	if (wrong) {
		if (pipe >= 0)
			(void)close(pipe);
		free(copy);
		refuse(asker, wrong);
		return;
	}
	*place = (struct trace_place){
		.master = master, .asker = asker, .id = ++master->traces.last_id, .pipe = pipe, .networks = copy
	};
	const struct ipc_message message = message_of(place);
	children_send(&master->children, ROLE_SMTPD, &message);
	log_info("the dialogues of %s are traced", place->networks);
	control_stay(asker, span_of(answer_begun), on_gone, place);
}

void
trace_desk_tell(struct master *master, const struct process *process)
{
	for (unsigned i = 0; i < TRACE_DESK_MAX; i++) {
		const struct trace_place *place = &master->traces.places[i];

		if (!place->asker || process->role != ROLE_SMTPD)
			continue;
		const struct ipc_message message = message_of(place);
		if (!edge_send(process->control, &message))
			log_error("%s cannot be told of a trace", process->name);
	}
}

void
trace_desk_close(struct master *master)
{
	for (unsigned i = 0; i < TRACE_DESK_MAX; i++)
		if (master->traces.places[i].asker)
			free_place(&master->traces.places[i]);
}
