/* What smtpd says to the room of deliver/server.h.
 *
 * Trust: none. Each message is taken whole, checked, and only then acted on.
 * On failure: see deliver/server.h.
 */
#include "deliver/server_private.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lookup/map_settings.h"

enum { FLUSH_MS = 500 };

static bool
take_claims(struct neighbour *neighbour, const struct ipc_message *message)
{
	bool ok = link_set_claims(neighbour->link, message->descriptor, message->claims.slots);

	(void)close(message->descriptor);
	if (!ok)
		log_error("smtpd.%u sent a claim page that is not fit, or a second one", neighbour->instance);
	return ok;
}

struct verdict {
	enum probe_verdict verdict;
	uint32_t handle;
	struct buf text;
};

static void
set_verdict(struct verdict *verdict, enum probe_verdict value, struct span what, const char *why)
{
	verdict->verdict = value;
	buf_reset(&verdict->text);
	if (what.length) {
		buf_append(&verdict->text, what);
		buf_append(&verdict->text, SPAN(": "));
	}
	buf_append_text(&verdict->text, why);
	if (!buf_ok(&verdict->text))
		buf_reset(&verdict->text);
}

/* All mailboxes must take it: a message goes to all of them or to none. */
static bool
probe_mailboxes(struct server *server, const struct map_result *found, uint64_t bytes, struct verdict *verdict)
{
	for (size_t i = 0; i < found->count; i++) {
		const struct map_mailbox *mailbox = &found->mailboxes[i];
		char path[MAP_PATH_BYTES + 1];
		const char *why;

		if (mailbox->path.length > MAP_PATH_BYTES) {
			set_verdict(verdict, PROBE_TROUBLE, mailbox->address, "its path in the map is too long");
			return false;
		}
		memcpy(path, mailbox->path.data, mailbox->path.length);
		path[mailbox->path.length] = '\0';
		enum probe_verdict value = probe_mailbox(server->probe, mailbox->root, path, bytes, &why);
		if (value != PROBE_TAKES) {
			set_verdict(verdict, value, mailbox->address, why);
			return false;
		}
	}
	return true;
}

static bool
look_up(const struct server *server, struct span address, struct map_result *found, struct verdict *verdict)
{
	const struct map_rules rules = map_rules_of(server->config);

	if (!server->map) {
		set_verdict(verdict, PROBE_TROUBLE, SPAN(""), "there is no recipient map yet (run tidegate map)");
		return false;
	}
	map_lookup(server->map, &rules, address, found);
	switch (found->verdict) {
	case MAP_DELIVER:
		return true;
	case MAP_REFUSE:
	case MAP_DEFER:
	case MAP_UNKNOWN:
	case MAP_NOT_OURS:
		set_verdict(verdict, PROBE_UNKNOWN, SPAN(""), "deliver's recipient map has no mailbox for the address");
		return false;
	case MAP_BROKEN:
		break;
	}
	set_verdict(verdict, PROBE_TROUBLE, SPAN(""), "the map's record of the address is broken");
	return false;
}

static bool
take_probe(struct neighbour *neighbour, const struct ipc_message *message)
{
	static struct map_result found; /* large; this thread alone asks */
	const struct ipc_probe_ask *ask = &message->probe_ask;
	struct server *server = neighbour->server;
	struct verdict verdict = { .text = BUF_LIMIT(IPC_TEXT_BYTES) };
	struct ipc_message say = { .type = IPC_PROBE_SAY, .descriptor = -1 };

	if (look_up(server, ask->address, &found, &verdict) && probe_mailboxes(server, &found, ask->bytes, &verdict)) {
		verdict.handle =
		    handles_give(neighbour->handles, ask->session, ask->transaction, found.mailboxes, found.count);
		if (verdict.handle == 0)
			set_verdict(&verdict, PROBE_TROUBLE, SPAN(""),
			    "this transaction has too many mailboxes already; the rest must be sent separately");
	}
	server->probes[verdict.verdict]++;
	say.probe_say.session = ask->session;
	say.probe_say.transaction = ask->transaction;
	say.probe_say.verdict = (uint8_t)verdict.verdict;
	say.probe_say.handle = verdict.handle;
	say.probe_say.text = buf_span(&verdict.text);
	server_say(neighbour, &say);
	buf_free(&verdict.text);
	return true;
}

/* The fields that COMMIT_ASK and COMMIT_FD_ASK share, whichever it was. */
struct commit_fields {
	uint32_t session;
	uint32_t transaction;
	uint64_t deadline_ms;
	uint32_t claim;
	uint8_t by_recipient;
	uint64_t body_bytes;
	struct span digest;
	struct span handles;
	struct span mailfrom;
	struct span trace;
	struct span body;
	int descriptor;
};

#define COMMON_FIELDS(ask)                                                                                             \
	.session = (ask).session, .transaction = (ask).transaction, .deadline_ms = (ask).deadline_ms,                  \
	.claim = (ask).claim, .by_recipient = (ask).by_recipient, .body_bytes = (ask).body_bytes,                      \
	.digest = (ask).digest, .handles = (ask).handles, .mailfrom = (ask).mailfrom, .trace = (ask).trace

static struct commit_fields
commit_fields(const struct ipc_message *message)
{
	if (message->type == IPC_COMMIT_ASK)
		return (struct commit_fields){ COMMON_FIELDS(message->commit_ask), .body = message->commit_ask.body,
			.descriptor = -1 };
	return (struct commit_fields){ COMMON_FIELDS(message->commit_fd_ask), .descriptor = message->descriptor };
}

