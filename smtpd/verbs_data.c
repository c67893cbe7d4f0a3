/* DATA, the text behind it, and the final dot (RFC 5321 4.1.1.4): reads strictly, judges, hands over to deliver.
 *
 * The final dot is a row of the session table like any command: it waits for deliver and runs again when deliver has
 * answered. Only COMMIT_DONE (now or by an earlier attempt) makes a 250.
 *
 * Trust: the text is anybody's; it is counted, hashed and kept, never interpreted beyond line ends and Received.
 * On failure: a text that cannot be kept is read to its end all the same, then refused.
 */
#include <stdio.h>

#include "lib/bug.h"
#include "lib/clock.h"
#include "smtpd/policy.h"
#include "smtpd/prdr.h"
#include "smtpd/session_engine.h"
#include "smtpd/trace_header.h"
#include "smtpd/verbs.h"

enum { RATE_GRACE_MS = 60000, ENDLESS_MARGIN_BYTES = 1 << 20, TRACE_ID_SIZE = 32 };

struct message *
verbs_begin_message(struct session *session)
{
	struct message *message = arena_alloc(&session->transaction_arena, sizeof *message);

	if (!message)
		return NULL;
	body_begin(&message->body, session->world->bodies);
	message->begun_ms = session_now_ms(session);
	session->transaction->message = message;
	return message;
}

enum handled
verb_data(struct session *session, struct span argument, struct reply *reply)
{
	(void)argument;
	if (session->transaction->is_deliver_lost)
		return verbs_refuse(reply, REPLY_COMMIT_TROUBLE);
	struct message *message = verbs_begin_message(session);
	if (!message)
		return verbs_refuse(reply, REPLY_NO_MEMORY);
	dotstream_begin(&message->stream);
	message->found = &message->stream.found;
	reply->id = REPLY_GO_AHEAD;
	return ACCEPTED;
}

enum handled
verb_data_too_soon(struct session *session, struct span argument, struct reply *reply)
{
	(void)argument;
	return verbs_refuse(reply, session->transaction->refused ? REPLY_NO_RECIPIENTS : REPLY_OUT_OF_ORDER);
}

void
verbs_keep_text(struct session *session, struct span text)
{
	struct message *message = session->transaction->message;
	const struct findings *found = message->found;

	if (found->text_bytes > session->world->config->max_message_size ||
	    (found->bare_newline_line && !message->mends_newlines))
		body_drop(&message->body, BODY_FAILED);
	else
		body_append(&message->body, text);
}

bool
verbs_is_endless(const struct session *session, uint64_t octets)
{
	return octets > 2 * session->world->config->max_message_size + ENDLESS_MARGIN_BYTES;
}

enum text_result
verbs_take_text(struct session *session, struct span bytes, size_t *taken)
{
	struct message *message = session->transaction->message;
	char *text = session->world->text;
	size_t length;

	bool ended = dotstream_feed(&message->stream, bytes, text, &length, taken);
	message->bytes += *taken;
	verbs_keep_text(session, span_make(text, length));
	if (ended)
		return TEXT_ENDS;
	return verbs_is_endless(session, message->found->text_bytes) ? TEXT_ENDLESS : TEXT_GOES_ON;
}

bool
verbs_has_message(const struct session *session)
{
	return session->transaction && session->transaction->message;
}

bool
verbs_text_is_slow(const struct session *session)
{
	const struct message *message = session->transaction->message;
	uint64_t elapsed_ms = session_now_ms(session) - message->begun_ms;

	return elapsed_ms > RATE_GRACE_MS && message->bytes < elapsed_ms / 1000 * session->world->config->data_rate;
}

static struct message_facts
gather(const struct message *message)
{
	const struct findings *found = message->found;

	return (struct message_facts){ .text_bytes = found->text_bytes,
		.bare_newline_line = found->bare_newline_line,
		.mends_newlines = message->mends_newlines,
		.nul_line = found->nul_line,
		.long_line = found->long_line,
		.received_fields = found->received_fields,
		.body = message->body.state };
}

static bool
passes(const struct session *session, const struct message_facts *message, enum policy_stage stage, struct reply *reply)
{
	struct facts facts = {
		.client = &session->client, .sender = &session->transaction->sender, .message = message
	};

	return policy_judge(&facts, session->world->config, stage, reply).answer == POLICY_ACCEPT;
}

bool
verbs_judge_text(const struct session *session, struct reply *reply)
{
	struct message_facts message = gather(session->transaction->message);

	return passes(session, &message, POLICY_TEXT, reply);
}

bool
verbs_judge_outcome(const struct session *session, enum commit_outcome outcome, struct reply *reply)
{
	struct message_facts message = gather(session->transaction->message);

	message.outcome = outcome;
	return passes(session, &message, POLICY_COMMIT, reply);
}

static void
append_spf(const struct session *session, enum spf_identity identity, struct buf *out)
{
	const struct sender_facts *sender = &session->transaction->sender;
	bool is_helo = identity == SPF_IDENTITY_HELO;
	struct trace_spf trace = { .result = is_helo ? sender->spf.helo : sender->spf.mailfrom,
		.identity = identity,
		.hostname = span_of(session->world->config->hostname),
		.client = session->client.address,
		.envelope_from = sender->address,
		.is_smtputf8 = sender->is_smtputf8,
		.helo = session->client.helo,
		.mechanism = is_helo ? sender->spf.helo_mechanism : sender->spf.mailfrom_mechanism,
		.problem = sender->spf.problem };

	trace_received_spf(&trace, out);
}

