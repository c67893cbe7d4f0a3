/* The canonical form of lookup/mail_address.h.
 *
 * Trust: addresses are a client's, or the administrator's. Pure.
 * On failure: see lookup/mail_address.h.
 */
#include "lookup/mail_address.h"

#include <stdlib.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

enum { ZERO_WIDTH_NON_JOINER = 0x200c, ZERO_WIDTH_JOINER = 0x200d };

/* atext of RFC 5322 3.2.3, with RFC 6532's UTF-8. */
static bool
is_atext(char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80)
		return true;
	return c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c);
}

static bool
is_dot_atom(struct span text)
{
	bool was_dot = true;

	for (size_t i = 0; i < text.length; i++) {
		bool is_dot = text.data[i] == '.';

		if (is_dot ? was_dot : !is_atext(text.data[i]))
			return false;
		was_dot = is_dot;
	}
	return !was_dot;
}

/* Takes the quotes and backslashes off a quoted string; out has room for it. False when it is none. */
static bool
unquote(struct span text, char *out, size_t *length)
{
	size_t at = 1;

	*length = 0;
	if (text.length < 2 || text.data[text.length - 1] != '"')
		return false;
	while (at + 1 < text.length) {
		char c = text.data[at++];

		if (c == '"')
			return false;
		if (c == '\\') {
			if (at + 1 >= text.length)
				return false;
			c = text.data[at++];
		}
		if ((unsigned char)c < 0x20 || c == 0x7f)
			return false;
		out[(*length)++] = c;
	}
	return true;
}

/* What no address should hold: controls, what is invisible or turns the direction of text (but the two joiners, which
 * some scripts need), private and unassigned code points, line ends. */
static bool
is_strange(ucs4_t character)
{
	if (character == ZERO_WIDTH_NON_JOINER || character == ZERO_WIDTH_JOINER)
		return false;
	return uc_is_general_category_withtable(
	    character, UC_CATEGORY_MASK_C | UC_CATEGORY_MASK_Zl | UC_CATEGORY_MASK_Zp);
}

static enum mail_address_result
check_utf8(struct span local)
{
	const uint8_t *bytes = (const uint8_t *)local.data;
	size_t at = 0;

	while (at < local.length) {
		ucs4_t character;
		int length = u8_mbtoucr(&character, bytes + at, local.length - at);

		if (length <= 0)
			return MAIL_ADDRESS_BAD_UTF8;
		if (is_strange(character))
			return MAIL_ADDRESS_STRANGE_LOCAL_PART;
		at += (size_t)length;
	}
	return MAIL_ADDRESS_OK;
}

/* NFC and, unless the case is kept, lower case; in place. */
static enum mail_address_result
fold_utf8(char *local, size_t *length, bool keeps_case)
{
	const uint8_t *bytes = (const uint8_t *)local;
	size_t folded_length = 0;
	enum mail_address_result result = check_utf8(span_make(local, *length));

	if (result != MAIL_ADDRESS_OK)
		return result;
	uint8_t *folded = keeps_case ? u8_normalize(UNINORM_NFC, bytes, *length, NULL, &folded_length)
				     : u8_tolower(bytes, *length, NULL, UNINORM_NFC, NULL, &folded_length);
	if (!folded)
		return MAIL_ADDRESS_NO_MEMORY;
	if (folded_length == 0 || folded_length > MAIL_LOCAL_PART_BYTES * 2) {
		free(folded);
		return MAIL_ADDRESS_BAD_LOCAL_PART;
	}
	memcpy(local, folded, folded_length);
	*length = folded_length;
	free(folded);
	return MAIL_ADDRESS_OK;
}

static enum mail_address_result
fold_local(char *local, size_t *length, bool keeps_case)
{
	struct span text = span_make(local, *length);

	if (span_equal_nocase(text, SPAN("postmaster")) || span_equal_nocase(text, SPAN("abuse")))
		keeps_case = false;
	if (!span_is_ascii(text))
		return fold_utf8(local, length, keeps_case);
	for (size_t i = 0; !keeps_case && i < *length; i++)
		local[i] = span_lower(local[i]);
	return MAIL_ADDRESS_OK;
}

static void
append(struct mail_address *address, char c)
{
	address->bytes[address->length++] = c;
}

/* Writes the local part's content, within quotes when it needs them. It has at most two bytes a byte, and the quotes.
 */
static void
write_local(struct mail_address *address, struct span content)
{
	address->is_quoted = !is_dot_atom(content);
	if (address->is_quoted)
		append(address, '"');
	for (size_t i = 0; i < content.length; i++) {
		if (address->is_quoted && (content.data[i] == '"' || content.data[i] == '\\'))
			append(address, '\\');
		append(address, content.data[i]);
	}
	if (address->is_quoted)
		append(address, '"');
	address->local_length = address->length;
}

static enum mail_address_result
canonical_local(struct span text, bool keeps_case, struct mail_address *address)
{
	char content[MAIL_LOCAL_PART_BYTES * 2];
	size_t length = text.length;

	if (text.length == 0)
		return MAIL_ADDRESS_NO_LOCAL_PART;
	if (text.length > MAIL_LOCAL_PART_BYTES)
		return MAIL_ADDRESS_LONG_LOCAL_PART;
	if (text.data[0] == '"') {
		if (!unquote(text, content, &length))
			return MAIL_ADDRESS_BAD_LOCAL_PART;
	} else {
		if (!is_dot_atom(text))
			return MAIL_ADDRESS_BAD_LOCAL_PART;
		memcpy(content, text.data, text.length);
	}
	enum mail_address_result result = fold_local(content, &length, keeps_case);
	if (result == MAIL_ADDRESS_OK)
		write_local(address, span_make(content, length));
	return result;
}

