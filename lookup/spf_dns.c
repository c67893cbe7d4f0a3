/* The answers of lookup/spf_dns.h.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "lookup/spf_dns.h"

#include <string.h>

enum { PROBLEM_BYTES = 512, QUOTED_BYTES = 100 };

void
spf_dns_begin(struct spf_dns *dns, const struct peer_address *client, struct replay *replay)
{
	*dns = (struct spf_dns){ .replay = replay, .client = *client, .problem = BUF_LIMIT(PROBLEM_BYTES) };
}

void
spf_dns_end(struct spf_dns *dns)
{
	buf_free(&dns->problem);
}

void
spf_dns_stop(struct spf_dns *dns, enum spf_result verdict, const char *before, struct span quoted, const char *behind)
{
	if (dns->stop == SPF_STOP_VERDICT)
		return;
	dns->stop = SPF_STOP_VERDICT;
	dns->verdict = verdict;
	buf_append_text(&dns->problem, before);
	spf_dns_quote(dns, quoted);
	buf_append_text(&dns->problem, behind);
}

void
spf_dns_quote(struct spf_dns *dns, struct span text)
{
	buf_append_escaped(&dns->problem, span_take(text, QUOTED_BYTES));
}

enum dns_type
spf_dns_address_type(const struct spf_dns *dns)
{
	return dns->client.family == 6 ? DNS_AAAA : DNS_A;
}

const struct dns_answer *
spf_dns_fetch(struct spf_dns *dns, enum dns_type type, struct span name)
{
	if (dns->stop == SPF_STOP_VERDICT)
		return NULL;
	const struct dns_answer *answer = replay_lookup(dns->replay, type, name);
	if (!answer) {
		dns->stop = SPF_STOP_WAIT;
		return NULL;
	}
	if (answer->status != DNS_RESOLVER_DOWN)
		return answer;
	/* Not even for ptr, whose DNS errors do not count: our own trouble is no fact about the sender. */
	dns->resolver_down = true;
	spf_dns_stop(dns, SPF_TEMPERROR, "no resolver answers (asked for ", name, ")");
	return NULL;
}

static void
count_void(struct spf_dns *dns, enum dns_type type, struct span name)
{
	for (size_t i = 0; i < dns->void_count; i++) {
		const struct spf_void *known = &dns->voids[i];

		if (known->type == type && span_equal_nocase(span_make(known->name, known->length), name))
			return;
	}
	if (dns->void_count == SPF_VOIDS_MAX) {
		spf_dns_stop(dns, SPF_PERMERROR, "more than two lookups found nothing, the last for ", name,
		    " (RFC 7208 4.6.4)");
		return;
	}
	struct spf_void *added = &dns->voids[dns->void_count++];
	added->type = type;
	added->length = name.length;
	memcpy(added->name, name.data, name.length);
}

const struct dns_answer *
spf_dns_require(struct spf_dns *dns, enum dns_type type, struct span name)
{
	const struct dns_answer *answer = spf_dns_fetch(dns, type, name);

	if (!answer || answer->status != DNS_TROUBLE)
		return answer;
	spf_dns_stop(dns, SPF_TEMPERROR, "the DNS of ", name, " does not answer for now");
	return NULL;
}

const struct dns_answer *
spf_dns_resolve(struct spf_dns *dns, enum dns_type type, struct span name)
{
	if (name.length == 0 || name.length > DNS_NAME_BYTES)
		return NULL;
	const struct dns_answer *answer = spf_dns_require(dns, type, name);
	if (!answer || (answer->status == DNS_FOUND && answer->count > 0))
		return answer;
	count_void(dns, type, name);
	return NULL;
}

bool
spf_dns_is_client(struct spf_dns *dns, struct span name)
{
	const size_t bytes = dns->client.family == 6 ? 16 : 4;

	if (name.length == 0 || name.length > DNS_NAME_BYTES)
		return false;
	const struct dns_answer *answer = spf_dns_fetch(dns, spf_dns_address_type(dns), name);
	if (!answer || answer->status != DNS_FOUND)
		return false;
	for (size_t i = 0; i < answer->count; i++)
		if (memcmp(answer->records[i].ip, dns->client.ip, bytes) == 0)
			return true;
	return false;
}
