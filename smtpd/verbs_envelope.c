/* MAIL and RCPT (RFC 5321 4.1.1.2, 4.1.1.3): parse, gather facts, ask policy.
 *
 * RCPT asks in the order of cost: the map in process, then what SPF said (asked for at MAIL, answered meanwhile),
 * then deliver. So most refusals cost no question at all.
 *
 * Trust: paths and parameters are parsed before anything is kept; kept spans live in the transaction's arena.
 * On failure: REFUSED; nothing of a refused command is kept but its line in the log.
 */
#include "lookup/mail_address.h"
#include "smtpd/address.h"
#include "smtpd/params.h"
#include "smtpd/policy.h"
#include "smtpd/prdr.h"
#include "smtpd/session_engine.h"
#include "smtpd/transaction_log.h"
#include "smtpd/verbs.h"

/* Takes "FROM:" or "TO:" and the spaces that some clients send behind it. */
static bool
take_keyword(struct span *text, struct span keyword)
{
	if (!span_starts_nocase(*text, keyword))
		return false;
	*text = span_skip(*text, keyword.length);
	while (text->length && text->data[0] == ' ')
		*text = span_skip(*text, 1);
	return true;
}

static bool
params_are_good(enum params_result result, struct span offender, struct reply *reply)
{
	reply->details[0] = offender;
	switch (result) {
	case PARAMS_OK:
		return true;
	case PARAMS_UNKNOWN:
		reply->id = REPLY_UNKNOWN_PARAMETER;
		return false;
	case PARAMS_BAD_SYNTAX:
	case PARAMS_BAD_VALUE:
	case PARAMS_TWICE:
		reply->id = REPLY_BAD_PARAMETER;
		return false;
	}
	return false;
}

/* What is said of a path that is none; too_long and bad are the sender's or the recipient's. */
static enum reply_id
reply_of(enum address_result result, enum reply_id bad, enum reply_id too_long)
{
	switch (result) {
	case ADDRESS_TOO_LONG:
		return too_long;
	case ADDRESS_NO_MEMORY:
		return REPLY_NO_MEMORY;
	case ADDRESS_OK:
	case ADDRESS_BAD_SYNTAX:
		break;
	}
	return bad;
}

/* Reads the argument of MAIL; sender's spans point into it, but for a domain that is not ASCII: that is in room. */
static bool
parse_mail(struct span argument, char room[static MAIL_DOMAIN_BYTES], struct sender_facts *sender, struct reply *reply)
{
	struct mail_params params = { 0 };
	struct address address;
	struct span offender;
	struct span rest;

	reply->id = REPLY_BAD_MAIL;
	if (!take_keyword(&argument, SPAN("FROM:")))
		return false;
	enum address_result result = address_parse_path(argument, &address, &rest);
	reply->id = reply_of(result, REPLY_BAD_SENDER, REPLY_LONG_SENDER);
	/* <postmaster> without a domain is a recipient, never a sender. */
	if (result != ADDRESS_OK || (address.whole.length && address.domain.length == 0))
		return false;
	if (!params_are_good(params_parse_mail(rest, &params, &offender), offender, reply))
		return false;
	reply->id = REPLY_UTF8_SENDER;
	if (address.is_utf8 && !params.is_smtputf8)
		return false;
	*sender = (struct sender_facts){
		.address = address.whole, .domain = address.domain, .is_smtputf8 = params.is_smtputf8
	};
	if (!span_is_ascii(address.domain))
		sender->domain = span_make(room, mail_domain_canonical(address.domain, room));
	sender->announced_bytes = params.has_size ? params.size_bytes : 0;
	sender->wants_prdr = params.has_prdr;
	return true;
}

/* Reads the argument of RCPT; *recipient points into it. */
static bool
parse_rcpt(struct span argument, bool is_smtputf8, struct span *recipient, struct reply *reply)
{
	struct address address;
	struct span offender;
	struct span rest;

	reply->id = REPLY_BAD_RCPT;
	if (!take_keyword(&argument, SPAN("TO:")))
		return false;
	enum address_result result = address_parse_path(argument, &address, &rest);
	reply->id = reply_of(result, REPLY_BAD_RECIPIENT, REPLY_LONG_RECIPIENT);
	if (result != ADDRESS_OK || address.whole.length == 0)
		return false;
	reply->id = REPLY_UTF8_RECIPIENT;
	if (address.is_utf8 && !is_smtputf8)
		return false;
	*recipient = address.whole;
	return params_are_good(params_parse_rcpt(rest, &offender), offender, reply);
}

