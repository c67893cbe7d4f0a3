/* Any bytes as a path, a mailbox and a HELO name: what is accepted keeps to RFC 5321 and reads the same again. */
#include <stdint.h>

#include "lib/buf.h"
#include "lib/bug.h"
#include "smtpd/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_same(const struct address *a, const struct address *b)
{
	return span_equal(a->whole, b->whole) && span_equal(a->local_part, b->local_part) &&
	       span_equal(a->domain, b->domain) && a->is_literal == b->is_literal && a->is_quoted == b->is_quoted;
}

static void
check_parts(const struct address *address)
{
	for (size_t i = 0; i < address->whole.length; i++)
		if (address->whole.data[i] < ' ' || address->whole.data[i] > '~')
			BUG("an address holds more than printable ASCII");
	if (address->local_part.length > ADDRESS_LOCAL_PART_BYTES || address->whole.length + 2 > ADDRESS_PATH_BYTES)
		BUG("an address is over the limits");
	if (address->domain.length == 0)
		return;
	if (address->whole.length != address->local_part.length + 1 + address->domain.length)
		BUG("an address is not its parts");
	if (address->is_literal ? !address_is_literal(address->domain) : !address_is_domain(address->domain))
		BUG("the domain of an address is none");
}

/* Without its route and what stands behind it, a path reads the same. */
static void
check_path(const struct address *address)
{
	struct buf path = BUF_LIMIT(ADDRESS_PATH_BYTES);
	struct address again;
	struct span rest;

	buf_append_char(&path, '<');
	buf_append(&path, address->whole);
	buf_append_char(&path, '>');
	if (address_parse_path(buf_span(&path), &again, &rest) != ADDRESS_OK || rest.length ||
	    !is_same(address, &again))
		BUG("a path reads otherwise the second time");
	if (address->domain.length &&
	    (address_parse_mailbox(address->whole, &again) != ADDRESS_OK || !is_same(address, &again)))
		BUG("a path's mailbox is none");
	buf_free(&path);
}

static void
check_rest(struct span text, struct span rest)
{
	size_t used = text.length - rest.length;

	if (rest.length >= text.length || text.data[used - 1] != '>' || (rest.length && rest.data != text.data + used))
		BUG("what follows a path does not follow it");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make((const char *)data, size);
	struct address address;
	struct span rest;

	if (address_parse_path(text, &address, &rest) == ADDRESS_OK) {
		check_rest(text, rest);
		check_parts(&address);
		check_path(&address);
	}
	if (address_parse_mailbox(text, &address) == ADDRESS_OK) {
		if (!span_equal(address.whole, text))
			BUG("a mailbox is not the whole text");
		check_parts(&address);
		check_path(&address);
	}
	if (address_is_domain(text) && address_is_literal(text))
		BUG("a domain is a literal");
	return 0;
}
