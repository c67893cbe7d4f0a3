/* The order of lookup/map_resolve.h.
 *
 * Trust: none in the address. Pure.
 * On failure: see lookup/map_resolve.h.
 */
#include "lookup/map_resolve.h"

#include "lookup/mail_address.h"

static enum map_resolution
resolution_of(enum map_find found)
{
	switch (found) {
	case MAP_FIND_HIT:
		return MAP_FINDS_ENTRY;
	case MAP_FIND_BROKEN:
		return MAP_FINDS_BROKEN;
	case MAP_FIND_NOTHING:
		break;
	}
	return MAP_FINDS_NOTHING;
}

static enum map_find
find_domain(const struct map_finder *finder, const struct mail_address *address)
{
	/* The "@" stands before the domain already. */
	return finder->has_domain(finder->context, span_skip(mail_address_span(address), address->local_length));
}

static enum map_find
find_wildcard(const struct map_finder *finder, const struct mail_address *address)
{
	char key[1 + MAIL_ADDRESS_BYTES];
	struct span rest = span_skip(mail_address_span(address), address->local_length);

	key[0] = '*';
	memcpy(key + 1, rest.data, rest.length);
	return finder->find(finder->context, span_make(key, rest.length + 1));
}

/* Exact, bases, wildcard; the postmaster rule apart. */
static enum map_find
find_plain(const struct map_rules *rules, const struct map_finder *finder, const struct mail_address *address)
{
	struct mail_bases bases = { .address = address, .separators = rules->sub_address };

	while (mail_bases_next(&bases)) {
		enum map_find found = finder->find(finder->context, bases.key);

		if (found != MAP_FIND_NOTHING)
			return found;
	}
	return find_wildcard(finder, address);
}

/* Whoever answers for a postmaster without an entry of its own: the configured address, else postmaster@ our host. */
static enum map_find
find_postmaster(const struct map_rules *rules, const struct map_finder *finder)
{
	struct mail_address address;

	if (rules->postmaster.length) {
		if (mail_address_canonical(rules->postmaster, rules->keeps_local_case, &address) != MAIL_ADDRESS_OK)
			return MAP_FIND_NOTHING;
		enum map_find ours = find_domain(finder, &address);
		return ours == MAP_FIND_HIT ? find_plain(rules, finder, &address) : ours;
	}
	char domain[MAIL_DOMAIN_BYTES];
	char key[MAIL_ADDRESS_BYTES] = "postmaster@";
	size_t head = strlen(key);
	size_t length = mail_domain_canonical(rules->hostname, domain);
	memcpy(key + head, domain, length);
	return finder->find(finder->context, span_make(key, head + length));
}

/* An address of a domain of ours. */
static enum map_find
find_ours(const struct map_rules *rules, const struct map_finder *finder, const struct mail_address *address)
{
	struct mail_bases bases = { .address = address, .separators = rules->sub_address };

	while (mail_bases_next(&bases)) {
		enum map_find found = finder->find(finder->context, bases.key);

		/* The configured postmaster comes before a catch-all: that is no postmaster of the domain's own. */
		if (found == MAP_FIND_NOTHING && rules->postmaster.length &&
		    span_equal(bases.local, SPAN("postmaster")))
			found = find_postmaster(rules, finder);
		if (found != MAP_FIND_NOTHING)
			return found;
	}
	return find_wildcard(finder, address);
}

static bool
is_our_hostname(const struct map_rules *rules, const struct mail_address *address)
{
	return rules->hostname.length && span_equal_nocase(mail_address_domain(address), rules->hostname);
}

/* An address that cannot be anybody's: unknown where the domain is ours, else somebody else's business. */
static enum map_resolution
resolve_malformed(const struct map_finder *finder, struct span text)
{
	char key[1 + MAIL_DOMAIN_BYTES] = "@";
	struct span domain = text;

	while (span_find(domain, '@') < domain.length)
		domain = span_skip(domain, span_find(domain, '@') + 1);
	size_t length = mail_domain_canonical(domain, key + 1);
	if (length == 0)
		return MAP_FINDS_FOREIGN;
	switch (finder->has_domain(finder->context, span_make(key, 1 + length))) {
	case MAP_FIND_HIT:
		return MAP_FINDS_NOTHING;
	case MAP_FIND_BROKEN:
		return MAP_FINDS_BROKEN;
	case MAP_FIND_NOTHING:
		break;
	}
	return MAP_FINDS_FOREIGN;
}

enum map_resolution
map_resolve(const struct map_rules *rules, struct span written, const struct map_finder *finder, bool *is_role)
{
	struct mail_address address;

	*is_role = span_equal_nocase(written, SPAN("postmaster"));
	if (*is_role)
		return resolution_of(find_postmaster(rules, finder));
	enum mail_address_result result = mail_address_canonical(written, rules->keeps_local_case, &address);
	if (result == MAIL_ADDRESS_NO_MEMORY)
		return MAP_FINDS_BROKEN;
	if (result != MAIL_ADDRESS_OK)
		return resolve_malformed(finder, written);
	*is_role = mail_address_is_role(&address);
	bool is_postmaster = span_equal(mail_address_local(&address), SPAN("postmaster"));
	if (address.is_literal)
		return is_postmaster ? resolution_of(find_postmaster(rules, finder)) : MAP_FINDS_FOREIGN;
	enum map_find ours = find_domain(finder, &address);
	if (ours == MAP_FIND_NOTHING && is_postmaster && is_our_hostname(rules, &address))
		return resolution_of(find_postmaster(rules, finder));
	if (ours == MAP_FIND_NOTHING)
		return MAP_FINDS_FOREIGN;
	return resolution_of(ours == MAP_FIND_HIT ? find_ours(rules, finder, &address) : ours);
}
