/* The trial of control/certificate_trial.h.
 *
 * On failure: see the header.
 */
#include "control/certificate_trial.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "control/certificate_slot.h"
#include "control/children.h"
#include "control/memory_file.h"
#include "smtpd/certificate_set.h"

enum { GENERATION = 1, WHY_BYTES = 16384, HEAD_BYTES = 4096 };

struct trial {
	const struct config *config;
	const char *command;
	struct event_base *base;
	struct children children;
	struct supplies supplies;
	int pairs; /* the set; -1: none */
	uint32_t heard;
	bool is_passed;
};

/* The files of all sections as one set for keys. */
static bool
gather(struct trial *trial, struct buf *why)
{
	const struct config *config = trial->config;
	struct buf head = BUF_LIMIT(HEAD_BYTES);
	bool is_whole;

	trial->pairs = memory_file_new("tidegate-pairs");
	certificate_set_begin(&head, GENERATION, config->certificate_count);
	is_whole = trial->pairs >= 0 && buf_ok(&head) && memory_file_append(trial->pairs, buf_span(&head));
	buf_free(&head);
	for (size_t i = 0; is_whole && i < config->certificate_count; i++) {
		const struct config_certificate *from = &config->certificates[i];
		struct pair_file pair;

		if (!certificate_read_pair(from, &pair, why))
			return false;
		is_whole = pair_file_append(&pair, span_of(from->name), trial->pairs);
		pair_file_close(&pair);
	}
	if (is_whole && memory_file_seal(trial->pairs))
		return true;
	buf_printf(why, "no memory for the certificates: %s", strerror(errno));
	return false;
}

static void
on_pair(void *context, const struct ipc_pair_say *say)
{
	struct trial *trial = context;

	if (say->generation != GENERATION || say->index != trial->heard ||
	    trial->heard >= trial->config->certificate_count)
		return;
	if (say->verdict != PAIR_TAKEN) {
		const struct config_certificate *from = &trial->config->certificates[say->index];

		fprintf(stderr, "tidegate %s: certificate %s: %s: %.*s\n", trial->command, from->name,
		    certificate_blamed_file(from, say->verdict), SPAN_ARG(say->text));
		trial->is_passed = false;
	}
	if (++trial->heard == trial->config->certificate_count)
		(void)event_base_loopbreak(trial->base);
}

/* It will not be started again: there is nothing to wait for. */
static void
on_end(void *context, struct process *process, int wait_status)
{
	struct trial *trial = context;

	(void)process;
	(void)wait_status;
	(void)event_base_loopbreak(trial->base);
}

/* True: it has been asked, and has answered or not. */
static bool
ask_keys(struct trial *trial, struct buf *why)
{
	static const struct children_events events = { .on_end = on_end, .on_pair = on_pair };
	static const struct timeval patience = { .tv_sec = 10 };

	if (!supplies_open_scratch(&trial->supplies, why))
		return false;
	trial->supplies.from[SUPPLY_PAIRS] = &trial->pairs;
	if (!trial->base || !children_init(&trial->children, trial->base, &trial->supplies, 1, &events, trial)) {
		buf_printf(why, "no memory to start tidegate-keys");
		return false;
	}
	bool is_started = children_start(&trial->children, ROLE_KEYS, why);
	if (is_started) {
		(void)event_base_loopexit(trial->base, &patience);
		(void)event_base_dispatch(trial->base);
	}
	children_end(&trial->children);
	return is_started;
}

bool
certificate_trial(const struct config *config, const char *command)
{
	static struct trial trial;
	struct buf why = BUF_LIMIT(WHY_BYTES);

	if (config->certificate_count == 0)
		return true;
	trial = (struct trial){ .config = config, .command = command, .pairs = -1, .is_passed = true };
	trial.base = event_base_new();
	supplies_init(&trial.supplies, config);
	if (!gather(&trial, &why) || !ask_keys(&trial, &why)) {
		fprintf(stderr, "tidegate %s: %.*s\n", command, SPAN_ARG(buf_span(&why)));
		trial.is_passed = false;
	} else if (trial.heard < config->certificate_count) {
		fprintf(
		    stderr, "tidegate %s: tidegate-keys, started to try the certificates, has not answered\n", command);
		supplies_show_log(&trial.supplies);
		trial.is_passed = false;
	}
	if (trial.pairs >= 0)
		(void)close(trial.pairs);
	supplies_close(&trial.supplies);
	if (trial.base)
		event_base_free(trial.base);
	buf_free(&why);
	return trial.is_passed;
}
