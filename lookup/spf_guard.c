/* The guard of lookup/spf_guard.h: tokens to terms, terms to names, names to pinned answers; and the counting.
 *
 * Trust: see the header.
 * On failure: see the header; the sentences in `problem` hold names and terms escaped and cut.
 */
#include "lookup/spf_guard.h"

#include <string.h>

#include "lookup/spf_identity.h"
#include "lookup/spf_names.h"

enum { QUOTED_BYTES = 100 };

static const struct spf_answer stopped = { .kind = SPF_ANSWER_STOP };
static const struct spf_answer nothing = { .kind = SPF_ANSWER_NOTHING };

/* Ends the check with a verdict and a sentence: what came before the quoted text, and what after. */
static void
stop(struct spf_guard *guard, enum spf_result verdict, const char *before, struct span quoted, const char *after)
{
	if (guard->stop == SPF_STOP_VERDICT)
		return;
	guard->stop = SPF_STOP_VERDICT;
	guard->verdict = verdict;
	buf_append_text(&guard->problem, before);
	buf_append_escaped(&guard->problem, span_take(quoted, QUOTED_BYTES));
	buf_append_text(&guard->problem, after);
}

static enum dns_type
address_type(const struct spf_guard *guard)
{
	return guard->facts.client.family == 6 ? DNS_AAAA : DNS_A;
}

const struct dns_answer *
spf_guard_fetch(struct spf_guard *guard, enum dns_type type, struct span presentation)
{
	if (guard->stop == SPF_STOP_VERDICT)
		return NULL;
	const struct dns_answer *answer = replay_lookup(guard->replay, type, presentation);
	if (!answer) {
		guard->stop = SPF_STOP_WAIT;
		return NULL;
	}
	if (answer->status != DNS_RESOLVER_DOWN)
		return answer;
	guard->resolver_down = true;
	stop(guard, SPF_TEMPERROR, "no resolver answers (asked for ", presentation, ")");
	return NULL;
}

/* Counts an empty answer, a question twice asked only once (docs/adr/0007). */
static void
count_void(struct spf_guard *guard, enum dns_type type, struct span presentation)
{
	for (size_t i = 0; i < guard->void_count; i++) {
		const struct spf_void *known = &guard->voids[i];

		if (known->type == type && span_equal_nocase(span_make(known->name, known->length), presentation))
			return;
	}
	if (guard->void_count == SPF_VOIDS_MAX) {
		stop(guard, SPF_PERMERROR, "more than two lookups found nothing, the last for ", presentation,
		    " (RFC 7208 4.6.4)");
		return;
	}
	struct spf_void *added = &guard->voids[guard->void_count++];
	added->type = type;
	added->length = presentation.length;
	memcpy(added->name, presentation.data, presentation.length);
}

/* The records of an answer that a term depends on; NULL when there are none, or the check is over. */
static const struct dns_answer *
resolve(struct spf_guard *guard, enum dns_type type, struct span presentation)
{
	if (presentation.length == 0 || presentation.length > DNS_NAME_BYTES)
		return NULL;
	const struct dns_answer *answer = spf_guard_fetch(guard, type, presentation);
	if (!answer)
		return NULL;
	if (answer->status == DNS_TROUBLE) {
		stop(guard, SPF_TEMPERROR, "the DNS of ", presentation, " does not answer for now");
		return NULL;
	}
	if (answer->status == DNS_FOUND && answer->count > 0)
		return answer;
	count_void(guard, type, presentation);
	return NULL;
}

static const struct dns_answer *
resolve_name(struct spf_guard *guard, enum dns_type type, const struct spf_name *name)
{
	char text[DNS_NAME_BYTES];

	return resolve(guard, type, spf_name_present(name, text, sizeof text));
}

bool
spf_guard_is_client(struct spf_guard *guard, struct span presentation)
{
	const size_t bytes = guard->facts.client.family == 6 ? 16 : 4;

	if (presentation.length == 0 || presentation.length > DNS_NAME_BYTES)
		return false;
	const struct dns_answer *answer = spf_guard_fetch(guard, address_type(guard), presentation);
	if (!answer || answer->status != DNS_FOUND)
		return false;
	for (size_t i = 0; i < answer->count; i++)
		if (memcmp(answer->records[i].ip, guard->facts.client.ip, bytes) == 0)
			return true;
	return false;
}

static struct spf_macro_facts
facts_for(struct spf_guard *guard, const struct spf_source *source, struct span text)
{
	struct spf_macro_facts facts = guard->facts;

	facts.domain = spf_name_span(&source->domain);
	if (spf_macro_uses_validated(text))
		facts.validated = spf_names_best(guard, facts.domain);
	return facts;
}

/* The name that a domain-spec stands for. False when it cannot be asked, or the check is over. */
static bool
expand(struct spf_guard *guard, const struct spf_source *source, struct span domain_spec, struct spf_name *name)
{
	if (domain_spec.length == 0) {
		*name = source->domain;
		return true;
	}
	const struct spf_macro_facts facts = facts_for(guard, source, domain_spec);
	return guard->stop == SPF_STOP_NOT && spf_macro_name(domain_spec, &facts, name);
}

