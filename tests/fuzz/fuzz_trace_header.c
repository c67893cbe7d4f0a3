/* Any bytes in every place of Received and Received-SPF: the fields stay printable ASCII (UTF-8 where SMTPUTF8 was
 * said), properly folded, with no line over 998 octets, and their comments and quoted strings end. The input's lines go
 * into the places in order. */
#include <stdint.h>

#include "lib/bug.h"
#include "lib/utf8.h"
#include "smtpd/trace_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELD_BYTES = 65536, LINE_BYTES = 998 };

static struct span
take_place(struct span *rest)
{
	struct span place = span_take(*rest, span_find(*rest, '\n'));

	*rest = span_skip(*rest, place.length + 1);
	return place;
}

static void
check_line(struct span line, bool is_first)
{
	if (line.length > LINE_BYTES)
		BUG("a line is too long");
	if (span_trim(line).length == 0)
		BUG("a line is white space only");
	if ((line.data[0] == ' ' || line.data[0] == '\t') == is_first)
		BUG("a line is not folded");
	if (!utf8_is_text(line))
		BUG("a line is no UTF-8");
	for (size_t i = 0; i < line.length; i++) {
		bool is_high = (unsigned char)line.data[i] >= 0x80;

		if (!is_high && (line.data[i] < ' ' || line.data[i] > '~') && (line.data[i] != '\t' || i > 0))
			BUG("a line holds a control character");
	}
}

static void
check_nesting(struct span field)
{
	bool in_comment = false;
	bool in_quotes = false;

	for (size_t i = 0; i < field.length; i++) {
		char c = field.data[i];

		if (in_quotes && c == '\\')
			i++;
		else if (!in_comment && c == '"')
			in_quotes = !in_quotes;
		else if (!in_quotes && (c == '(' || c == ')') && in_comment != (c == '('))
			in_comment = !in_comment;
		else if (!in_quotes && (c == '(' || c == ')' || c == '\\'))
			BUG("a comment is broken");
	}
	if (in_comment || in_quotes)
		BUG("a comment or a quoted string does not end");
}

static void
check_field(struct buf *field, bool is_smtputf8)
{
	struct span rest = buf_span(field);

	if (!is_smtputf8 && !span_is_ascii(rest))
		BUG("a field holds more than ASCII");
	if (!buf_ok(field) || (field->length && field->data[field->length - 1] != '\n'))
		BUG("a field does not end");
	check_nesting(rest);
	while (rest.length) {
		struct span line = take_place(&rest);

		check_line(line, line.data == field->data);
	}
	buf_reset(field);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_make((const char *)data, size);
	struct trace_received received = { .helo = take_place(&rest), .client_name = take_place(&rest) };
	struct trace_spf spf = { .helo = received.helo, .envelope_from = take_place(&rest) };
	struct buf field = BUF_LIMIT(FIELD_BYTES);

	received.id = take_place(&rest);
	received.single_recipient = take_place(&rest);
	received.hostname = take_place(&rest);
	(void)peer_parse_ip(take_place(&rest), &received.client);
	received.is_smtputf8 = spf.is_smtputf8 = size / 2 % 2;
	received.wall_us = rest.length * UINT64_C(0x123456789);
	spf.hostname = received.hostname;
	spf.client = received.client;
	spf.mechanism = take_place(&rest);
	spf.problem = rest;
	spf.identity = size % 2 ? SPF_IDENTITY_HELO : SPF_IDENTITY_MAILFROM;
	trace_received(&received, &field);
	check_field(&field, spf.is_smtputf8);
	for (int result = 0; result <= SPF_UNKNOWN; result++) {
		spf.result = (enum spf_result)result;
		trace_received_spf(&spf, &field);
		check_field(&field, spf.is_smtputf8);
	}
	buf_free(&field);
	return 0;
}
