/* The macro expander of lookup/spf_macro.h. An SPF record may hold 64 KiB of macros, each as long as a sender: names
 * are expanded from their end, and only as far as they can count.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "lookup/spf_macro.h"

#include <stdio.h>
#include <string.h>

enum {
	PARTS_MAX = 1000,                /* "%{d9999999999}" keeps as many parts as there are */
	TAIL_BYTES = SPF_NAME_BYTES + 2, /* of a name: a final dot behind it, and what tells if a label begins */
	ENDS_BYTES = DNS_TXT_MAX_BYTES / 8 + 1,
	VALUE_BYTES = 65536 /* of one macro */
};

/* The end of a name that is being expanded from its end. */
struct tail {
	size_t start;
	char bytes[TAIL_BYTES];
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_in(char c, struct span set)
{
	return span_find(set, c) < set.length;
}

static bool
take_parts(struct span *rest, unsigned *parts)
{
	const struct span digits = *rest;

	*parts = 0;
	while (rest->length && is_digit(rest->data[0])) {
		*parts = *parts * 10 + (unsigned)(rest->data[0] - '0');
		if (*parts > PARTS_MAX)
			*parts = PARTS_MAX;
		*rest = span_skip(*rest, 1);
	}
	return *parts > 0 || rest->length == digits.length;
}

bool
spf_macro_take(struct span *rest, struct spf_macro *macro)
{
	if (rest->length < 2)
		return false;
	*macro = (struct spf_macro){ .letter = rest->data[1] };
	*rest = span_skip(*rest, 2);
	if (is_in(macro->letter, SPAN("%_-")))
		return true;
	if (macro->letter != '{' || rest->length == 0)
		return false;
	macro->letter = span_lower(rest->data[0]);
	macro->is_escaped = macro->letter != rest->data[0];
	*rest = span_skip(*rest, 1);
	if (!is_in(macro->letter, SPAN("slodiphcrtv")) || !take_parts(rest, &macro->parts))
		return false;
	if (rest->length && span_lower(rest->data[0]) == 'r') {
		macro->is_reversed = true;
		*rest = span_skip(*rest, 1);
	}
	size_t count = 0;
	while (count < rest->length && is_in(rest->data[count], SPAN(".-+,/_=")))
		count++;
	macro->delimiters = span_take(*rest, count);
	*rest = span_skip(*rest, count);
	if (rest->length == 0 || rest->data[0] != '}')
		return false;
	*rest = span_skip(*rest, 1);
	return true;
}

bool
spf_macro_is_for_explanations(const struct spf_macro *macro)
{
	return is_in(macro->letter, SPAN("crt"));
}

/* Does the text hold a macro of one of these letters? */
static bool
uses(struct span text, struct span letters)
{
	struct spf_macro macro;

	while (text.length) {
		text = span_skip(text, span_find(text, '%'));
		if (text.length == 0 || !spf_macro_take(&text, &macro))
			return false;
		if (is_in(macro.letter, letters))
			return true;
	}
	return false;
}

bool
spf_macro_uses_validated(struct span text)
{
	return uses(text, SPAN("p"));
}

bool
spf_macro_is_beyond_dns(struct span text, const struct spf_macro_facts *facts)
{
	return !span_is_ascii(facts->local_part) && uses(text, SPAN("sl"));
}

/* Percent-encodes all but RFC 3986's unreserved characters (7.3). */
static void
append_value_byte(struct buf *out, char c, bool is_escaped)
{
	static const char hex[] = "0123456789ABCDEF";
	const unsigned char byte = (unsigned char)c;
	const bool is_alphanumeric = is_digit(c) || (span_lower(c) >= 'a' && span_lower(c) <= 'z');

	if (!is_escaped || is_alphanumeric || is_in(c, SPAN("-._~"))) {
		buf_append_char(out, c);
		return;
	}
	const char encoded[3] = { '%', hex[byte >> 4], hex[byte & 15] };
	buf_append(out, span_make(encoded, sizeof encoded));
}

/* Parts from the right, in their order: what is left of the first of them is skipped. */
static void
append_forward(const struct spf_macro *macro, struct span value, struct span delimiters, struct buf *out)
{
	size_t start = value.length;
	unsigned parts = 0;

	while (start > 0 && (macro->parts == 0 || parts < macro->parts)) {
		if (is_in(value.data[start - 1], delimiters) && ++parts == macro->parts)
			break;
		start--;
	}
	for (size_t i = start; i < value.length; i++)
		append_value_byte(out, is_in(value.data[i], delimiters) ? '.' : value.data[i], macro->is_escaped);
}

/* Parts from the left, the last of them first: the right-hand parts of the reversed list. */
static void
append_reversed(const struct spf_macro *macro, struct span value, struct span delimiters, struct buf *out)
{
	size_t end = 0;
	unsigned parts = 0;

	while (end < value.length && !(is_in(value.data[end], delimiters) && ++parts == macro->parts))
		end++;
	while (true) {
		size_t start = end;

		while (start > 0 && !is_in(value.data[start - 1], delimiters))
			start--;
		for (size_t i = start; i < end; i++)
			append_value_byte(out, value.data[i], macro->is_escaped);
		if (start == 0)
			return;
		buf_append_char(out, '.');
		end = start - 1;
	}
}

/* The letter i of an IPv6 client: its nibbles with dots between them (7.3). */
static size_t
format_nibbles(const uint8_t ip[16], char text[static PEER_TEXT_SIZE])
{
	static const char hex[] = "0123456789ABCDEF";
	size_t length = 0;

	for (size_t i = 0; i < 32; i++) {
		if (i)
			text[length++] = '.';
		text[length++] = hex[i % 2 ? ip[i / 2] & 15 : ip[i / 2] >> 4];
	}
	return length;
}

/* The value of a letter; text is room for those that are made here. */
static struct span
value_of(char letter, const struct spf_macro_facts *facts, char text[static PEER_TEXT_SIZE])
{
	switch (letter) {
	case 's':
		return facts->sender;
	case 'l':
		return facts->local_part;
	case 'o':
		return facts->sender_domain;
	case 'd':
		return facts->domain;
	case 'h':
		return facts->helo;
	case 'r':
		return facts->receiver;
	case 'p':
		return facts->validated;
	case 'v':
		return facts->client.family == 6 ? SPAN("ip6") : SPAN("in-addr");
	case 't':
		(void)snprintf(text, PEER_TEXT_SIZE, "%llu", (unsigned long long)facts->now_seconds);
		return span_of(text);
	case 'i':
		if (facts->client.family == 6)
			return span_make(text, format_nibbles(facts->client.ip, text));
		break;
	default:
		break; /* c: the address as people write it */
	}
	peer_format_ip(&facts->client, text);
	return span_of(text);
}

static void
append_macro(const struct spf_macro *macro, const struct spf_macro_facts *facts, struct buf *out)
{
	char text[PEER_TEXT_SIZE];

	if (macro->letter == '%' || macro->letter == '_') {
		buf_append_char(out, macro->letter == '%' ? '%' : ' ');
		return;
	}
	if (macro->letter == '-') {
		buf_append_text(out, "%20");
		return;
	}
	const struct span value = value_of(macro->letter, facts, text);
	const struct span delimiters = macro->delimiters.length ? macro->delimiters : SPAN(".");
	if (macro->is_reversed)
		append_reversed(macro, value, delimiters, out);
	else
		append_forward(macro, value, delimiters, out);
}

/* Appends what stands before the next macro, and the macro. False when that is none. */
static bool
expand_step(struct span *rest, const struct spf_macro_facts *facts, struct buf *out)
{
	const size_t plain = span_find(*rest, '%');
	struct spf_macro macro;

	buf_append(out, span_take(*rest, plain));
	*rest = span_skip(*rest, plain);
	if (rest->length == 0)
		return true;
	if (!spf_macro_take(rest, &macro))
		return false;
	append_macro(&macro, facts, out);
	return true;
}

bool
spf_name_from(struct span text, struct spf_name *name)
{
	size_t label = 0;

	if (text.length && text.data[text.length - 1] == '.')
		text.length--;
	if (text.length == 0 || text.length > SPF_NAME_BYTES)
		return false;
	for (size_t i = 0; i <= text.length; i++) {
		if (i < text.length && text.data[i] == '\0')
			return false;
		if (i < text.length && text.data[i] != '.') {
			label++;
			continue;
		}
		if (label == 0 || label > SPF_LABEL_BYTES)
			return false;
		label = 0;
	}
	name->length = text.length;
	memcpy(name->bytes, text.data, text.length);
	return true;
}

/* Marks the last byte of each macro of a text. */
static bool
mark_ends(struct span text, uint8_t ends[static ENDS_BYTES])
{
	struct span rest = text;
	struct spf_macro macro;

	if (text.length > DNS_TXT_MAX_BYTES)
		return false;
	memset(ends, 0, text.length / 8 + 1);
	while (true) {
		rest = span_skip(rest, span_find(rest, '%'));
		if (rest.length == 0)
			return true;
		if (!spf_macro_take(&rest, &macro))
			return false;
		const size_t end = text.length - rest.length - 1;
		ends[end / 8] |= (uint8_t)(1U << end % 8);
	}
}

/* The last byte of a text, or the macro that ends there. */
static struct span
last_piece(struct span text, const uint8_t ends[static ENDS_BYTES])
{
	size_t at = text.length - 1;

	if ((ends[at / 8] >> at % 8 & 1) == 0)
		return span_skip(text, at);
	at--;
	while (text.data[text.length - 1] == '}' && text.data[at] != '%')
		at--;
	return span_skip(text, at);
}

/* Writes a piece before what is there, and only its end when there is no room for more. */
static void
prepend(struct tail *tail, struct span piece)
{
	if (piece.length > tail->start)
		piece = span_skip(piece, piece.length - tail->start);
	tail->start -= piece.length;
	memcpy(tail->bytes + tail->start, piece.data, piece.length);
}

bool
spf_macro_name(struct span domain_spec, const struct spf_macro_facts *facts, struct spf_name *name)
{
	struct buf value = BUF_LIMIT(VALUE_BYTES);
	struct tail tail = { .start = TAIL_BYTES };
	uint8_t ends[ENDS_BYTES];
	bool is_good = mark_ends(domain_spec, ends) && !spf_macro_is_beyond_dns(domain_spec, facts);

	while (is_good && domain_spec.length && tail.start > 0) {
		struct span piece = last_piece(domain_spec, ends);

		domain_spec.length -= piece.length;
		buf_reset(&value);
		is_good = expand_step(&piece, facts, &value) && buf_ok(&value);
		prepend(&tail, buf_span(&value));
	}
	buf_free(&value);
	struct span text = span_make(tail.bytes + tail.start, TAIL_BYTES - tail.start);
	if (text.length && text.data[text.length - 1] == '.')
		text.length--;
	while (text.length > SPF_NAME_BYTES)
		text = span_skip(text, span_find(text, '.') + 1);
	return is_good && spf_name_from(text, name);
}

static bool
is_printable(struct span text)
{
	for (size_t i = 0; i < text.length; i++)
		if (text.data[i] < ' ' || text.data[i] > '~')
			return false;
	return true;
}

bool
spf_macro_explanation(struct span text, const struct spf_macro_facts *facts, struct buf *out)
{
	while (text.length && buf_ok(out))
		if (!expand_step(&text, facts, out))
			return false;
	return is_printable(buf_span(out));
}