/* Asks dns about the sender, unless this client is exempt; nobody waits for the answer before RCPT. */
static void
ask_spf(struct session *session)
{
	struct session_world *world = session->world;
	struct transaction *transaction = session->transaction;
	struct ipc_message ask = { .type = IPC_SPF_ASK, .descriptor = -1 };
	char room[MAIL_ADDRESS_BYTES];

	if (facts_client_is_exempt(&session->client))
		return;
	ask.spf_ask.session = session->id;
	ask.spf_ask.transaction = transaction->id;
	ask.spf_ask.deadline_ms = (uint32_t)world->config->spf_deadline;
	ask.spf_ask.client = session->client.address;
	ask.spf_ask.helo = session->client.helo;
	/* SPF knows A-labels only (RFC 8616 4). */
	ask.spf_ask.mailfrom = mail_address_with_a_labels(transaction->sender.address, room);
	transaction->sender.spf.state = FACT_ASKED;
	if (!world->io->ask(session, &ask))
		facts_spf_unknown(&transaction->sender.spf);
}

/* May the user send as this sender? The map knows, as it knows who gets the answers. */
static enum ownership
find_owner(struct session *session, struct span sender)
{
	const struct session_io *io = session->world->io;
	struct map_result *found = session->world->found;
	struct map_mailbox mailbox;

	if (session->client.user.length == 0 || sender.length == 0)
		return OWNERSHIP_OF_NO_USER;
	if (!io->look_up(session, session->client.user, found))
		return OWNERSHIP_UNKNOWN;
	bool has_mailbox = facts_user_mailbox(session->client.user, found, &mailbox);
	if (!io->look_up(session, sender, found))
		return OWNERSHIP_UNKNOWN;
	return facts_ownership(has_mailbox ? &mailbox : NULL, found);
}

enum handled
verb_mail(struct session *session, struct span argument, struct reply *reply)
{
	struct sender_facts sender = { 0 };
	char room[MAIL_DOMAIN_BYTES];

	if (!parse_mail(argument, room, &sender, reply))
		return REFUSED;
	sender.ownership = find_owner(session, sender.address);
	struct facts facts = { .client = &session->client, .sender = &sender };
	if (policy_judge(&facts, session->world->config, POLICY_MAIL, reply).answer != POLICY_ACCEPT) {
		transaction_log_refusal(session, sender.address, span_make(NULL, 0), NULL, reply);
		return REFUSED;
	}
	if (!session_begin_transaction(session, &sender))
		return verbs_refuse(reply, REPLY_NO_MEMORY);
	ask_spf(session);
	session->mail_ms = session->transaction->begun_ms;
	reply->id = REPLY_SENDER_TAKEN;
	return ACCEPTED;
}

static enum handled
wait_for(struct session *session, enum session_wait wait)
{
	session->wait = (uint8_t)wait;
	session->transaction->asked_ms = session_now_ms(session);
	return WAITING;
}

/* Must the session wait before SPF can be judged? */
static enum session_wait
awaited_fact(const struct session *session, const struct recipient_facts *recipient)
{
	if (recipient->is_postmaster || session->transaction->sender.spf.state == FACT_NOT_ASKED ||
	    facts_client_is_exempt(&session->client))
		return WAIT_NOTHING;
	if (session->transaction->sender.spf.state == FACT_ASKED)
		return WAIT_SPF;
	return facts_client_awaits_name(session->world->config, &session->client) ? WAIT_NAME : WAIT_NOTHING;
}

