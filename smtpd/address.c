/* The parser of smtpd/address.h: each function takes the longest piece of its kind off the front of the text.
 *
 * Trust: none in the text. Bytes over 127 are taken as they come, and judged once the path is whole: what is not
 * UTF-8, or names no domain, is bad syntax.
 * On failure: syntax is judged before length; the result is filled only on ADDRESS_OK.
 */
#include "smtpd/address.h"

#include <stddef.h>

#include "lib/peer.h"
#include "lib/utf8.h"
#include "lookup/mail_domain.h"

enum { LABEL_BYTES = 63 }; /* RFC 1035 2.3.4 */

static bool
is_high(char c)
{
	return (unsigned char)c >= 0x80;
}

static bool
is_letter_or_digit(char c)
{
	return (c >= '0' && c <= '9') || (span_lower(c) >= 'a' && span_lower(c) <= 'z');
}

static bool
is_dot_string_byte(char c)
{
	return is_letter_or_digit(c) || c == '.' || is_high(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool
is_domain_byte(char c)
{
	return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.' || is_high(c);
}

/* Takes the longest run of bytes of a class off the front of *text. */
static struct span
take_run(struct span *text, bool (*belongs)(char))
{
	size_t length = 0;

	while (length < text->length && belongs(text->data[length]))
		length++;
	struct span run = span_take(*text, length);
	*text = span_skip(*text, length);
	return run;
}

static bool
take_byte(struct span *text, char c)
{
	if (text->length == 0 || text->data[0] != c)
		return false;
	*text = span_skip(*text, 1);
	return true;
}

/* No empty piece between dots, and none at either end. */
static bool
has_good_dots(struct span text)
{
	if (text.length == 0 || text.data[0] == '.' || text.data[text.length - 1] == '.')
		return false;
	for (size_t i = 1; i < text.length; i++)
		if (text.data[i] == '.' && text.data[i - 1] == '.')
			return false;
	return true;
}

/* No label begins or ends with a hyphen. */
static bool
has_good_hyphens(struct span text)
{
	for (size_t i = 0; i < text.length; i++) {
		bool at_start = i == 0 || text.data[i - 1] == '.';
		bool at_end = i + 1 == text.length || text.data[i + 1] == '.';

		if (text.data[i] == '-' && (at_start || at_end))
			return false;
	}
	return true;
}

static size_t
longest_label(struct span domain)
{
	size_t longest = 0;

	while (domain.length) {
		size_t length = span_find(domain, '.');

		longest = length > longest ? length : longest;
		domain = span_skip(domain, length + 1);
	}
	return longest;
}

/* Domain, of any length, and with any bytes over 127. */
static bool
take_domain(struct span *text, struct span *domain)
{
	*domain = take_run(text, is_domain_byte);
	return has_good_dots(*domain) && has_good_hyphens(*domain);
}

/* address-literal, its brackets included. */
static bool
take_literal(struct span *text, struct span *literal)
{
	*literal = span_take(*text, span_find(*text, ']') + 1);
	*text = span_skip(*text, literal->length);
	return address_is_literal(*literal);
}

static bool
is_printable(char c)
{
	return c >= ' ' && c <= '~';
}

/* Quoted-string, its quotes included. Behind a backslash stands ASCII only (RFC 6531 3.3). */
static bool
take_quoted_string(struct span *text, struct span *quoted)
{
	size_t i = 1;

	while (i < text->length && text->data[i] != '"') {
		bool is_pair = text->data[i] == '\\';

		i += is_pair;
		if (i >= text->length || !(is_printable(text->data[i]) || (!is_pair && is_high(text->data[i]))))
			return false;
		i++;
	}
	if (i >= text->length)
		return false;
	*quoted = span_take(*text, i + 1);
	*text = span_skip(*text, i + 1);
	return true;
}

static bool
take_local_part(struct span *text, struct address *address)
{
	address->is_quoted = text->length && text->data[0] == '"';
	if (address->is_quoted)
		return take_quoted_string(text, &address->local_part);
	address->local_part = take_run(text, is_dot_string_byte);
	return has_good_dots(address->local_part);
}

static bool
take_mailbox(struct span *text, struct address *address)
{
	struct span start = *text;

	if (!take_local_part(text, address) || !take_byte(text, '@'))
		return false;
	address->is_literal = text->length && text->data[0] == '[';
	if (address->is_literal ? !take_literal(text, &address->domain) : !take_domain(text, &address->domain))
		return false;
	address->whole = span_take(start, start.length - text->length);
	return true;
}

/* "@one,@two:" before a mailbox (RFC 5321 4.1.2 A-d-l; appendix C: to be ignored). True when there is none. */
static bool
skip_source_route(struct span *text)
{
	struct span domain;

	if (text->length == 0 || text->data[0] != '@')
		return true;
	do {
		if (!take_byte(text, '@') || !take_domain(text, &domain))
			return false;
	} while (take_byte(text, ','));
	return take_byte(text, ':');
}

static enum address_result
judge_domain(enum mail_domain_result result)
{
	switch (result) {
	case MAIL_DOMAIN_OK:
		return ADDRESS_OK;
	case MAIL_DOMAIN_TOO_LONG:
		return ADDRESS_TOO_LONG;
	case MAIL_DOMAIN_NO_MEMORY:
		return ADDRESS_NO_MEMORY;
	case MAIL_DOMAIN_BAD:
	case MAIL_DOMAIN_BAD_UTF8:
	case MAIL_DOMAIN_BAD_CHARACTER:
	case MAIL_DOMAIN_BAD_DIRECTION:
		break;
	}
	return ADDRESS_BAD_SYNTAX;
}

/* A path that is not ASCII, its route included: it must be UTF-8, and the domain a name. What the grammar says of
 * ASCII has been checked, so a local part needs no more. */
static enum address_result
judge_utf8(struct span path, struct address *address)
{
	char domain[MAIL_DOMAIN_BYTES];
	size_t length;

	if (!utf8_is_text(path))
		return ADDRESS_BAD_SYNTAX;
	address->is_utf8 = !span_is_ascii(address->whole);
	if (span_is_ascii(address->domain))
		return ADDRESS_OK;
	return judge_domain(mail_domain_read(address->domain, domain, &length));
}

/* Lengths, and what is not ASCII. A path within its limit holds no domain over 255 octets. extra: octets of the path
 * that are not in `path`. */
static enum address_result
judge(struct span path, size_t extra, struct address *address)
{
	enum address_result result = span_is_ascii(path) ? ADDRESS_OK : judge_utf8(path, address);
	bool has_long_label =
	    !address->is_literal && span_is_ascii(address->domain) && longest_label(address->domain) > LABEL_BYTES;

	if (result != ADDRESS_OK)
		return result;
	bool is_long = path.length + extra > ADDRESS_PATH_BYTES ||
		       address->local_part.length > ADDRESS_LOCAL_PART_BYTES || has_long_label;
	return is_long ? ADDRESS_TOO_LONG : ADDRESS_OK;
}

/* What may stand between the brackets. */
static bool
take_path_inside(struct span *text, struct address *address)
{
	struct span word = span_take(*text, span_find(*text, '>'));

	if (word.length == 0 || span_equal_nocase(word, SPAN("postmaster"))) {
		*address =
		    (struct address){ .whole = word, .local_part = word, .domain = span_skip(word, word.length) };
		*text = span_skip(*text, word.length);
		return true;
	}
	return skip_source_route(text) && take_mailbox(text, address);
}

enum address_result
address_parse_path(struct span text, struct address *address, struct span *rest)
{
	struct address found = { 0 };
	struct span left = text;

	if (!take_byte(&left, '<') || !take_path_inside(&left, &found) || !take_byte(&left, '>'))
		return ADDRESS_BAD_SYNTAX;
	enum address_result result = judge(span_take(text, text.length - left.length), 0, &found);
	if (result != ADDRESS_OK)
		return result;
	*address = found;
	*rest = left;
	return ADDRESS_OK;
}

enum address_result
address_parse_mailbox(struct span text, struct address *address)
{
	struct address found = { 0 };
	struct span left = text;

	if (!take_mailbox(&left, &found) || left.length)
		return ADDRESS_BAD_SYNTAX;
	enum address_result result = judge(text, SPAN("<>").length, &found);
	if (result == ADDRESS_OK)
		*address = found;
	return result;
}

bool
address_is_domain(struct span text)
{
	struct span domain;

	return take_domain(&text, &domain) && text.length == 0 && domain.length <= ADDRESS_DOMAIN_BYTES &&
	       longest_label(domain) <= LABEL_BYTES && span_is_ascii(domain);
}

bool
address_parse_literal(struct span text, struct peer_address *peer)
{
	const struct span tag = SPAN("IPv6:");

	if (text.length < 2 || text.data[0] != '[' || text.data[text.length - 1] != ']')
		return false;
	struct span inside = span_make(text.data + 1, text.length - 2);
	bool is_tagged = span_starts_nocase(inside, tag);
	if (is_tagged)
		inside = span_skip(inside, tag.length);
	/* An IPv4 address has no colon, an IPv6 address has two at least, also when IPv4 stands at its end. */
	bool has_colon = span_find(inside, ':') < inside.length;
	return has_colon == is_tagged && peer_parse_ip(inside, peer);
}

bool
address_is_literal(struct span text)
{
	struct peer_address peer;

	return address_parse_literal(text, &peer);
}

bool
address_is_helo_name(struct span text)
{
	return address_is_domain(text) || address_is_literal(text);
}
