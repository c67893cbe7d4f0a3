/* Forward-confirmed reverse DNS.
 *
 * On failure: see lookup/iprev.h.
 */
#include "lookup/iprev.h"

#include <stdio.h>
#include <string.h>

void
iprev_name(const struct peer_address *client, char name[static IPREV_QUESTION_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	size_t length = 0;

	name[0] = '\0';
	if (client->family == 4)
		(void)snprintf(name, IPREV_QUESTION_SIZE, "%u.%u.%u.%u.in-addr.arpa", client->ip[3], client->ip[2],
		    client->ip[1], client->ip[0]);
	if (client->family != 6)
		return;
	for (unsigned i = 16; i-- > 0;) {
		name[length++] = hex[client->ip[i] & 15];
		name[length++] = '.';
		name[length++] = hex[client->ip[i] >> 4];
		name[length++] = '.';
	}
	memcpy(name + length, "ip6.arpa", sizeof "ip6.arpa");
}

static bool
is_host_name(struct span name)
{
	if (name.length == 0 || name.length > DNS_NAME_BYTES)
		return false;
	for (size_t i = 0; i < name.length; i++) {
		char c = span_lower(name.data[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.')
			return false;
	}
	return true;
}

static bool
holds_address(const struct dns_answer *answer, const struct peer_address *client)
{
	size_t bytes = client->family == 4 ? 4 : 16;

	for (size_t i = 0; i < answer->count; i++)
		if (memcmp(answer->records[i].ip, client->ip, bytes) == 0)
			return true;
	return false;
}

/* Looks at the names a PTR answer gave. */
static bool
confirm(const struct peer_address *client, struct replay *replay, const struct dns_answer *names,
    struct iprev_verdict *verdict)
{
	enum dns_type type = client->family == 4 ? DNS_A : DNS_AAAA;
	bool is_missing = false;
	bool has_trouble = false;

	for (size_t i = 0; i < names->count && i < IPREV_NAMES_MAX; i++) {
		struct span name = names->records[i].text;

		if (!is_host_name(name))
			continue;
		const struct dns_answer *answer = replay_lookup(replay, type, name);
		if (!answer) {
			is_missing = true;
		} else if (!is_missing && answer->status == DNS_FOUND && holds_address(answer, client)) {
			*verdict = (struct iprev_verdict){ .result = IPREV_CONFIRMED, .name = name };
			return true;
		} else if (answer->status == DNS_TROUBLE || answer->status == DNS_RESOLVER_DOWN) {
			has_trouble = true;
		}
	}
	verdict->result = has_trouble ? IPREV_TROUBLE : IPREV_MISMATCH;
	return !is_missing;
}

bool
iprev_check(const struct peer_address *client, struct replay *replay, struct iprev_verdict *verdict)
{
	char name[IPREV_QUESTION_SIZE];

	*verdict = (struct iprev_verdict){ .result = IPREV_NONE };
	iprev_name(client, name);
	if (name[0] == '\0')
		return true;
	const struct dns_answer *names = replay_lookup(replay, DNS_PTR, span_of(name));
	if (!names)
		return false;
	switch (names->status) {
	case DNS_FOUND:
		return confirm(client, replay, names, verdict);
	case DNS_NO_DATA:
	case DNS_NO_NAME:
		return true;
	case DNS_RESOLVER_DOWN:
	case DNS_TROUBLE:
		break;
	}
	verdict->result = IPREV_TROUBLE;
	return true;
}
