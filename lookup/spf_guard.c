/* The guard of lookup/spf_guard.h: tokens to terms, terms to names, names to answers.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "lookup/spf_guard.h"

#include <string.h>

#include "lookup/spf_identity.h"
#include "lookup/spf_names.h"

static const struct spf_answer stopped = { .kind = SPF_ANSWER_STOP };
static const struct spf_answer nothing = { .kind = SPF_ANSWER_NOTHING };

static bool
is_over(const struct spf_guard *guard)
{
	return guard->dns.stop != SPF_STOP_NOT;
}

static struct spf_macro_facts
facts_for(struct spf_guard *guard, const struct spf_source *source, struct span text)
{
	struct spf_macro_facts facts = guard->facts;

	facts.domain = spf_name_span(&source->domain);
	if (spf_macro_uses_validated(text))
		facts.validated = spf_names_best(&guard->dns, facts.domain);
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
	return !is_over(guard) && spf_macro_name(domain_spec, &facts, name);
}

/* The one SPF record among a domain's TXT records (4.5), checked whole (4.6). */
static bool
select_record(struct spf_dns *dns, struct span domain, const struct dns_answer *answer, enum spf_result if_none,
    struct span *record)
{
	struct span offender;
	size_t found = 0;

	for (size_t i = 0; i < answer->count; i++) {
		if (!spf_parse_is_record(answer->records[i].text))
			continue;
		*record = answer->records[i].text;
		found++;
	}
	if (found == 0) {
		spf_dns_stop(dns, if_none, "", domain, " has no SPF record");
	} else if (found > 1) {
		spf_dns_stop(dns, SPF_PERMERROR, "", domain, " has more than one SPF record");
	} else if (!spf_parse_check(*record, &offender)) {
		spf_dns_stop(dns, SPF_PERMERROR, "the SPF record of ", domain, " has a syntax error: ");
		spf_dns_quote(dns, offender);
	} else {
		return true;
	}
	return false;
}

/* Reads a domain's record; the answer is its plain form. */
static struct spf_answer
read_record(struct spf_guard *guard, const struct spf_name *domain, enum spf_result if_none)
{
	const unsigned first_token = 1 + (unsigned)guard->source_count * SPF_PLAIN_STEPS;
	struct spf_source *source = &guard->sources[guard->source_count];
	const struct dns_answer *answer = spf_dns_require(&guard->dns, DNS_TXT, spf_name_span(domain));
	struct span record;

	if (!answer || !select_record(&guard->dns, spf_name_span(domain), answer, if_none, &record))
		return stopped;
	guard->source_count++;
	source->domain = *domain;
	spf_plain_make(record, &guard->facts.client, &source->plain);
	buf_reset(&guard->record);
	spf_plain_write(&source->plain, &guard->facts.client, first_token, &guard->record);
	return (struct spf_answer){ .kind = SPF_ANSWER_RECORD, .count = 1, .record = buf_span(&guard->record) };
}

/* include and redirect. */
static struct spf_answer
ask_record(struct spf_guard *guard, size_t from, const struct spf_term *term)
{
	const bool is_main_redirect = term->kind == SPF_TERM_REDIRECT && from == guard->main;
	const size_t index = guard->source_count;
	struct spf_name name;

	/* It matches nothing, and is no error either: as if the included record were neutral. */
	if (term->kind == SPF_TERM_INCLUDE && spf_macro_is_beyond_dns(term->domain_spec, &guard->facts))
		return (struct spf_answer){ .kind = SPF_ANSWER_RECORD, .count = 1, .record = SPAN("v=spf1 ?all") };
	if (!expand(guard, &guard->sources[from], term->domain_spec, &name)) {
		if (!is_over(guard))
			spf_dns_stop(
			    &guard->dns, SPF_PERMERROR, "", term->text, " gives no name that could be looked up");
		return stopped;
	}
	const struct spf_answer answer = read_record(guard, &name, SPF_PERMERROR);
	if (answer.kind == SPF_ANSWER_RECORD && is_main_redirect)
		guard->main = index;
	return answer;
}

static struct spf_answer
answer_addresses(struct spf_guard *guard, const struct dns_answer *found, bool matches_any)
{
	if (is_over(guard))
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
	const struct dns_answer *answer = spf_dns_resolve(&guard->dns, DNS_MX, spf_name_span(name));

	if (is_over(guard))
		return stopped;
	if (answer)
		spf_exchanges_select(answer, &guard->exchanges);
	if (guard->exchanges.count == 0)
		return nothing;
	/* So that all missing addresses are asked for in one round. */
	for (size_t i = 0; i < guard->exchanges.count && i < SPF_EXCHANGES_MAX; i++)
		(void)replay_lookup(
		    guard->dns.replay, spf_dns_address_type(&guard->dns), guard->exchanges.records[i]->text);
	return (struct spf_answer){ SPF_ANSWER_EXCHANGES, guard->exchanges.count, NULL, { 0 } };
}

