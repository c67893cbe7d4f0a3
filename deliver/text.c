/* The text of deliver/text.h.
 *
 * On failure: see deliver/text.h.
 */
#include "deliver/text.h"

#include <string.h>

bool
text_is_address(struct span address)
{
	for (size_t i = 0; i < address.length; i++) {
		unsigned char c = (unsigned char)address.data[i];

		if (c < 0x20 || c == 0x7f)
			return false;
	}
	return true;
}

bool
text_is_header(struct span fields)
{
	if (fields.length == 0)
		return true;
	if (fields.data[0] == '\n' || fields.data[fields.length - 1] != '\n')
		return false;
	if (span_find(fields, '\r') < fields.length || span_find(fields, '\0') < fields.length)
		return false;
	return memmem(fields.data, fields.length, "\n\n", 2) == NULL;
}

bool
text_fields(struct span mailfrom, struct span delivered_to, struct buf *out)
{
	if (!text_is_address(mailfrom) || !text_is_address(delivered_to))
		return false;
	buf_append(out, SPAN("Return-Path: <"));
	buf_append(out, mailfrom);
	buf_append(out, SPAN(">\nDelivered-To: "));
	buf_append(out, delivered_to);
	buf_append(out, SPAN("\n"));
	return buf_ok(out);
}

size_t
text_to_lf(struct text_lines *lines, struct span bytes, char *out)
{
	size_t used = 0;

	if (lines->holds_cr && bytes.length) {
		if (bytes.data[0] != '\n')
			out[used++] = '\r';
		lines->holds_cr = false;
	}
	while (bytes.length) {
		size_t plain = span_find(bytes, '\r');

		memcpy(out + used, bytes.data, plain);
		used += plain;
		bytes = span_skip(bytes, plain);
		if (bytes.length == 1)
			lines->holds_cr = true;
		else if (bytes.length && bytes.data[1] != '\n')
			out[used++] = '\r';
		bytes = span_skip(bytes, 1);
	}
	return used;
}

size_t
text_end(struct text_lines *lines, char *out)
{
	if (!lines->holds_cr)
		return 0;
	lines->holds_cr = false;
	*out = '\r';
	return 1;
}
