/* The validated names of lookup/spf_names.h. All names that may be needed are asked for in one round: a missing
 * answer does not end the walk.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "lookup/spf_names.h"

#include "lookup/iprev.h"

/* How near a validated name is to a domain; the nearest is taken. */
enum nearness { IS_DOMAIN, IS_BELOW, IS_ELSEWHERE, NEARNESS_COUNT };

static enum nearness
nearness_of(struct span name, struct span domain)
{
	if (span_equal_nocase(name, domain))
		return IS_DOMAIN;
	if (name.length <= domain.length)
		return IS_ELSEWHERE;
	const size_t above = name.length - domain.length;
	const bool is_below = name.data[above - 1] == '.' && span_equal_nocase(span_skip(name, above), domain);
	return is_below ? IS_BELOW : IS_ELSEWHERE;
}

/* The client's names; a DNS error is an empty list (5.5). */
static size_t
names_of(struct spf_dns *dns, const struct dns_record **names)
{
	char question[IPREV_QUESTION_SIZE];

	iprev_name(&dns->client, question);
	const struct dns_answer *answer = spf_dns_fetch(dns, DNS_PTR, span_of(question));
	if (!answer || answer->status != DNS_FOUND)
		return 0;
	*names = answer->records;
	return answer->count < SPF_NAMES_MAX ? answer->count : SPF_NAMES_MAX;
}

bool
spf_names_match(struct spf_dns *dns, struct span target)
{
	const struct dns_record *names = NULL;
	const size_t count = names_of(dns, &names);

	for (size_t i = 0; i < count; i++)
		if (nearness_of(names[i].text, target) != IS_ELSEWHERE && spf_dns_is_client(dns, names[i].text))
			return true;
	return false;
}

struct span
spf_names_best(struct spf_dns *dns, struct span domain)
{
	const struct dns_record *names = NULL;
	const size_t count = names_of(dns, &names);

	for (enum nearness wanted = IS_DOMAIN; wanted < NEARNESS_COUNT; wanted++)
		for (size_t i = 0; i < count; i++)
			if (nearness_of(names[i].text, domain) == wanted && spf_dns_is_client(dns, names[i].text))
				return names[i].text;
	return SPAN("unknown");
}