/* Received-SPF stands above the Received of the same hop (RFC 7208 9.1). */
static void
append_trace(const struct session *session, struct buf *out)
{
	const struct transaction *transaction = session->transaction;
	const struct spf_facts *spf = &transaction->sender.spf;
	char id[TRACE_ID_SIZE];
	struct trace_received trace = { .helo = session->client.helo,
		.client_name = session->client.name,
		.client = session->client.address,
		.hostname = span_of(session->world->config->hostname),
		.is_esmtp = session->is_esmtp,
		.is_smtputf8 = transaction->sender.is_smtputf8,
		.is_encrypted = session->client.tls.is_on,
		.is_authenticated = session->client.user.length > 0,
		.wall_us = clock_wall_us(),
		.tls_version = session->client.tls.version,
		.tls_cipher = session->client.tls.cipher,
		.tls_sni = session->client.tls.sni };

	(void)snprintf(id, sizeof id, "%016llx-%u", (unsigned long long)session->name, transaction->number);
	trace.id = span_of(id);
	if (transaction->accepted == 1)
		trace.single_recipient = transaction->named[0];
	if (spf->state == FACT_KNOWN) {
		append_spf(session, SPF_IDENTITY_MAILFROM, out);
		/* Of a null sender the HELO name is all that was checked. */
		if (spf->helo != SPF_NONE && transaction->sender.address.length)
			append_spf(session, SPF_IDENTITY_HELO, out);
	}
	trace_received(&trace, out);
}

/* Sends the message to deliver; true when an answer will come. */
static bool
ask_commit(struct session *session)
{
	struct transaction *transaction = session->transaction;
	struct message *message = transaction->message;
	struct buf trace = BUF_LIMIT(IPC_TRACE_BYTES);
	struct ipc_message ask = { .type = IPC_COMMIT_ASK, .descriptor = -1 };

	append_trace(session, &trace);
	/* Both forms of COMMIT begin with the same fields. */
	ask.commit_ask.session = session->id;
	ask.commit_ask.transaction = transaction->id;
	ask.commit_ask.deadline_ms = session_now_ms(session) + session->world->config->final_reply;
	ask.commit_ask.by_recipient = prdr_is_due(transaction);
	ask.commit_ask.body_bytes = message->body.length;
	ask.commit_ask.digest = span_make((const char *)message->body.digest, sizeof message->body.digest);
	ask.commit_ask.handles = buf_span(&transaction->handles);
	ask.commit_ask.mailfrom = transaction->sender.address;
	ask.commit_ask.trace = buf_span(&trace);
	if (message->body.home == BODY_IN_MEMORY) {
		ask.commit_ask.body = buf_span(&message->body.memory);
	} else {
		ask.type = IPC_COMMIT_FD_ASK;
		ask.descriptor = message->body.reader;
	}
	bool can_send = buf_ok(&trace) && !transaction->is_deliver_lost && prdr_make_room(session);
	bool sent = can_send && session->world->io->ask(session, &ask);
	message->claim = ask.commit_ask.claim;
	buf_free(&trace);
	return sent;
}

/* What those who have the message hear together, or nobody did. */
static enum reply_id
answer_to_all(const struct session *session)
{
	const struct transaction *transaction = session->transaction;
	struct prdr_tally tally = prdr_count(session);

	if (transaction->message->outcomes.length && tally.delivered < transaction->accepted)
		return prdr_final(&tally);
	return transaction->message->outcome == COMMIT_DONE ? REPLY_DELIVERED : REPLY_DELIVERED_BEFORE;
}

static enum handled
answer(struct session *session, struct reply *reply)
{
	struct message *message = session->transaction->message;

	if (!verbs_judge_outcome(session, message->outcome, reply)) {
		if (message->outcomes.length)
			reply->id = answer_to_all(session);
		return REFUSED;
	}
	if (message->outcome != COMMIT_DONE && message->outcome != COMMIT_DONE_BEFORE)
		BUG("policy accepted a message that deliver did not deliver");
	session_keep_receipt(session, message->receipt);
	session->messages++;
	session->world->bytes_accepted += message->found->text_bytes;
	int length = snprintf(reply->scratch, sizeof reply->scratch, "%016llx-%u", (unsigned long long)session->name,
	    session->transaction->number);
	reply->details[0] = span_make(reply->scratch, (size_t)length);
	reply->id = answer_to_all(session);
	return ACCEPTED;
}

enum handled
verb_final_dot(struct session *session, struct span argument, struct reply *reply)
{
	struct transaction *transaction = session->transaction;
	struct message *message = transaction->message;

	(void)argument;
	if (message->commit == FACT_KNOWN)
		return answer(session, reply);
	(void)body_finish(&message->body);
	if (!verbs_judge_text(session, reply))
		return REFUSED;
	transaction->asked_ms = session_now_ms(session);
	if (ask_commit(session)) {
		transaction->promised = 0;
		message->commit = FACT_ASKED;
		session->wait = WAIT_COMMIT;
		return WAITING;
	}
	message->commit = FACT_KNOWN;
	message->outcome = COMMIT_TROUBLE;
	return answer(session, reply);
}