/* A COMMIT that never reaches a thread. */
static void
turn_away(struct neighbour *neighbour, const struct commit_fields *fields, enum commit_outcome outcome, const char *why)
{
	struct ipc_message say = { .type = IPC_COMMIT_SAY, .descriptor = -1 };
	struct log_line line;

	neighbour->server->refused_commits += outcome == COMMIT_REFUSED;
	say.commit_say.session = fields->session;
	say.commit_say.transaction = fields->transaction;
	say.commit_say.outcome = (uint8_t)outcome;
	say.commit_say.text = span_of(why);
	log_begin(&line, "commit");
	log_pair_number(&line, "session", fields->session);
	log_pair_number(&line, "transaction", fields->transaction);
	log_pair_text(&line, "outcome", commit_outcome_name(outcome));
	log_pair_number(&line, "smtpd", neighbour->instance);
	log_pair_text(&line, "reason", why);
	log_end(&line);
	server_say(neighbour, &say);
}

/* Copies what the job needs of the message, whose bytes are gone with the next one. */
static bool
fill_job(struct job *job, const struct commit_fields *fields)
{
	struct commit *commit = &job->commit;
	struct arena *arena = &commit->redeemed.arena;
	struct message *message = &commit->message;

	commit->deadline_ms = fields->deadline_ms;
	commit->claim_slot = fields->claim;
	commit->claims = link_claims(job->link);
	commit->edge = link_number(job->link);
	commit->is_by_recipient = fields->by_recipient != 0;
	message->mailfrom = arena_copy(arena, fields->mailfrom);
	message->trace = arena_copy(arena, fields->trace);
	message->body.bytes = arena_copy(arena, fields->body);
	message->body.length_bytes = fields->body_bytes;
	memcpy(message->body.digest, fields->digest.data, sizeof message->body.digest);
	return message->mailfrom.data && message->trace.data && message->body.bytes.data;
}

/* A job that owns the descriptor; NULL with the outcome and why. */
static struct job *
make_job(
    struct neighbour *neighbour, const struct commit_fields *fields, enum commit_outcome *outcome, const char **why)
{
	struct job *job = calloc(1, sizeof *job);

	*outcome = COMMIT_TROUBLE;
	*why = "out of memory";
	if (!job)
		return NULL;
	job->link = link_hold(neighbour->link);
	job->session = fields->session;
	job->transaction = fields->transaction;
	job->arrived_us = clock_monotonic_us();
	job->commit.message.body.fd = -1;
	bool ok = handles_redeem(
	    neighbour->handles, fields->session, fields->transaction, fields->handles, &job->commit.redeemed, why);
	if (ok && fields->digest.length != SHA256_BYTES) {
		*why = "the digest of its body is no SHA-256";
		ok = false;
	}
	/* A thread that reads a file of holes to its end would do nothing else any more. */
	if (ok && fields->body_bytes > neighbour->server->config->max_message_size) {
		*why = "its body is over max-message-size";
		ok = false;
	}
	if (ok && !link_claims(job->link)) {
		*why = "it came before the claim page";
		ok = false;
	}
	if (!ok) {
		*outcome = COMMIT_REFUSED;
	} else if (!fill_job(job, fields)) {
		*why = "out of memory";
		ok = false;
	}
	if (!ok) {
		job_free(job);
		return NULL;
	}
	job->commit.message.body.fd = fields->descriptor;
	return job;
}

static bool
take_commit(struct neighbour *neighbour, const struct ipc_message *message)
{
	const struct commit_fields fields = commit_fields(message);
	enum commit_outcome outcome;
	const char *why;

	if (message->type == IPC_COMMIT_FD_ASK && message->descriptor < 0) {
		handles_abandon(neighbour->handles, fields.session, fields.transaction);
		turn_away(neighbour, &fields, COMMIT_TROUBLE, "no descriptor is left to take the body");
		return true;
	}
	struct job *job = make_job(neighbour, &fields, &outcome, &why);

	if (!job) {
		if (fields.descriptor >= 0)
			(void)close(fields.descriptor);
		turn_away(neighbour, &fields, outcome, why);
		return true;
	}
	if (!workers_submit(neighbour->server->workers, job)) {
		job_free(job);
		turn_away(neighbour, &fields, COMMIT_TROUBLE, "too many messages wait for delivery already");
	}
	return true;
}

static bool
take_abandon(struct neighbour *neighbour, const struct ipc_message *message)
{
	handles_abandon(neighbour->handles, message->abandon.session, message->abandon.transaction);
	return true;
}

static bool
take_settled(struct neighbour *neighbour, const struct ipc_message *message)
{
	static const struct timeval soon = { .tv_usec = FLUSH_MS * 1000 };
	struct server *server = neighbour->server;
	struct span receipts = message->settled.receipts;
	size_t unknown = receipts.length % 4 != 0;

	for (size_t i = 0; i < ipc_u32_count(receipts); i++)
		unknown += !unread_settle(server->unread, link_number(neighbour->link), ipc_u32_at(receipts, i));
	if (unknown)
		log_error("smtpd.%u settled %zu receipts that it does not hold", neighbour->instance, unknown);
	if (!event_pending(server->flush, EV_TIMEOUT, NULL))
		(void)event_add(server->flush, &soon);
	return true;
}

static const struct {
	enum ipc_type type;
	bool (*take)(struct neighbour *neighbour, const struct ipc_message *message);
} rows[] = {
	{ IPC_CLAIMS, take_claims },
	{ IPC_PROBE_ASK, take_probe },
	{ IPC_COMMIT_ASK, take_commit },
	{ IPC_COMMIT_FD_ASK, take_commit },
	{ IPC_ABANDON, take_abandon },
	{ IPC_SETTLED, take_settled },
};

bool
server_take_message(struct neighbour *neighbour, const struct ipc_message *message)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].type == message->type)
			return rows[i].take(neighbour, message);
	if (message->descriptor >= 0)
		(void)close(message->descriptor);
	return false;
}
