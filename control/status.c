/* Rounds of questions to all processes: see control/status.h.
 *
 * On failure: see the header.
 */
#include "control/status.h"

#include <unistd.h>

#include "lib/clock.h"
#include "control/tally.h"

enum { ROUND_LIMIT_S = 2 };

struct status_round {
	struct status_round *next;
	struct master *master;
	struct control_asker *asker;
	enum status_kind kind;
	uint32_t serial;
	struct event *timer;
	unsigned awaited;
	bool has_answered[CHILDREN_MAX]; /* by place in the table of children */
	struct tally tally;
};

static void
round_free(struct status_round *round)
{
	struct status_round **place = &round->master->rounds;

	while (*place != round)
		place = &(*place)->next;
	*place = round->next;
	if (round->timer)
		event_free(round->timer);
	free(round);
}

static unsigned
place_of(const struct master *master, const struct process *process)
{
	return (unsigned)(process - master->children.table);
}

static void
append_line(struct buf *text, const char *name, uint64_t value)
{
	buf_printf(text, "master.%s %llu\n", name, (unsigned long long)value);
}

static void
append_processes(const struct children *children, struct buf *text)
{
	for (unsigned i = 0; i < children->count; i++) {
		const struct process *process = &children->table[i];
		const char *name = plan_row(process->role)->short_name;

		buf_printf(text, "master.pid.%s-%u %ld\n", name, process->instance, (long)process->pid);
		buf_printf(text, "master.ready.%s-%u %d\n", name, process->instance, process->state == PROCESS_READY);
		buf_printf(text, "master.restarts.%s-%u %llu\n", name, process->instance,
		    (unsigned long long)process->restarts);
	}
}

static void
answer_counters(struct status_round *round)
{
	struct master *master = round->master;
	struct buf text = BUF_LIMIT(CONTROL_ANSWER_BYTES / 2);

	append_line(&text, "uptime-seconds", (clock_monotonic_ms() - master->started_ms) / 1000);
	append_line(&text, "pid", (uint64_t)getpid());
	append_line(&text, "map-entries", master->map.entries);
	append_line(&text, "map-refused", master->map.compiled.state == COMPILED_REFUSED);
	append_processes(&master->children, &text);
	tally_print(&round->tally, &text);
	control_answer(round->asker, buf_ok(&text), buf_span(&text));
	buf_free(&text);
}

static void
answer_health(struct status_round *round)
{
	struct master *master = round->master;
	struct buf text = BUF_LIMIT(CONTROL_ANSWER_BYTES / 2);

	if (master->state != MASTER_SERVING)
		buf_append_text(&text,
		    master->state == MASTER_STARTING ? "the server is not ready yet\n" : "the server is ending\n");
	if (master->map.compiled.fd < 0)
		buf_append_text(&text, "there is no recipient map; run `tidegate map`\n");
	for (unsigned i = 0; i < master->children.count; i++) {
		const struct process *process = &master->children.table[i];

		if (process->state != PROCESS_READY)
			buf_printf(&text, "%s is not running\n", process->name);
		else if (!round->has_answered[i])
			buf_printf(&text, "%s does not answer\n", process->name);
	}
	bool is_well = text.length == 0;
	/* Worth knowing, but mail goes on. */
	if (is_well && master->map.compiled.state == COMPILED_REFUSED)
		buf_append_text(&text, "well; but a new recipient map is refused and the last good one is in force\n");
	control_answer(round->asker, is_well, buf_span(&text));
	buf_free(&text);
}

static void
round_end(struct status_round *round)
{
	switch (round->kind) {
	case STATUS_COUNTERS:
		answer_counters(round);
		break;
	case STATUS_HEALTH:
		answer_health(round);
		break;
	}
	round_free(round);
}

static void
on_timer(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	round_end(argument);
}

static void
ask_all(struct status_round *round)
{
	struct ipc_message ask = {
		.type = IPC_STATUS_ASK, .descriptor = -1, .status_ask = { .serial = round->serial }
	};
	struct children *children = &round->master->children;

	for (unsigned i = 0; i < children->count; i++)
		if (children->table[i].state == PROCESS_READY && edge_send(children->table[i].control, &ask))
			round->awaited++;
}

void
status_begin(struct master *master, enum status_kind kind, struct control_asker *asker)
{
	const struct timeval limit = { .tv_sec = ROUND_LIMIT_S };
	struct status_round *round = calloc(1, sizeof *round);

	if (!round) {
		control_answer(asker, false, SPAN("no memory for the answer\n"));
		return;
	}
	round->master = master;
	round->asker = asker;
	round->kind = kind;
	round->serial = ++master->last_serial;
	round->next = master->rounds;
	master->rounds = round;
	round->timer = event_new(master->base, -1, 0, on_timer, round);
	ask_all(round);
	if (round->awaited == 0 || !round->timer || event_add(round->timer, &limit) != 0)
		round_end(round);
}

static struct status_round *
find_round(struct master *master, uint32_t serial)
{
	struct status_round *round = master->rounds;

	while (round && round->serial != serial)
		round = round->next;
	return round;
}

void
status_take(struct master *master, struct process *process, uint32_t serial, struct span text)
{
	struct status_round *round = find_round(master, serial);
	unsigned place = place_of(master, process);
	if (!round || round->has_answered[place])
		return;
	round->has_answered[place] = true;
	tally_add_lines(&round->tally, plan_row(process->role)->short_name, text);
	round->awaited--;
	if (round->awaited == 0)
		round_end(round);
}

void
status_drop_all(struct master *master)
{
	while (master->rounds)
		round_free(master->rounds);
}
