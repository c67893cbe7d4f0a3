/* Finding the facts of control/explain.h.
 *
 * On failure: see the header.
 */
#include "control/explain.h"

#include "lib/clock.h"
#include "lookup/mail_address.h"
#include "lookup/map_settings.h"
#include "control/explain_message.h"

enum { SESSION = 1, TRANSACTION = 1, SLACK_MS = 1000, PROBE_LIMIT_MS = 5000 };

/* What stands between the brackets, if there are any. */
static struct span
without_brackets(const char *path)
{
	struct span text = span_of(path);

	if (text.length >= 2 && text.data[0] == '<' && text.data[text.length - 1] == '>')
		return span_make(text.data + 1, text.length - 2);
	return text;
}

static bool
fits(struct span text, size_t limit, const char *option, struct buf *why)
{
	if (text.length <= limit)
		return true;
	buf_printf(why, "%s is longer than the %zu bytes that SMTP could bring", option, limit);
	return false;
}

/* As the session would be in which he may send. */
static void
take_user(struct explain *explain, const char *user)
{
	explain->client.user = span_of(user);
	explain->client.role = LISTENER_SUBMISSION;
	explain->client.tls.is_on = true;
}

bool
explain_take(struct explain *explain, const struct explain_question *question, struct buf *why)
{
	struct peer_address address;
	struct span helo = span_of(question->helo);
	struct span from = without_brackets(question->from);
	struct span to = question->to ? without_brackets(question->to) : span_make("", 0);

	explain->name = BUF_LIMIT(IPC_DOMAIN_BYTES);
	explain->explanation = BUF_LIMIT(IPC_TEXT_BYTES);
	explain->helo_mechanism = BUF_LIMIT(IPC_DOMAIN_BYTES);
	explain->mailfrom_mechanism = BUF_LIMIT(IPC_DOMAIN_BYTES);
	explain->problem = BUF_LIMIT(IPC_TEXT_BYTES);
	explain->probe_text = BUF_LIMIT(IPC_TEXT_BYTES);
	if (!peer_parse_ip(span_of(question->ip), &address)) {
		buf_printf(why, "--ip %s is no address; write 192.0.2.1 or 2001:db8::1", question->ip);
		return false;
	}
	if (question->user && !fits(span_of(question->user), IPC_ADDRESS_BYTES, "--user", why))
		return false;
	if (!fits(helo, IPC_DOMAIN_BYTES, "--helo", why) || !fits(from, IPC_ADDRESS_BYTES, "--from", why) ||
	    !fits(to, IPC_ADDRESS_BYTES, "--to", why))
		return false;
	facts_client(explain->config, &address, &explain->client);
	explain->client.helo = helo;
	if (question->user)
		take_user(explain, question->user);
	explain->sender.address = from;
	explain->sender.domain = mail_address_written_domain(mail_address_with_a_labels(from, explain->sender_room));
	facts_spf_unknown(&explain->sender.spf);
	explain->has_recipient = question->to != NULL;
	explain->recipient.address = to;
	explain->has_message = question->message != NULL;
	return !question->message || explain_message_read(question->message, &explain->message, why);
}

static struct span
keep(struct buf *home, struct span text)
{
	buf_reset(home);
	buf_append(home, text);
	return buf_span(home);
}

static void
take_spf(struct explain *explain, const struct ipc_spf_say *say)
{
	struct spf_facts *spf = &explain->sender.spf;

	/* A result that is none of RFC 7208's stays unknown. */
	if (say->helo_result > SPF_UNKNOWN || say->mailfrom_result > SPF_UNKNOWN)
		return;
	*spf = (struct spf_facts){ .state = FACT_KNOWN,
		.helo = (enum spf_result)say->helo_result,
		.mailfrom = (enum spf_result)say->mailfrom_result,
		.is_resolver_down = say->resolver_down != 0 };
	spf->explanation = keep(&explain->explanation, say->explanation);
	spf->helo_mechanism = keep(&explain->helo_mechanism, say->helo_mechanism);
	spf->mailfrom_mechanism = keep(&explain->mailfrom_mechanism, say->mailfrom_mechanism);
	spf->problem = keep(&explain->problem, say->problem);
}

static void
take_name(struct explain *explain, const struct ipc_name_say *say)
{
	if (say->result <= IPREV_UNKNOWN)
		facts_client_name(
		    explain->config, (enum iprev_result)say->result, keep(&explain->name, say->name), &explain->client);
}