/* The addresses of one mail exchanger of the mx term that was asked last. */
static struct spf_answer
ask_exchange(struct spf_guard *guard, unsigned index)
{
	if (index >= SPF_EXCHANGES_MAX) {
		spf_dns_stop(&guard->dns, SPF_PERMERROR, "", guard->asked->text,
		    " leads to more than ten hosts (RFC 7208 4.6.4)");
		return stopped;
	}
	const struct dns_answer *answer =
	    spf_dns_resolve(&guard->dns, spf_dns_address_type(&guard->dns), guard->exchanges.records[index]->text);
	return answer_addresses(guard, answer, matches_any(guard, guard->asked));
}

/* a, mx, ptr and exists. A name that cannot be asked does not match. */
static struct spf_answer
ask_mechanism(struct spf_guard *guard, const struct spf_source *source, const struct spf_term *term)
{
	struct spf_name name;

	if (!expand(guard, source, term->domain_spec, &name))
		return !is_over(guard) ? nothing : stopped;
	if (term->kind == SPF_TERM_A)
		return answer_addresses(guard,
		    spf_dns_resolve(&guard->dns, spf_dns_address_type(&guard->dns), spf_name_span(&name)),
		    matches_any(guard, term));
	if (term->kind == SPF_TERM_MX)
		return ask_exchanges(guard, &name);
	const bool is_match = term->kind == SPF_TERM_PTR
				  ? spf_names_match(&guard->dns, spf_name_span(&name))
				  : spf_dns_resolve(&guard->dns, DNS_A, spf_name_span(&name)) != NULL;
	if (is_over(guard))
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
		spf_dns_stop(&guard->dns, SPF_PERMERROR, "more than ten terms need lookups, the eleventh is ",
		    term->text, " (RFC 7208 4.6.4)");
		return stopped;
	}
	guard->lookups++;
	if (term->kind == SPF_TERM_INCLUDE || term->kind == SPF_TERM_REDIRECT)
		return ask_record(guard, from, term);
	return ask_mechanism(guard, &guard->sources[from], term);
}

struct spf_answer
spf_guard_ask(struct spf_guard *guard, struct span token)
{
	struct spf_token asked;

	if (is_over(guard))
		return stopped;
	const bool is_token = spf_token_read(token, &asked);
	if (is_token && asked.letter == 'x' && asked.number < guard->exchanges.count)
		return ask_exchange(guard, asked.number);
	if (is_token && asked.letter == 'k' && asked.number == 0 && guard->source_count == 0)
		return read_record(guard, &guard->first_domain, SPF_NONE);
	const size_t from = (asked.number - 1) / SPF_PLAIN_STEPS;
	const size_t step = (asked.number - 1) % SPF_PLAIN_STEPS;
	if (is_token && asked.letter == 'k' && from < guard->source_count && step < guard->sources[from].plain.count)
		return ask_term(guard, from, &guard->sources[from].plain.steps[step]);
	spf_dns_stop(&guard->dns, SPF_TEMPERROR, "libspf2 asked for ", token, ", which it was not given");
	return stopped;
}

bool
spf_guard_explain(struct spf_guard *guard, struct buf *out)
{
	const struct spf_source *source = &guard->sources[guard->main];
	const struct dns_answer *answer = NULL;
	struct spf_name name;

	if (guard->source_count == 0 || source->plain.explanation.length == 0)
		return true;
	if (expand(guard, source, source->plain.explanation, &name))
		answer = spf_dns_fetch(&guard->dns, DNS_TXT, spf_name_span(&name));
	if (!answer || answer->status != DNS_FOUND || answer->count != 1)
		return guard->dns.stop != SPF_STOP_WAIT;
	const struct span text = answer->records[0].text;
	const struct spf_macro_facts facts = facts_for(guard, source, text);
	if (is_over(guard))
		return guard->dns.stop != SPF_STOP_WAIT;
	if (!spf_macro_explanation(text, &facts, out) || !buf_ok(out))
		buf_reset(out);
	return true;
}

void
spf_guard_begin(struct spf_guard *guard, const struct spf_question *question, struct replay *replay)
{
	*guard = (struct spf_guard){
		.sender = BUF_LIMIT(question->helo.length + question->sender.length + sizeof "postmaster@"),
		.record = BUF_LIMIT(SPF_PLAIN_TEXT_BYTES),
	};
	guard->facts.validated = SPAN("unknown");
	spf_identity_facts(question, &guard->facts, &guard->sender);
	memcpy(guard->own_address.ip, guard->facts.client.ip, sizeof guard->own_address.ip);
	spf_dns_begin(&guard->dns, &guard->facts.client, replay);
	if (!spf_identity_domain(&guard->facts, &guard->first_domain))
		spf_dns_stop(&guard->dns, SPF_NONE, "", guard->facts.sender_domain, " could not have an SPF record");
}

void
spf_guard_end(struct spf_guard *guard)
{
	buf_free(&guard->sender);
	buf_free(&guard->record);
	spf_dns_end(&guard->dns);
}
