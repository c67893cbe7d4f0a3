/* The threads of deliver/workers.h: one queue, one lock, one condition.
 *
 * On failure: see deliver/workers.h.
 */
#include "deliver/workers.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"

/* A commit's deepest call has a few kilobytes on its stack; names are read from folders, lines written to the log. */
enum { STACK_BYTES = 256 << 10 };

STAILQ_HEAD(job_list, job);

struct workers {
	pthread_mutex_t lock;
	pthread_cond_t has_work;
	struct job_list waiting;
	struct job_list unsent;
	size_t queued_bytes;
	size_t busy; /* queued and running */
	bool is_ending;
	bool tells_idle;
	struct workers_counts counts;
	const struct delivery *delivery;
	int wake;
	unsigned thread_count;
	pthread_t threads[WORKERS_MAX];
	struct scratch *scratches[WORKERS_MAX];
	unsigned scratches_taken;
};

void
job_answer(const struct job *job, struct ipc_message *message)
{
	*message = (struct ipc_message){ .type = IPC_COMMIT_SAY, .descriptor = -1 };
	message->commit_say.session = job->session;
	message->commit_say.transaction = job->transaction;
	message->commit_say.outcome = (uint8_t)job->result.outcome;
	message->commit_say.receipt = job->result.receipt;
	message->commit_say.copies = job->result.copies;
	message->commit_say.elapsed_us = (uint32_t)(clock_monotonic_us() - job->arrived_us);
	message->commit_say.text = span_of(job->result.text);
}

void
job_free(struct job *job)
{
	if (job->commit.message.body.fd >= 0)
		(void)close(job->commit.message.body.fd);
	arena_reset(&job->commit.redeemed.arena);
	link_drop(job->link);
	free(job);
}

/* What an operator may want to find: everything but a plain delivery, which smtpd's line tells. */
static void
log_outcome(const struct job *job)
{
	const struct commit_result *result = &job->result;
	struct log_line line;

	if (result->text[0] == '\0')
		return;
	log_begin(&line, "commit");
	log_pair_number(&line, "session", job->session);
	log_pair_number(&line, "transaction", job->transaction);
	log_pair_text(&line, "outcome", commit_outcome_name(result->outcome));
	log_pair_number(&line, "copies", result->copies);
	log_pair(&line, "from", job->commit.message.mailfrom);
	log_pair_text(&line, "reason", result->text);
	log_end(&line);
}

static void
wake_main(const struct workers *workers)
{
	const uint64_t one = 1;

	(void)!write(workers->wake, &one, sizeof one);
}

/* Under the lock: waits for a job; NULL at the end. */
static struct job *
next_job(struct workers *workers)
{
	while (STAILQ_EMPTY(&workers->waiting) && !workers->is_ending)
		(void)pthread_cond_wait(&workers->has_work, &workers->lock);
	struct job *job = STAILQ_FIRST(&workers->waiting);
	if (!job)
		return NULL;
	STAILQ_REMOVE_HEAD(&workers->waiting, next);
	workers->queued_bytes -= job->commit.redeemed.arena.used_bytes;
	return job;
}

/* Under the lock: what a finished job leaves behind. */
static void
count_job(struct workers *workers, const struct commit_result *result)
{
	workers->counts.outcomes[result->outcome]++;
	workers->counts.copies += result->copies;
	workers->busy--;
}

static void
run_job(struct workers *workers, struct scratch *scratch, struct job *job)
{
	struct ipc_message answer;

	commit_run(workers->delivery, scratch, &job->commit, &job->result);
	job_answer(job, &answer);
	bool is_unsent = link_send(job->link, &answer) == IPC_AGAIN;
	log_outcome(job);
	commit_sweep(workers->delivery, &job->commit);
	struct commit_result result = job->result;
	if (!is_unsent)
		job_free(job);
	(void)pthread_mutex_lock(&workers->lock);
	if (is_unsent)
		STAILQ_INSERT_TAIL(&workers->unsent, job, next);
	count_job(workers, &result);
	bool wakes = is_unsent || (workers->tells_idle && workers->busy == 0);
	(void)pthread_mutex_unlock(&workers->lock);
	if (wakes)
		wake_main(workers);
}