static bool
ask_both(struct explain *explain)
{
	uint32_t deadline_ms = (uint32_t)explain->config->spf_deadline;
	struct ipc_message name = { .type = IPC_NAME_ASK, .descriptor = -1 };
	struct ipc_message spf = { .type = IPC_SPF_ASK, .descriptor = -1 };

	name.name_ask.session = SESSION;
	name.name_ask.deadline_ms = deadline_ms;
	name.name_ask.client = explain->client.address;
	spf.spf_ask.session = SESSION;
	spf.spf_ask.transaction = TRANSACTION;
	spf.spf_ask.deadline_ms = deadline_ms;
	spf.spf_ask.client = explain->client.address;
	spf.spf_ask.helo = explain->client.helo;
	spf.spf_ask.mailfrom = mail_address_with_a_labels(explain->sender.address, explain->sender_room);
	return explain_rooms_ask(&explain->rooms.dns, &name) && explain_rooms_ask(&explain->rooms.dns, &spf);
}

void
explain_ask_dns(struct explain *explain)
{
	uint64_t until_ms = clock_monotonic_ms() + explain->config->spf_deadline + SLACK_MS;
	struct ipc_message answer;
	unsigned awaited = 2;

	if (!ask_both(explain))
		return;
	while (awaited > 0) {
		uint64_t now_ms = clock_monotonic_ms();

		if (now_ms >= until_ms ||
		    !explain_rooms_hear(&explain->rooms, &explain->rooms.dns, until_ms - now_ms, &answer))
			return;
		if (answer.type == IPC_SPF_SAY)
			take_spf(explain, &answer.spf_say);
		else if (answer.type == IPC_NAME_SAY)
			take_name(explain, &answer.name_say);
		awaited--;
	}
}

static void
probe(struct explain *explain)
{
	struct ipc_message ask = { .type = IPC_PROBE_ASK, .descriptor = -1 };
	struct ipc_message answer;

	explain->recipient.probe = PROBE_TROUBLE;
	ask.probe_ask.session = SESSION;
	ask.probe_ask.transaction = TRANSACTION;
	ask.probe_ask.bytes = explain->message.text_bytes;
	ask.probe_ask.address = explain->recipient.address;
	if (!explain_rooms_ask(&explain->rooms.deliver, &ask) ||
	    !explain_rooms_hear(&explain->rooms, &explain->rooms.deliver, PROBE_LIMIT_MS, &answer) ||
	    answer.type != IPC_PROBE_SAY || answer.probe_say.verdict > PROBE_TROUBLE) {
		(void)keep(&explain->probe_text, SPAN("deliver does not answer"));
		return;
	}
	explain->has_probe_answer = true;
	explain->recipient.probe = (enum probe_verdict)answer.probe_say.verdict;
	(void)keep(&explain->probe_text, answer.probe_say.text);
}

void
explain_find_owner(struct explain *explain)
{
	const struct map_rules rules = map_rules_of(explain->config);
	struct sender_facts *sender = &explain->sender;
	struct map_mailbox mailbox;
	struct mail_address user;

	if (explain->client.user.length == 0 || sender->address.length == 0)
		return;
	sender->ownership = OWNERSHIP_UNKNOWN;
	if (!explain->map)
		return;
	/* As auth would name him. */
	bool has_mailbox =
	    mail_address_canonical(explain->client.user, rules.keeps_local_case, &user) == MAIL_ADDRESS_OK;
	if (has_mailbox) {
		map_lookup(explain->map, &rules, mail_address_span(&user), &explain->found);
		has_mailbox = facts_user_mailbox(mail_address_span(&user), &explain->found, &mailbox);
	}
	map_lookup(explain->map, &rules, sender->address, &explain->found);
	sender->ownership = facts_ownership(has_mailbox ? &mailbox : NULL, &explain->found);
}

void
explain_ask_recipient(struct explain *explain)
{
	const struct map_rules rules = map_rules_of(explain->config);
	struct span address = explain->recipient.address;

	if (explain->map)
		map_lookup(explain->map, &rules, address, &explain->found);
	facts_recipient(address, explain->map ? &explain->found : NULL, 0, &explain->recipient);
	explain->recipient.shown = mail_address_with_a_labels(address, explain->shown_room);
	explain->has_probe_answer = !explain->map || explain->found.verdict != MAP_DELIVER;
	if (!explain->has_probe_answer)
		probe(explain);
}

void
explain_free(struct explain *explain)
{
	if (explain->map)
		map_close(explain->map);
	buf_free(&explain->name);
	buf_free(&explain->explanation);
	buf_free(&explain->helo_mechanism);
	buf_free(&explain->mailfrom_mechanism);
	buf_free(&explain->problem);
	buf_free(&explain->probe_text);
}