/* The one SPF record among a domain's TXT records (4.5), checked whole (4.6). */
static bool
select_record(struct spf_guard *guard, const struct spf_name *domain, const struct dns_answer *answer,
    enum spf_result if_none, struct span *record)
{
	const struct span name = spf_name_span(domain);
	struct span offender;
	size_t found = 0;

	for (size_t i = 0; answer && i < answer->count; i++) {
		if (!spf_parse_is_record(answer->records[i].text))
			continue;
		*record = answer->records[i].text;
		found++;
	}
	if (found == 0) {
		stop(guard, if_none, "", name, " has no SPF record");
	} else if (found > 1) {
		stop(guard, SPF_PERMERROR, "", name, " has more than one SPF record");
	} else if (!spf_parse_check(*record, &offender)) {
		stop(guard, SPF_PERMERROR, "the SPF record of ", name, " has a syntax error: ");
		buf_append_escaped(&guard->problem, span_take(offender, QUOTED_BYTES));
	} else {
		return true;
	}
	return false;
}

/* Reads a domain's record; the answer is its plain form. */
static struct spf_answer
read_record(struct spf_guard *guard, const struct spf_name *domain, enum spf_result if_none)
{
	struct spf_source *source = &guard->sources[guard->source_count];
	const unsigned first = 1 + (unsigned)guard->source_count * SPF_PLAIN_STEPS;
	char text[DNS_NAME_BYTES];
	const struct span name = spf_name_present(domain, text, sizeof text);
	const struct dns_answer *answer = name.length ? spf_guard_fetch(guard, DNS_TXT, name) : NULL;
	struct span record;

	if (guard->stop != SPF_STOP_NOT)
		return stopped;
	if (answer && answer->status == DNS_TROUBLE)
		stop(guard, SPF_TEMPERROR, "the DNS of ", name, " does not answer for now");
	else if (select_record(guard, domain, answer, if_none, &record))
		guard->source_count++;
	if (guard->stop != SPF_STOP_NOT)
		return stopped;
	source->domain = *domain;
	spf_plain_make(record, &guard->facts.client, &source->plain);
	buf_reset(&guard->record);
	spf_plain_write(&source->plain, &guard->facts.client, first, &guard->record);
	return (struct spf_answer){ .kind = SPF_ANSWER_RECORD, .count = 1, .record = buf_span(&guard->record) };
}

/* include and redirect. */
static struct spf_answer
ask_record(struct spf_guard *guard, size_t from, const struct spf_term *term)
{
	const bool is_main_redirect = term->kind == SPF_TERM_REDIRECT && from == guard->main;
	const size_t index = guard->source_count;
	struct spf_name name;

	if (!expand(guard, &guard->sources[from], term->domain_spec, &name)) {
		if (guard->stop == SPF_STOP_NOT)
			stop(guard, SPF_PERMERROR, "", term->text, " gives no name that could be looked up");
		return stopped;
	}
	const struct spf_answer answer = read_record(guard, &name, SPF_PERMERROR);
	if (answer.kind == SPF_ANSWER_RECORD && is_main_redirect) {
		guard->main = index;
		guard->reached = NULL;
	}
	return answer;
}

static struct spf_answer
answer_addresses(struct spf_guard *guard, const struct dns_answer *found, bool matches_any)
{
	if (guard->stop != SPF_STOP_NOT)
		return stopped;
	if (!found)
		return nothing;
	if (matches_any)
		return (struct spf_answer){ SPF_ANSWER_ADDRESSES, 1, &guard->own_address, { 0 } };
	return (struct spf_answer){ SPF_ANSWER_ADDRESSES, found->count, found->records, { 0 } };
}

/* A prefix length of 0 for the client's family: any address at all will do. */
static bool
matches_any(const struct spf_guard *guard, const struct spf_term *term)
{
	return (guard->facts.client.family == 6 ? term->prefix6 : term->prefix4) == 0;
}

static struct spf_answer
ask_exchanges(struct spf_guard *guard, const struct spf_name *name)
{
	const struct dns_answer *answer = resolve_name(guard, DNS_MX, name);

	if (guard->stop != SPF_STOP_NOT)
		return stopped;
	if (answer)
		spf_exchanges_select(answer, &guard->exchanges);
	if (guard->exchanges.count == 0)
		return nothing;
	/* So that all missing addresses are asked for in one round. */
	for (size_t i = 0; i < guard->exchanges.count && i < SPF_EXCHANGES_MAX; i++)
		(void)replay_lookup(guard->replay, address_type(guard), guard->exchanges.records[i]->text);
	return (struct spf_answer){ SPF_ANSWER_EXCHANGES, guard->exchanges.count, NULL, { 0 } };
}

/* The addresses of one mail exchanger of the mx term that was asked last. */
static struct spf_answer
ask_exchange(struct spf_guard *guard, unsigned index)
{
	if (index >= SPF_EXCHANGES_MAX) {
		stop(guard, SPF_PERMERROR, "", guard->asked->text, " leads to more than ten hosts (RFC 7208 4.6.4)");
		return stopped;
	}
	const struct dns_answer *answer = resolve(guard, address_type(guard), guard->exchanges.records[index]->text);
	return answer_addresses(guard, answer, matches_any(guard, guard->asked));
}

