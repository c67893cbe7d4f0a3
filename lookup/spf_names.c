/* The validated names of lookup/spf_names.h. All names that may be needed are asked for in one round: a missing
 * answer does not end the walk.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "lookup/spf_names.h"

#include <stdio.h>

enum { REVERSE_NAME_BYTES = 80 };

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

static struct span
reverse_name(const struct peer_address *client, char text[static REVERSE_NAME_BYTES])
{
	static const char hex[] = "0123456789abcdef";
	int length = 0;

	if (client->family == 4) {
		length = snprintf(text, REVERSE_NAME_BYTES, "%u.%u.%u.%u.in-addr.arpa", client->ip[3], client->ip[2],
		    client->ip[1], client->ip[0]);
		return span_make(text, (size_t)length);
	}
	for (size_t i = 16; i > 0; i--)
		length += snprintf(text + length, REVERSE_NAME_BYTES - (size_t)length, "%c.%c.",
		    hex[client->ip[i - 1] & 15], hex[client->ip[i - 1] >> 4]);
	length += snprintf(text + length, REVERSE_NAME_BYTES - (size_t)length, "ip6.arpa");
	return span_make(text, (size_t)length);
}

/* The client's names; a DNS error is an empty list (5.5). */
static size_t
names_of(struct spf_guard *guard, const struct dns_record **names)
{
	char text[REVERSE_NAME_BYTES];
	const struct dns_answer *answer = spf_guard_fetch(guard, DNS_PTR, reverse_name(&guard->facts.client, text));

	if (!answer || answer->status != DNS_FOUND)
		return 0;
	*names = answer->records;
	return answer->count < SPF_REVERSE_NAMES_MAX ? answer->count : SPF_REVERSE_NAMES_MAX;
}

bool
spf_names_match(struct spf_guard *guard, struct span target)
{
	const struct dns_record *names = NULL;
	const size_t count = names_of(guard, &names);

	for (size_t i = 0; i < count; i++)
		if (nearness_of(names[i].text, target) != IS_ELSEWHERE && spf_guard_is_client(guard, names[i].text))
			return true;
	return false;
}

struct span
spf_names_best(struct spf_guard *guard, struct span domain)
{
	const struct dns_record *names = NULL;
	const size_t count = names_of(guard, &names);

	for (enum nearness wanted = IS_DOMAIN; wanted < NEARNESS_COUNT; wanted++)
		for (size_t i = 0; i < count; i++)
			if (nearness_of(names[i].text, domain) == wanted && spf_guard_is_client(guard, names[i].text))
				return names[i].text;
	return SPAN("unknown");
}