static void *
work(void *argument)
{
	struct workers *workers = argument;

	(void)pthread_mutex_lock(&workers->lock);
	struct scratch *scratch = workers->scratches[workers->scratches_taken++];
	for (struct job *job = next_job(workers); job; job = next_job(workers)) {
		(void)pthread_mutex_unlock(&workers->lock);
		run_job(workers, scratch, job);
		(void)pthread_mutex_lock(&workers->lock);
	}
	(void)pthread_mutex_unlock(&workers->lock);
	return NULL;
}

static void
start_threads(struct workers *workers, unsigned wanted)
{
	pthread_attr_t attributes;
	int error = 0;

	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
	while (workers->thread_count < wanted && error == 0) {
		unsigned i = workers->thread_count;

		workers->scratches[i] = scratch_new();
		error =
		    workers->scratches[i] ? pthread_create(&workers->threads[i], &attributes, work, workers) : ENOMEM;
		if (error == 0)
			workers->thread_count++;
		else
			scratch_free(workers->scratches[i]);
	}
	(void)pthread_attr_destroy(&attributes);
	if (error)
		log_warning("only %u of %u delivery threads could be started: %s", workers->thread_count, wanted,
		    strerror(error));
}

struct workers *
workers_start(const struct workers_options *options)
{
	struct workers *workers = calloc(1, sizeof *workers);

	if (!workers)
		return NULL;
	(void)pthread_mutex_init(&workers->lock, NULL);
	(void)pthread_cond_init(&workers->has_work, NULL);
	STAILQ_INIT(&workers->waiting);
	STAILQ_INIT(&workers->unsent);
	workers->delivery = options->delivery;
	workers->wake = options->wake;
	/* Under the lock: a thread takes a scratch when all are there. */
	(void)pthread_mutex_lock(&workers->lock);
	start_threads(workers, options->threads < WORKERS_MAX ? options->threads : WORKERS_MAX);
	(void)pthread_mutex_unlock(&workers->lock);
	if (workers->thread_count)
		return workers;
	free(workers);
	return NULL;
}

void
workers_stop(struct workers *workers)
{
	if (!workers)
		return;
	(void)pthread_mutex_lock(&workers->lock);
	workers->is_ending = true;
	(void)pthread_cond_broadcast(&workers->has_work);
	(void)pthread_mutex_unlock(&workers->lock);
	for (unsigned i = 0; i < workers->thread_count; i++) {
		(void)pthread_join(workers->threads[i], NULL);
		scratch_free(workers->scratches[i]);
	}
	for (struct job *job = workers_take_back(workers); job; job = workers_take_back(workers))
		job_free(job);
	(void)pthread_cond_destroy(&workers->has_work);
	(void)pthread_mutex_destroy(&workers->lock);
	free(workers);
}

bool
workers_submit(struct workers *workers, struct job *job)
{
	size_t bytes = job->commit.redeemed.arena.used_bytes;

	(void)pthread_mutex_lock(&workers->lock);
	bool has_room = !workers->is_ending && workers->queued_bytes <= WORKERS_QUEUE_BYTES - bytes;
	if (has_room) {
		STAILQ_INSERT_TAIL(&workers->waiting, job, next);
		workers->queued_bytes += bytes;
		workers->busy++;
	}
	(void)pthread_mutex_unlock(&workers->lock);
	/* After the unlock: a thread that woke under it would go to sleep again at once. */
	if (has_room)
		(void)pthread_cond_signal(&workers->has_work);
	return has_room;
}

struct job *
workers_take_back(struct workers *workers)
{
	(void)pthread_mutex_lock(&workers->lock);
	struct job *job = STAILQ_FIRST(&workers->unsent);
	if (job)
		STAILQ_REMOVE_HEAD(&workers->unsent, next);
	(void)pthread_mutex_unlock(&workers->lock);
	return job;
}

size_t
workers_busy(struct workers *workers)
{
	(void)pthread_mutex_lock(&workers->lock);
	size_t busy = workers->busy;
	(void)pthread_mutex_unlock(&workers->lock);
	return busy;
}

void
workers_tell_when_idle(struct workers *workers)
{
	(void)pthread_mutex_lock(&workers->lock);
	workers->tells_idle = true;
	(void)pthread_mutex_unlock(&workers->lock);
}

struct workers_counts
workers_counts(struct workers *workers)
{
	(void)pthread_mutex_lock(&workers->lock);
	struct workers_counts counts = workers->counts;
	(void)pthread_mutex_unlock(&workers->lock);
	return counts;
}
