/* What a session hears from the door, dns, auth and deliver.
 *
 * An answer to a transaction that has ended is stale and dropped. An answer to the present one that was not asked
 * for, or holds a value that is none, is out of phase: the caller closes that channel.
 *
 * Trust: texts are kept as bytes and escaped where they are used; enums are checked here.
 * On failure: without memory the texts are left out; the facts themselves need none.
 */
#include "smtpd/auth_exchange.h"
#include "smtpd/prdr.h"
#include "smtpd/session_engine.h"

/* The session's transaction, if the answer is meant for it. */
static struct transaction *
addressee(struct session *session, uint32_t transaction)
{
	return session->transaction && session->transaction->id == transaction ? session->transaction : NULL;
}

static void
resume_if(struct session *session, enum session_wait wait)
{
	if (session->wait == wait)
		session_resume(session);
}

static uint32_t
since(const struct session *session, uint64_t asked_ms)
{
	return (uint32_t)(session_now_ms(session) - asked_ms);
}

static bool
hear_spf(struct session *session, const struct ipc_spf_say *say)
{
	struct transaction *transaction = addressee(session, say->transaction);

	if (say->helo_result >= SPF_RESULT_COUNT || say->mailfrom_result >= SPF_RESULT_COUNT || say->resolver_down > 1)
		return false;
	if (!transaction)
		return true;
	struct spf_facts *spf = &transaction->sender.spf;
	if (spf->state == FACT_NOT_ASKED)
		return false;
	if (spf->state == FACT_KNOWN)
		return spf->mailfrom == SPF_UNKNOWN; /* given up before; a second answer is out of phase */
	spf->state = FACT_KNOWN;
	spf->helo = say->helo_result;
	spf->mailfrom = say->mailfrom_result;
	spf->is_resolver_down = say->resolver_down;
	(void)session_keep(session, say->explanation, &spf->explanation);
	(void)session_keep(session, say->helo_mechanism, &spf->helo_mechanism);
	(void)session_keep(session, say->mailfrom_mechanism, &spf->mailfrom_mechanism);
	(void)session_keep(session, say->problem, &spf->problem);
	transaction->dns_ms = say->elapsed_us / 1000;
	resume_if(session, WAIT_SPF);
	return true;
}

static bool
hear_name(struct session *session, const struct ipc_name_say *say)
{
	struct client_facts *client = &session->client;
	struct span name = span_make(NULL, 0);

	if (say->result > IPREV_UNKNOWN)
		return false;
	/* It may be about an address that is not the client's any more. */
	if (session->is_name_late) {
		session->is_name_late = false;
		return true;
	}
	if (client->name_state != FACT_ASKED)
		return false;
	if (say->result == IPREV_CONFIRMED)
		name = arena_copy(&session->arena, say->name);
	facts_client_name(session->world->config,
	    name.data || say->result != IPREV_CONFIRMED ? say->result : IPREV_UNKNOWN, name, client);
	resume_if(session, WAIT_NAME);
	return true;
}

static bool
hear_probe(struct session *session, const struct ipc_probe_say *say)
{
	struct transaction *transaction = addressee(session, say->transaction);

	if (say->verdict > PROBE_TROUBLE || (say->verdict == PROBE_TAKES && say->handle == 0))
		return false;
	/* After deliver kept silent for too long an answer may be to an older question. */
	if (!transaction || transaction->is_deliver_lost)
		return true;
	if (transaction->probe.state != FACT_ASKED)
		return false;
	transaction->probe.state = FACT_KNOWN;
	transaction->probe.verdict = say->verdict;
	transaction->probe.handle = say->handle;
	if (say->verdict != PROBE_TAKES) {
		transaction->promised--;
		(void)session_keep(session, say->text, &transaction->probe.text);
	}
	transaction->deliver_ms += since(session, transaction->asked_ms);
	resume_if(session, WAIT_PROBE);
	return true;
}

static bool
hear_commit(struct session *session, const struct ipc_commit_say *say)
{
	struct transaction *transaction = addressee(session, say->transaction);

	if (say->outcome > COMMIT_REFUSED)
		return false;
	if (!transaction)
		return true;
	struct message *message = transaction->message;
	if (!message || message->commit != FACT_ASKED || !prdr_fits(transaction, say))
		return false;
	message->commit = FACT_KNOWN;
	message->outcome = say->outcome;
	message->receipt = say->receipt;
	message->copies = say->copies;
	prdr_take(message, say->outcomes);
	(void)session_keep(session, say->text, &message->text);
	transaction->deliver_ms += since(session, transaction->asked_ms);
	resume_if(session, WAIT_COMMIT);
	return true;
}

static bool
hear_auth(struct session *session, const struct ipc_auth_say *say)
{
	if (!session->auth || !auth_exchange_hear(session->auth, say, &session->arena))
		return false;
	resume_if(session, WAIT_AUTH);
	return true;
}

bool
session_hear(struct session *session, const struct ipc_message *say)
{
	if (say->type == IPC_ANNOUNCED_SAY)
		return session_hear_announced(session, &say->announced_say);
	if (say->type == IPC_HARVESTER)
		return session_hear_harvester(session);
	if (say->type == IPC_SPF_SAY)
		return hear_spf(session, &say->spf_say);
	if (say->type == IPC_NAME_SAY)
		return hear_name(session, &say->name_say);
	if (say->type == IPC_AUTH_SAY)
		return hear_auth(session, &say->auth_say);
	if (say->type == IPC_PROBE_SAY)
		return hear_probe(session, &say->probe_say);
	if (say->type == IPC_COMMIT_SAY)
		return hear_commit(session, &say->commit_say);
	return false;
}

static void
lose_dns(struct session *session)
{
	struct transaction *transaction = session->transaction;

	session->is_name_late = false;
	if (session->client.name_state == FACT_ASKED)
		facts_client_name(session->world->config, IPREV_UNKNOWN, span_make(NULL, 0), &session->client);
	if (transaction && transaction->sender.spf.state == FACT_ASKED)
		facts_spf_unknown(&transaction->sender.spf);
	if (session->wait == WAIT_SPF || session->wait == WAIT_NAME)
		session_resume(session);
}

static void
lose_auth(struct session *session)
{
	if (session->auth)
		auth_exchange_lose(session->auth);
	resume_if(session, WAIT_AUTH);
}

static void
lose_deliver(struct session *session)
{
	struct transaction *transaction = session->transaction;

	/* Its receipts die with it: the numbers mean nothing to the next one. */
	session_drop_receipts(session);
	if (!transaction)
		return;
	transaction->promised = 0;
	if (transaction->accepted)
		transaction->is_deliver_lost = true;
	if (session->wait == WAIT_PROBE) {
		transaction->probe = (struct probe){ .state = FACT_KNOWN, .verdict = PROBE_TROUBLE };
		session_resume(session);
	} else if (session->wait == WAIT_COMMIT) {
		transaction->message->commit = FACT_KNOWN;
		transaction->message->outcome = COMMIT_TROUBLE;
		session_resume(session);
	}
}

void
session_neighbour_gone(struct session *session, enum role neighbour)
{
	if (neighbour == ROLE_DOOR)
		session_lose_door(session);
	if (neighbour == ROLE_DNS)
		lose_dns(session);
	if (neighbour == ROLE_AUTH)
		lose_auth(session);
	if (neighbour == ROLE_DELIVER)
		lose_deliver(session);
}
