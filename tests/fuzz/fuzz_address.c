/* Any bytes as a path, a mailbox and a HELO name: what is accepted keeps to RFC 5321 and RFC 6531, says whether it is
 * ASCII, and reads the same again, also with its domain in A-labels. */
#include <stdint.h>

#include "lib/buf.h"
#include "lib/bug.h"
#include "lookup/mail_address.h"
#include "smtpd/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_same(const struct address *a, const struct address *b)
{
	return span_equal(a->whole, b->whole) && span_equal(a->local_part, b->local_part) &&
	       span_equal(a->domain, b->domain) && a->is_literal == b->is_literal && a->is_quoted == b->is_quoted &&
	       a->is_utf8 == b->is_utf8;
}

/* The length of the UTF-8 character at the start of text, by RFC 3629's table; 0 when it is none. */
static size_t
character_length(struct span text)
{
	static const struct {
		unsigned char first, last, second, until;
		size_t length;
	} forms[] = { { 0x20, 0x7e, 0, 0, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 } };
	const unsigned char *bytes = (const unsigned char *)text.data;

	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		if (bytes[0] < forms[i].first || bytes[0] > forms[i].last || text.length < forms[i].length)
			continue;
		bool is_good = forms[i].length == 1 || (bytes[1] >= forms[i].second && bytes[1] <= forms[i].until);
		for (size_t at = 2; at < forms[i].length; at++)
			is_good = is_good && (bytes[at] & 0xc0) == 0x80;
		return is_good ? forms[i].length : 0;
	}
	return 0;
}

static void
check_characters(const struct address *address)
{
	struct span rest = address->whole;
	bool is_utf8 = false;

	while (rest.length) {
		size_t length = character_length(rest);

		if (length == 0 || (length == 2 && rest.data[0] == '\xc2' && (unsigned char)rest.data[1] < 0xa0))
			BUG("an address holds what is no text");
		is_utf8 = is_utf8 || length > 1;
		rest = span_skip(rest, length);
	}
	if (is_utf8 != address->is_utf8)
		BUG("an address does not say whether it is ASCII");
}

/* A domain that is not ASCII has A-labels, and with them the address is the same to the map. */
static void
check_a_labels(const struct address *address)
{
	struct mail_address canonical;
	struct mail_address again;
	char room[MAIL_ADDRESS_BYTES];
	struct span encoded = mail_address_with_a_labels(address->whole, room);

	if (!span_is_ascii(mail_address_written_domain(encoded)))
		BUG("a domain without A-labels was accepted");
	enum mail_address_result result = mail_address_canonical(address->whole, false, &canonical);
	if (result != mail_address_canonical(encoded, false, &again))
		BUG("A-labels change what an address is");
	if (result == MAIL_ADDRESS_OK && !span_equal(mail_address_span(&canonical), mail_address_span(&again)))
		BUG("A-labels make it another address");
}

static void
check_parts(const struct address *address)
{
	check_characters(address);
	check_a_labels(address);
	if (address->local_part.length > ADDRESS_LOCAL_PART_BYTES || address->whole.length + 2 > ADDRESS_PATH_BYTES)
		BUG("an address is over the limits");
	if (address->domain.length == 0)
		return;
	if (address->whole.length != address->local_part.length + 1 + address->domain.length)
		BUG("an address is not its parts");
	if (address->is_literal ? !address_is_literal(address->domain)
				: span_is_ascii(address->domain) && !address_is_domain(address->domain))
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
	if (address_is_helo_name(text) && !span_is_ascii(text))
		BUG("a HELO name is not ASCII");
	return 0;
}