/* Asks deliver, once a recipient; true when the answer is there. */
static bool
probe_is_known(struct session *session, struct span address)
{
	struct transaction *transaction = session->transaction;
	struct probe *probe = &transaction->probe;
	struct ipc_message ask = { .type = IPC_PROBE_ASK, .descriptor = -1 };

	if (probe->state == FACT_KNOWN)
		return true;
	ask.probe_ask.session = session->id;
	ask.probe_ask.transaction = transaction->id;
	ask.probe_ask.bytes = transaction->sender.announced_bytes;
	ask.probe_ask.address = address;
	probe->state = FACT_ASKED;
	if (!transaction->is_deliver_lost && session->world->io->ask(session, &ask)) {
		transaction->promised++;
		return false;
	}
	*probe = (struct probe){ .state = FACT_KNOWN, .verdict = PROBE_TROUBLE };
	return true;
}

static bool
passes(const struct session *session, const struct facts *facts, enum policy_stage stage, struct reply *reply)
{
	struct policy_verdict verdict = policy_judge(facts, session->world->config, stage, reply);

	if (verdict.answer != POLICY_ACCEPT)
		return false;
	if (verdict.because[0] && !session->transaction->doubt[0])
		session->transaction->doubt = verdict.because;
	return true;
}

/* All stages of one recipient, as far as the facts go. */
static enum handled
judge(struct session *session, struct recipient_facts *recipient, struct reply *reply)
{
	struct transaction *transaction = session->transaction;
	struct facts facts = { .client = &session->client, .sender = &transaction->sender, .recipient = recipient };

	if (!passes(session, &facts, POLICY_RECIPIENT, reply))
		return REFUSED;
	enum session_wait awaited = awaited_fact(session, recipient);
	if (awaited != WAIT_NOTHING)
		return wait_for(session, awaited);
	if (!passes(session, &facts, POLICY_SENDER, reply))
		return REFUSED;
	if (!probe_is_known(session, recipient->address))
		return wait_for(session, WAIT_PROBE);
	recipient->probe = transaction->probe.verdict;
	return passes(session, &facts, POLICY_PROBE, reply) ? ACCEPTED : REFUSED;
}

/* Keeps what an accepted recipient leaves behind. */
static bool
keep_recipient(struct session *session, struct span address, const struct map_result *found)
{
	struct transaction *transaction = session->transaction;

	if (transaction->accepted == 0) {
		if (!session_keep(session, found->file, &transaction->map_file))
			return false;
		transaction->map_line = found->line;
	}
	if (transaction->accepted < TRANSACTION_NAMED &&
	    !session_keep(session, address, &transaction->named[transaction->accepted]))
		return false;
	if (transaction->sender.wants_prdr && !prdr_keep(session, address))
		return false;
	ipc_append_u32(&transaction->handles, transaction->probe.handle);
	if (!buf_ok(&transaction->handles))
		return false;
	transaction->accepted++;
	return true;
}

/* What a reply shows of an address outlives the handler. Without memory it has "?" for what is not ASCII. */
static struct span
shown_form(struct session *session, struct span address)
{
	char room[MAIL_ADDRESS_BYTES];
	struct span shown = mail_address_with_a_labels(address, room);

	if (shown.data == address.data || !session_keep(session, shown, &shown))
		return address;
	return shown;
}

enum handled
verb_rcpt(struct session *session, struct span argument, struct reply *reply)
{
	struct transaction *transaction = session->transaction;
	struct map_result *found = session->world->found;
	struct recipient_facts recipient;
	struct span address;

	if (!parse_rcpt(argument, transaction->sender.is_smtputf8, &address, reply))
		return REFUSED;
	bool has_map = session->world->io->look_up(session, address, found);
	facts_recipient(address, has_map ? found : NULL, transaction->accepted, &recipient);
	recipient.shown = shown_form(session, address);
	enum handled handled = judge(session, &recipient, reply);
	if (handled == WAITING)
		return WAITING;
	if (handled == ACCEPTED && !keep_recipient(session, address, found))
		handled = verbs_refuse(reply, REPLY_NO_MEMORY);
	if (handled == ACCEPTED) {
		reply->id = REPLY_RECIPIENT_TAKEN;
	} else {
		transaction->refused++;
		transaction_log_refusal(session, transaction->sender.address, address, has_map ? found : NULL, reply);
	}
	transaction->probe = (struct probe){ .state = FACT_NOT_ASKED };
	return handled;
}
