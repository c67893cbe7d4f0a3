/* The lines of smtpd/transaction_log.h.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "smtpd/transaction_log.h"

#include "lib/log.h"
#include "smtpd/prdr.h"
#include "smtpd/session_engine.h"

enum { MAP_SIZE = 512, TO_LIMIT_BYTES = 2048, REFUSALS_LOGGED = 100 };

static void
begin(struct log_line *line, const char *event, const struct session *session)
{
	char text[PEER_TEXT_SIZE];

	log_begin(line, event);
	log_pair_hex(line, "session", session->name);
	peer_format_ip(&session->client.address, text);
	log_pair_text(line, "client", text);
	if (session->client.proxy.family) {
		peer_format_ip(&session->client.proxy, text);
		log_pair_text(line, "proxy", text);
	}
	if (session->client.name.length)
		log_pair(line, "name", session->client.name);
	if (session->client.helo.length)
		log_pair(line, "helo", session->client.helo);
	if (session->client.user.length)
		log_pair(line, "auth", session->client.user);
}

static void
put_sender(struct log_line *line, struct span sender)
{
	log_pair(line, "from", sender.length ? sender : SPAN("<>"));
}

static void
put_tls_version(struct log_line *line, const struct session *session)
{
	const struct tls_facts *tls = &session->client.tls;

	log_pair(line, "tls", tls->is_on ? tls->version : SPAN("no"));
}

static void
put_tls(struct log_line *line, const struct session *session)
{
	const struct tls_facts *tls = &session->client.tls;

	put_tls_version(line, session);
	if (!tls->is_on)
		return;
	log_pair(line, "cipher", tls->cipher);
	if (tls->sni.length)
		log_pair(line, "sni", tls->sni);
}

static void
put_spf(struct log_line *line, const struct transaction *transaction)
{
	if (!transaction || transaction->sender.spf.state == FACT_NOT_ASKED) {
		log_pair_text(line, "spf", "exempt");
		log_pair_text(line, "spf-helo", "exempt");
		return;
	}
	const struct spf_facts *spf = &transaction->sender.spf;
	bool is_known = spf->state == FACT_KNOWN;
	log_pair_text(line, "spf", spf_result_name(is_known ? spf->mailfrom : SPF_UNKNOWN));
	log_pair_text(line, "spf-helo", spf_result_name(is_known ? spf->helo : SPF_UNKNOWN));
}

static const char *
verdict_of(enum reply_id id)
{
	unsigned kind = reply_code(id) / 100;

	if (id == REPLY_NONE)
		return "abandoned";
	if (kind == 2)
		return "accepted";
	return kind == 4 ? "deferred" : "refused";
}

static void
put_verdict(struct log_line *line, enum reply_id id, const char *reason)
{
	log_pair_text(line, "verdict", verdict_of(id));
	if (id != REPLY_NONE)
		log_pair_number(line, "code", reply_code(id));
	log_pair_text(line, "reason", reason);
}

static void
put_map(struct log_line *line, struct span file, unsigned number)
{
	struct buf text = BUF_LIMIT(MAP_SIZE);

	if (number == 0)
		return;
	buf_append(&text, file);
	buf_append_char(&text, ':');
	buf_append_u64(&text, number);
	log_pair(line, "map", buf_span(&text));
	buf_free(&text);
}

static void
put_detail(struct log_line *line, struct span text)
{
	if (text.length)
		log_pair(line, "detail", text);
}

void
transaction_log_refusal(const struct session *session, struct span sender, struct span recipient,
    const struct map_result *found, const struct reply *reply)
{
	struct log_line line;

	/* What is only deferred ends no session: one client could fill a disk. */
	if (session->refusals >= REFUSALS_LOGGED)
		return;
	begin(&line, "refused", session);
	put_sender(&line, sender);
	if (recipient.data)
		log_pair(&line, "to", recipient);
	put_tls_version(&line, session);
	put_spf(&line, session->transaction);
	put_verdict(&line, reply->id, reply_reason(reply->id));
	if (found)
		put_map(&line, found->file, found->line);
	if (session->transaction)
		put_detail(&line, session->transaction->probe.text);
	log_end(&line);
}

static void
put_recipients(struct log_line *line, const struct session *session)
{
	const struct transaction *transaction = session->transaction;
	struct buf to = BUF_LIMIT(TO_LIMIT_BYTES);

	for (unsigned i = 0; i < transaction->accepted && i < TRANSACTION_NAMED; i++) {
		if (i)
			buf_append_char(&to, ',');
		buf_append(&to, transaction->named[i]);
	}
	log_pair(line, "to", buf_span(&to));
	log_pair_number(line, "recipients", transaction->accepted);
	log_pair_number(line, "refused", transaction->refused);
	if (transaction->message && transaction->message->outcomes.length)
		log_pair_number(line, "delivered", prdr_count(session).delivered);
	buf_free(&to);
}

static void
put_outcome(struct log_line *line, const struct message *message)
{
	if (!message || message->commit == FACT_NOT_ASKED)
		return;
	if (message->copies)
		log_pair_number(line, "copies", message->copies);
	put_detail(line, message->text);
}

void
transaction_log_end(const struct session *session, enum reply_id answer, const char *reason)
{
	const struct transaction *transaction = session->transaction;
	const struct message *message = transaction->message;
	struct log_line line;

	if (answer == REPLY_NONE && transaction->accepted == 0 && transaction->refused > 0)
		return;
	begin(&line, "transaction", session);
	log_pair_number(&line, "transaction", transaction->number);
	put_sender(&line, transaction->sender.address);
	put_recipients(&line, session);
	log_pair_number(&line, "size", message ? message->found->text_bytes : 0);
	put_tls(&line, session);
	put_spf(&line, transaction);
	put_verdict(&line, answer, reason);
	if (transaction->doubt[0])
		log_pair_text(&line, "doubt", transaction->doubt);
	put_map(&line, transaction->map_file, transaction->map_line);
	put_outcome(&line, message);
	log_pair_number(&line, "dns-ms", transaction->dns_ms);
	log_pair_number(&line, "deliver-ms", transaction->deliver_ms);
	log_pair_number(&line, "ms", session_now_ms(session) - transaction->begun_ms);
	log_end(&line);
}

void
transaction_log_session(const struct session *session)
{
	struct log_line line;

	begin(&line, "session", session);
	if (session->client.is_early)
		log_pair_text(&line, "early", "yes");
	put_tls(&line, session);
	log_pair_number(&line, "transactions", session->transactions);
	log_pair_number(&line, "messages", session->messages);
	log_pair_number(&line, "refused", session->refusals);
	log_pair_number(&line, "errors", session->errors);
	log_pair_text(&line, "reason", session->end_reason);
	log_pair_number(&line, "ms", session_now_ms(session) - session->begun_ms);
	log_end(&line);
}

void
transaction_log_tls_failure(const struct session *session, const struct tls_failure *failure)
{
	struct log_line line;

	begin(&line, "tls-failed", session);
	put_tls(&line, session);
	log_pair_text(&line, "reason", failure->reason);
	put_detail(&line, span_of(failure->detail));
	/* A user's program that speaks on in the clear may have sent a password. */
	if (failure->sent.length && !session_awaits_secret(session))
		log_pair(&line, "sent", failure->sent);
	log_pair_number(&line, "ms", session_now_ms(session) - session->begun_ms);
	log_end(&line);
}