/* a, mx, ptr and exists. A name that cannot be asked does not match. */
static struct spf_answer
ask_mechanism(struct spf_guard *guard, const struct spf_source *source, const struct spf_term *term)
{
	struct spf_name name;

	if (!expand(guard, source, term->domain_spec, &name))
		return guard->stop == SPF_STOP_NOT ? nothing : stopped;
	if (term->kind == SPF_TERM_A)
		return answer_addresses(
		    guard, resolve_name(guard, address_type(guard), &name), matches_any(guard, term));
	if (term->kind == SPF_TERM_MX)
		return ask_exchanges(guard, &name);
	const bool is_match = term->kind == SPF_TERM_PTR ? spf_names_match(guard, spf_name_span(&name))
							 : resolve_name(guard, DNS_A, &name) != NULL;
	if (guard->stop != SPF_STOP_NOT)
		return stopped;
	if (!is_match)
		return nothing;
	return (struct spf_answer){ SPF_ANSWER_ADDRESSES, 1, &guard->own_address, { 0 } };
}

static struct spf_answer
ask_term(struct spf_guard *guard, size_t from, const struct spf_term *term)
{
	const bool needs_lookup =
	    term->kind != SPF_TERM_ALL && term->kind != SPF_TERM_IP4 && term->kind != SPF_TERM_IP6;

	guard->asked = term;
	guard->exchanges.count = 0;
	if (from == guard->main)
		guard->reached = term;
	if (!needs_lookup)
		return nothing;
	if (guard->lookups == SPF_LOOKUPS_MAX) {
		stop(guard, SPF_PERMERROR, "more than ten terms need lookups, the eleventh is ", term->text,
		    " (RFC 7208 4.6.4)");
		return stopped;
	}
	guard->lookups++;
	if (term->kind == SPF_TERM_INCLUDE || term->kind == SPF_TERM_REDIRECT)
		return ask_record(guard, from, term);
	return ask_mechanism(guard, &guard->sources[from], term);
}

struct spf_answer
spf_guard_ask(struct spf_guard *guard, struct span text)
{
	struct spf_token token;

	if (guard->stop != SPF_STOP_NOT)
		return stopped;
	if (spf_token_read(text, &token) && token.letter == 'x' && token.number < guard->exchanges.count)
		return ask_exchange(guard, token.number);
	if (token.letter == 'k' && token.number == 0 && guard->source_count == 0)
		return read_record(guard, &guard->first_domain, SPF_NONE);
	const size_t from = (token.number - 1) / SPF_PLAIN_STEPS;
	const size_t step = (token.number - 1) % SPF_PLAIN_STEPS;
	if (token.letter == 'k' && from < guard->source_count && step < guard->sources[from].plain.count)
		return ask_term(guard, from, &guard->sources[from].plain.steps[step]);
	stop(guard, SPF_TEMPERROR, "the evaluator asked for ", text, ", which it was not given");
	return stopped;
}

bool
spf_guard_explain(struct spf_guard *guard, struct buf *out)
{
	const struct spf_source *source = &guard->sources[guard->main];
	char text[DNS_NAME_BYTES];
	struct spf_name name;

	if (guard->source_count == 0 || source->plain.explanation.length == 0)
		return true;
	if (!expand(guard, source, source->plain.explanation, &name))
		return guard->stop != SPF_STOP_WAIT;
	const struct dns_answer *answer = spf_guard_fetch(guard, DNS_TXT, spf_name_present(&name, text, sizeof text));
	if (!answer || answer->status != DNS_FOUND || answer->count != 1)
		return guard->stop != SPF_STOP_WAIT;
	const struct spf_macro_facts facts = facts_for(guard, source, answer->records[0].text);
	if (guard->stop == SPF_STOP_WAIT)
		return false;
	if (guard->stop == SPF_STOP_VERDICT || !spf_macro_explanation(answer->records[0].text, &facts, out) ||
	    !buf_ok(out))
		buf_reset(out);
	return true;
}

void
spf_guard_begin(struct spf_guard *guard, const struct spf_question *question, struct replay *replay)
{
	*guard = (struct spf_guard){
		.replay = replay,
		.sender = BUF_LIMIT(question->helo.length + question->sender.length + sizeof "postmaster@"),
		.problem = BUF_LIMIT(SPF_PROBLEM_BYTES),
		.record = BUF_LIMIT(SPF_PLAIN_TEXT_BYTES),
	};
	guard->facts.validated = SPAN("unknown");
	spf_identity_facts(question, &guard->facts, &guard->sender);
	memcpy(guard->own_address.ip, guard->facts.client.ip, sizeof guard->own_address.ip);
	if (!spf_identity_domain(&guard->facts, &guard->first_domain))
		stop(guard, SPF_NONE, "", guard->facts.sender_domain, " is not a domain that could have an SPF record");
}

void
spf_guard_end(struct spf_guard *guard)
{
	buf_free(&guard->sender);
	buf_free(&guard->problem);
	buf_free(&guard->record);
}
