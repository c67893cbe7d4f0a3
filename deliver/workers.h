/* The threads that commit. The main thread queues jobs; a thread runs one, sends the answer itself, and only when the
 * channel has no room hands it back to the main thread.
 *
 * Trust: see deliver/commit.h.
 * On failure: workers_submit says so, and the main thread answers with a 4xx.
 */
#ifndef TIDEGATE_DELIVER_WORKERS_H
#define TIDEGATE_DELIVER_WORKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "deliver/commit.h"
#include "deliver/link.h"

enum { WORKERS_MAX = 64, WORKERS_QUEUE_BYTES = 256 << 20 };

/* One COMMIT, from its arrival to its answer. */
struct job {
	STAILQ_ENTRY(job) next;
	struct link *link; /* held */
	uint32_t session;
	uint32_t transaction;
	uint64_t arrived_us;  /* CLOCK_MONOTONIC */
	struct commit commit; /* with the body's descriptor, which the job owns */
	struct commit_result result;
};

/* The job's answer, as a message over its own memory. */
void job_answer(const struct job *job, struct ipc_message *message);
void job_free(struct job *job);

struct workers;

struct workers_options {
	const struct delivery *delivery;
	unsigned threads;
	int wake; /* an eventfd that wakes the main thread; not owned */
};

/* Starts the threads. NULL when not even one could be started. */
struct workers *workers_start(const struct workers_options *options);
/* Runs what is queued to its end, then ends the threads. */
void workers_stop(struct workers *workers);
/* Takes the job. False: too much waits already; the job stays the caller's. */
bool workers_submit(struct workers *workers, struct job *job);
/* Main thread, when `wake` is readable: the next job whose answer could not be sent, or NULL. */
struct job *workers_take_back(struct workers *workers);
/* Jobs that are queued or being run. */
size_t workers_busy(struct workers *workers);
/* From now on `wake` is also written to when the last job is done. */
void workers_tell_when_idle(struct workers *workers);

/* Counters since the start, for status. */
struct workers_counts {
	uint64_t outcomes[COMMIT_REFUSED + 1];
	uint64_t copies;
};

struct workers_counts workers_counts(struct workers *workers);

#endif
