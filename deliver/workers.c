/* The threads of deliver/workers.h: one queue under one lock, and a semaphore that counts what is in it: a condition
 * variable costs one more futex call a job.
 *
 * On failure: see deliver/workers.h.
 */
#include "deliver/workers.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "deliver/lock.h"
#include "deliver/sweep.h"

/* A commit's deepest call has a few kilobytes on its stack; names are read from folders, lines written to the log. */
enum { STACK_BYTES = 256 << 10 };

STAILQ_HEAD(job_list, job);

struct workers {
	pthread_mutex_t lock; /* of the two lists and queued_bytes */
	sem_t queued;         /* one for each job, and one for each thread at the end */
	struct job_list waiting;
	struct job_list unsent;
	size_t queued_bytes;
	atomic_size_t busy; /* queued and running */
	atomic_bool tells_idle;
	atomic_uint_fast64_t outcomes[COMMIT_REFUSED + 1];
	atomic_uint_fast64_t copies;
	const struct delivery *delivery;
	int wake;
	unsigned thread_count;
	pthread_t threads[WORKERS_MAX];
	struct scratch *scratches[WORKERS_MAX];
	atomic_uint scratches_taken;
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
	message->commit_say.outcomes = span_make((const char *)job->result.outcomes, job->result.outcome_count);
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

/* Waits for a job; NULL at the end. */
static struct job *
next_job(struct workers *workers)
{
	while (sem_wait(&workers->queued) != 0) {
		/* Interrupted: the only reason there is. */
	}
	(void)pthread_mutex_lock(&workers->lock);
	struct job *job = STAILQ_FIRST(&workers->waiting);
	if (job) {
		STAILQ_REMOVE_HEAD(&workers->waiting, next);
		workers->queued_bytes -= job->commit.redeemed.arena.used_bytes;
	}
	(void)pthread_mutex_unlock(&workers->lock);
	return job;
}

/* The channel has no room: the main thread sends the answer when it has. */
static void
hand_back(struct workers *workers, struct job *job)
{
	(void)pthread_mutex_lock(&workers->lock);
	STAILQ_INSERT_TAIL(&workers->unsent, job, next);
	(void)pthread_mutex_unlock(&workers->lock);
}

static void
run_job(struct workers *workers, struct scratch *scratch, struct job *job)
{
	struct ipc_message answer;

	commit_run(workers->delivery, scratch, &job->commit, &job->result);
	/* Before the answer: who has it may ask for the counts. */
	(void)atomic_fetch_add(&workers->outcomes[job->result.outcome], 1);
	(void)atomic_fetch_add(&workers->copies, job->result.copies);
	job_answer(job, &answer);
	bool is_unsent = link_send(job->link, &answer) == IPC_AGAIN;
	log_outcome(job);
	sweep_mailboxes(workers->delivery, &job->commit.redeemed);
	if (is_unsent)
		hand_back(workers, job);
	else
		job_free(job);
	bool was_last = atomic_fetch_sub(&workers->busy, 1) == 1;
	if (is_unsent || (was_last && atomic_load(&workers->tells_idle)))
		wake_main(workers);
}

static void *
work(void *argument)
{
	struct workers *workers = argument;
	unsigned number = atomic_fetch_add(&workers->scratches_taken, 1);

	for (struct job *job = next_job(workers); job; job = next_job(workers))
		run_job(workers, workers->scratches[number], job);
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
	lock_init(&workers->lock);
	(void)sem_init(&workers->queued, 0, 0);
	STAILQ_INIT(&workers->waiting);
	STAILQ_INIT(&workers->unsent);
	workers->delivery = options->delivery;
	workers->wake = options->wake;
	start_threads(workers, options->threads < WORKERS_MAX ? options->threads : WORKERS_MAX);
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
	/* Behind the jobs that are queued: a thread that finds none has nothing more to do. */
	for (unsigned i = 0; i < workers->thread_count; i++)
		(void)sem_post(&workers->queued);
	for (unsigned i = 0; i < workers->thread_count; i++) {
		(void)pthread_join(workers->threads[i], NULL);
		scratch_free(workers->scratches[i]);
	}
	for (struct job *job = workers_take_back(workers); job; job = workers_take_back(workers))
		job_free(job);
	(void)sem_destroy(&workers->queued);
	(void)pthread_mutex_destroy(&workers->lock);
	free(workers);
}

bool
workers_submit(struct workers *workers, struct job *job)
{
	size_t bytes = job->commit.redeemed.arena.used_bytes;

	(void)pthread_mutex_lock(&workers->lock);
	bool has_room = workers->queued_bytes <= WORKERS_QUEUE_BYTES - bytes;
	if (has_room) {
		STAILQ_INSERT_TAIL(&workers->waiting, job, next);
		workers->queued_bytes += bytes;
		(void)atomic_fetch_add(&workers->busy, 1);
	}
	(void)pthread_mutex_unlock(&workers->lock);
	/* After the unlock: a thread that woke under it would go to sleep again at once. */
	if (has_room)
		(void)sem_post(&workers->queued);
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
	return atomic_load(&workers->busy);
}

void
workers_tell_when_idle(struct workers *workers)
{
	atomic_store(&workers->tells_idle, true);
}

struct workers_counts
workers_counts(struct workers *workers)
{
	struct workers_counts counts = { .copies = atomic_load(&workers->copies) };

	for (unsigned outcome = COMMIT_DONE; outcome <= COMMIT_REFUSED; outcome++)
		counts.outcomes[outcome] = atomic_load(&workers->outcomes[outcome]);
	return counts;
}
