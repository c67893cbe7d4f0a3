/* The facts of smtpd/facts.h that can be worked out here.
 *
 * Trust: the configuration is the administrator's; names are the Internet's and only compared.
 * On failure: nothing here can fail; an entry that is neither a network nor a name matches nobody.
 */
#include "smtpd/facts.h"

#include "conf/config_networks.h"

/* "mail.example.org" is one host; ".example.org" is every host below the domain. */
static bool
name_matches(struct span entry, struct span name)
{
	if (entry.length > 1 && entry.data[0] == '.')
		return name.length > entry.length &&
		       span_equal_nocase(span_skip(name, name.length - entry.length), entry);
	return entry.length > 0 && span_equal_nocase(entry, name);
}

void
facts_client(const struct config *config, const struct peer_address *address, struct client_facts *client)
{
	*client = (struct client_facts){ 0 };
	facts_client_moved(config, address, client);
}

void
facts_client_moved(const struct config *config, const struct peer_address *address, struct client_facts *client)
{
	client->address = *address;
	client->name_state = FACT_NOT_ASKED;
	client->name_result = IPREV_UNKNOWN;
	client->name = span_make(NULL, 0);
	client->is_loopback = peer_is_loopback(address);
	client->is_trusted = config_networks_contain(&config->trusted, address);
	client->is_forwarder = config_networks_contain(&config->forwarders, address);
}

void
facts_client_name(const struct config *config, enum iprev_result result, struct span name, struct client_facts *client)
{
	client->name_state = FACT_KNOWN;
	client->name_result = (uint8_t)result;
	client->name = result == IPREV_CONFIRMED ? name : span_make(NULL, 0);
	for (size_t i = 0; i < config->forwarders.count; i++)
		if (name_matches(span_of(config->forwarders.items[i]), client->name))
			client->is_forwarder = true;
}

bool
facts_client_awaits_name(const struct config *config, const struct client_facts *client)
{
	if (client->name_state != FACT_ASKED || client->is_forwarder)
		return false;
	for (size_t i = 0; i < config->forwarders.count; i++) {
		struct network network;

		if (!network_parse(span_of(config->forwarders.items[i]), &network))
			return true;
	}
	return false;
}

bool
facts_client_is_friend(const struct client_facts *client)
{
	return client->is_loopback || client->is_trusted || client->user.length > 0;
}

bool
facts_client_is_exempt(const struct client_facts *client)
{
	return facts_client_is_friend(client) || client->is_forwarder;
}

static bool
is_one_mailbox(const struct map_result *found)
{
	return found->verdict == MAP_DELIVER && found->count == 1;
}

bool
facts_user_mailbox(struct span user, const struct map_result *found, struct map_mailbox *mailbox)
{
	if (!is_one_mailbox(found) || !span_equal(found->key, user) || !span_equal(found->mailboxes[0].address, user))
		return false;
	*mailbox = found->mailboxes[0];
	return true;
}

enum ownership
facts_ownership(const struct map_mailbox *own, const struct map_result *found)
{
	const struct map_mailbox *other = found->mailboxes;

	if (found->verdict == MAP_BROKEN)
		return OWNERSHIP_UNKNOWN;
	if (!own || !is_one_mailbox(found))
		return OWNERSHIP_OF_OTHERS;
	return own->root == other->root && span_equal(own->path, other->path) ? OWNERSHIP_HIS_OWN : OWNERSHIP_OF_OTHERS;
}

void
facts_spf_unknown(struct spf_facts *spf)
{
	*spf = (struct spf_facts){
		.state = FACT_KNOWN, .helo = SPF_UNKNOWN, .mailfrom = SPF_UNKNOWN, .is_resolver_down = true
	};
}

void
facts_recipient(
    struct span address, const struct map_result *found, unsigned accepted_before, struct recipient_facts *recipient)
{
	*recipient =
	    (struct recipient_facts){ .address = address, .shown = address, .accepted_before = accepted_before };
	if (!found)
		return;
	recipient->has_map = true;
	recipient->verdict = found->verdict;
	recipient->text = found->text;
	recipient->is_postmaster = found->is_postmaster;
}