/* An address literal is kept as it is, in lower case; whether it is an address is the reader's business. */
static enum mail_domain_result
read_literal(struct span text, char out[static MAIL_DOMAIN_BYTES], size_t *length)
{
	if (text.length < 3 || text.length > MAIL_DOMAIN_BYTES || text.data[text.length - 1] != ']')
		return MAIL_DOMAIN_BAD;
	for (size_t i = 0; i < text.length; i++) {
		char c = text.data[i];

		if (c <= 0x20 || c >= 0x7f || (i > 0 && c == '[') || (i + 1 < text.length && c == ']'))
			return MAIL_DOMAIN_BAD;
		out[i] = span_lower(c);
	}
	*length = text.length;
	return MAIL_DOMAIN_OK;
}

/* The position behind the "@" that ends the local part: the last one. 0: there is none. */
static size_t
find_domain(struct span text)
{
	size_t at = text.length;

	while (at > 0 && text.data[at - 1] != '@')
		at--;
	return at;
}

enum mail_address_result
mail_address_canonical(struct span text, bool keeps_local_case, struct mail_address *address)
{
	char domain[MAIL_DOMAIN_BYTES];
	size_t at = find_domain(text);
	size_t length = 0;

	address->length = 0;
	if (at == 0)
		return MAIL_ADDRESS_NO_DOMAIN;
	struct span written = span_skip(text, at);
	address->is_literal = written.length > 0 && written.data[0] == '[';
	enum mail_domain_result found =
	    address->is_literal ? read_literal(written, domain, &length) : mail_domain_read(written, domain, &length);
	if (found != MAIL_DOMAIN_OK)
		return found == MAIL_DOMAIN_NO_MEMORY ? MAIL_ADDRESS_NO_MEMORY : MAIL_ADDRESS_BAD_DOMAIN;
	enum mail_address_result result = canonical_local(span_take(text, at - 1), keeps_local_case, address);
	if (result != MAIL_ADDRESS_OK)
		return result;
	append(address, '@');
	memcpy(address->bytes + address->length, domain, length);
	address->length += length;
	return MAIL_ADDRESS_OK;
}

struct span
mail_address_written_domain(struct span text)
{
	size_t at = find_domain(text);

	return at ? span_skip(text, at) : span_make(text.data, 0);
}

struct span
mail_address_with_a_labels(struct span text, char out[static MAIL_ADDRESS_BYTES])
{
	struct span domain = mail_address_written_domain(text);
	size_t head = text.length - domain.length;

	if (domain.length == 0 || span_is_ascii(domain) || head + MAIL_DOMAIN_BYTES > MAIL_ADDRESS_BYTES)
		return text;
	size_t length = mail_domain_canonical(domain, out + head);
	if (length == 0)
		return text;
	memcpy(out, text.data, head);
	return span_make(out, head + length);
}

const char *
mail_address_problem(enum mail_address_result result)
{
	switch (result) {
	case MAIL_ADDRESS_OK:
		break;
	case MAIL_ADDRESS_NO_DOMAIN:
		return "it has no domain; write it as NAME@DOMAIN";
	case MAIL_ADDRESS_NO_LOCAL_PART:
		return "it has nothing before the @; write it as NAME@DOMAIN";
	case MAIL_ADDRESS_BAD_LOCAL_PART:
		return "its part before the @ holds what cannot stand there; put unusual characters into double quotes";
	case MAIL_ADDRESS_LONG_LOCAL_PART:
		return "its part before the @ is longer than 64 bytes, which no mail system carries; shorten it";
	case MAIL_ADDRESS_STRANGE_LOCAL_PART:
		return "its part before the @ holds a character that cannot be seen or is not assigned in Unicode; "
		       "take "
		       "it out";
	case MAIL_ADDRESS_BAD_DOMAIN:
		return mail_domain_problem(MAIL_DOMAIN_BAD);
	case MAIL_ADDRESS_BAD_UTF8:
		return "it is not UTF-8; save the file as UTF-8";
	case MAIL_ADDRESS_NO_MEMORY:
		return mail_domain_problem(MAIL_DOMAIN_NO_MEMORY);
	}
	return "it is right";
}

bool
mail_address_is_role(const struct mail_address *address)
{
	struct span local = mail_address_local(address);

	return span_equal(local, SPAN("postmaster")) || span_equal(local, SPAN("abuse"));
}

/* The length of the next shorter base of a local part of that length, or 0. */
static size_t
shorter_base(const struct mail_bases *bases)
{
	size_t cut = bases->cut;

	/* What stands in quotes has no sub-address. */
	if (bases->address->is_quoted)
		return 0;
	while (--cut > 0)
		if (strchr(bases->separators, bases->address->bytes[cut]))
			return cut;
	return 0;
}

bool
mail_bases_next(struct mail_bases *bases)
{
	const struct mail_address *address = bases->address;

	if (bases->cut == 0) {
		bases->cut = address->local_length;
		bases->key = mail_address_span(address);
		bases->local = mail_address_local(address);
		return true;
	}
	size_t cut = shorter_base(bases);
	if (cut == 0) {
		bases->cut = 1; /* nothing is shorter: the next call ends here too */
		return false;
	}
	size_t domain = address->length - address->local_length;
	memcpy(bases->bytes, address->bytes, cut);
	memcpy(bases->bytes + cut, address->bytes + address->local_length, domain);
	bases->cut = cut;
	bases->key = span_make(bases->bytes, cut + domain);
	bases->local = span_make(bases->bytes, cut);
	return true;
}
