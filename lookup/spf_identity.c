/* The identities of lookup/spf_identity.h.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "lookup/spf_identity.h"

#include <string.h>

/* An IPv4-mapped client is an IPv4 client (section 5). */
static struct peer_address
unmapped(struct peer_address client)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct peer_address ip4 = { .family = 4, .port = client.port };

	if (client.family != 6 || memcmp(client.ip, mapped, sizeof mapped) != 0)
		return client;
	memcpy(ip4.ip, client.ip + sizeof mapped, 4);
	return ip4;
}

void
spf_identity_facts(const struct spf_question *question, struct spf_macro_facts *facts, struct buf *made)
{
	const bool is_helo = question->identity == SPF_IDENTITY_HELO || question->sender.length == 0;
	const struct span whole = is_helo ? question->helo : question->sender;
	size_t at = is_helo ? 0 : whole.length;

	while (at > 0 && whole.data[at - 1] != '@')
		at--;
	facts->client = unmapped(question->client);
	facts->helo = question->helo;
	facts->receiver = question->receiver.length ? question->receiver : SPAN("unknown");
	facts->now_seconds = question->now_seconds;
	facts->sender = whole;
	facts->sender_domain = span_skip(whole, at);
	facts->local_part = span_take(whole, at ? at - 1 : 0);
	if (facts->local_part.length)
		return;
	facts->local_part = SPAN("postmaster");
	buf_append_text(made, "postmaster@");
	buf_append(made, facts->sender_domain);
	facts->sender = buf_span(made);
}

bool
spf_identity_domain(const struct spf_macro_facts *facts, struct spf_name *domain)
{
	const struct span text = facts->sender_domain;

	if (text.length == 0 || text.data[0] == '[' || !spf_name_from(text, domain))
		return false;
	return span_find(spf_name_span(domain), '.') < domain->length;
}
