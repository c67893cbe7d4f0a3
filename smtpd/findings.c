/* The counting of smtpd/findings.h.
 *
 * Trust: none in the bytes.
 * On failure: nothing fails; findings are in the struct.
 */
#include "smtpd/findings.h"

enum { LONG_LINE_BYTES = 998 };

static const char field_name[] = "received";

enum { NAME_BYTES = sizeof field_name - 1, NAME_OVER = 255 /* counted, or not this name */ };

void
findings_begin(struct findings *found)
{
	*found = (struct findings){ .in_header = true };
}

static void
count_in_line(struct findings *found, size_t bytes)
{
	found->line_bytes += bytes;
	if (found->line_bytes > found->longest_line)
		found->longest_line = found->line_bytes;
	if (found->line_bytes > LONG_LINE_BYTES && found->long_line == 0)
		found->long_line = found->lines + 1;
}

/* Matches a header line's first bytes, wherever the input was cut. RFC 5322 4.5.8 lets white space stand before the
 * colon. */
static void
match_field_name(struct findings *found, struct span bytes)
{
	for (size_t i = 0; i < bytes.length && found->name_matched != NAME_OVER; i++) {
		char c = bytes.data[i];

		if (found->name_matched < NAME_BYTES) {
			bool fits = span_lower(c) == field_name[found->name_matched];

			found->name_matched = fits ? (unsigned char)(found->name_matched + 1) : NAME_OVER;
		} else if (c != ' ' && c != '\t') {
			found->received_fields += c == ':';
			found->name_matched = NAME_OVER;
		}
	}
}

void
findings_take(struct findings *found, struct span text, bool has_nul)
{
	match_field_name(found, text);
	count_in_line(found, text.length);
	if (has_nul && found->nul_line == 0)
		found->nul_line = found->lines + 1;
}

void
findings_take_bare_cr(struct findings *found)
{
	findings_bare_newline(found, found->lines + 1);
	found->name_matched = NAME_OVER;
	count_in_line(found, 1);
}

void
findings_bare_newline(struct findings *found, uint64_t line)
{
	if (found->bare_newline_line == 0)
		found->bare_newline_line = line;
}

void
findings_end_line(struct findings *found)
{
	if (found->line_bytes == 0)
		found->in_header = false;
	found->lines++;
	found->line_bytes = 0;
	found->name_matched = found->in_header ? 0 : NAME_OVER;
}

/* Eight bytes at a time: most text has none over 127. */
void
findings_look_for_8bit(struct findings *found, struct span text)
{
	const uint64_t high_bits = 0x8080808080808080u;
	uint64_t seen = 0;
	uint64_t word;
	size_t i = 0;

	if (found->has_8bit)
		return;
	for (; i + sizeof word <= text.length; i += sizeof word) {
		memcpy(&word, text.data + i, sizeof word);
		seen |= word;
	}
	for (; i < text.length; i++)
		seen |= (unsigned char)text.data[i];
	found->has_8bit = (seen & high_bits) != 0;
}
