/* The replies of smtpd/reply.h: fills details into texts and cuts them into lines.
 *
 * Trust: see the header; cleaning is done here and nowhere else.
 * On failure: the buffer's sticky error.
 */
#include "smtpd/reply.h"

#include <stdio.h>

struct entry {
	unsigned code;
	const char *enhanced;
	const char *reason;
	const char *text;
};

static const struct entry entries[REPLY_COUNT] = {
#define R(NAME, code, enhanced, reason, text) [REPLY_##NAME] = { code, enhanced, reason, text },
	REPLY_LIST(R)
#undef R
};

/* A detail of each kind, both contacts, the longest text and our own lines fit; a line break costs nothing here. */
enum { TEXT_LIMIT_BYTES = (REPLY_DETAILS + 2) * REPLY_DETAIL_BYTES + 2048 };

unsigned
reply_code(enum reply_id id)
{
	return entries[id].code;
}

const char *
reply_enhanced(enum reply_id id)
{
	return entries[id].enhanced;
}

const char *
reply_reason(enum reply_id id)
{
	return entries[id].reason;
}

struct span
reply_number(struct reply *reply, uint64_t number)
{
	int length = snprintf(reply->scratch, sizeof reply->scratch, "%llu", (unsigned long long)number);

	return span_make(reply->scratch, (size_t)length);
}

static bool
is_clean(char c)
{
	return c >= 0x20 && c < 0x7f;
}

static void
append_cleaned(struct buf *out, struct span detail)
{
	detail = span_take(detail, REPLY_DETAIL_BYTES);
	while (detail.length) {
		size_t clean = 0;

		while (clean < detail.length && is_clean(detail.data[clean]))
			clean++;
		buf_append(out, span_take(detail, clean));
		if (clean < detail.length)
			buf_append_char(out, '?');
		detail = span_skip(detail, clean + 1);
	}
}

static void
fill_details(const struct reply *reply, struct buf *out)
{
	struct span text = span_of(entries[reply->id].text);
	size_t next = 0;

	while (text.length) {
		size_t plain = span_find(text, '{');

		buf_append(out, span_take(text, plain));
		if (plain == text.length)
			return;
		if (next < REPLY_DETAILS)
			append_cleaned(out, reply->details[next++]);
		text = span_skip(text, plain + SPAN("{}").length);
	}
}

/* Where a person can ask about a refusal. */
static void
append_contact(const struct config *config, struct buf *out)
{
	if (config->contact[0]) {
		buf_append_char(out, '\n');
		append_cleaned(out, span_of(config->contact));
	}
	if (config->contact_url[0]) {
		buf_append_text(out, "\nSee ");
		append_cleaned(out, span_of(config->contact_url));
	}
}

/* How much of a text goes into a line with so much room: up to the last space that fits, or all that fits. */
static size_t
line_length(struct span text, size_t room)
{
	if (text.length <= room)
		return text.length;
	for (size_t at = room; at > room / 2; at--)
		if (text.data[at] == ' ')
			return at;
	return room;
}

static void
append_line(const struct entry *entry, struct span text, bool is_last, struct buf *out)
{
	buf_append_u64(out, entry->code);
	buf_append_char(out, is_last ? ' ' : '-');
	if (entry->enhanced[0]) {
		buf_append_text(out, entry->enhanced);
		buf_append_char(out, ' ');
	}
	buf_append(out, text);
	buf_append(out, SPAN("\r\n"));
}

void
reply_format(const struct reply *reply, const struct config *config, struct buf *out)
{
	const struct entry *entry = &entries[reply->id];
	size_t room = REPLY_LINE_BYTES - 4 - 2 - (entry->enhanced[0] ? strlen(entry->enhanced) + 1 : 0);
	struct buf whole = BUF_LIMIT(TEXT_LIMIT_BYTES);

	fill_details(reply, &whole);
	buf_append(&whole, reply->lines);
	if (entry->code >= 400)
		append_contact(config, &whole);
	struct span rest = buf_span(&whole);
	do {
		struct span text = span_take(rest, span_find(rest, '\n'));
		bool breaks = text.length < rest.length;
		size_t length = line_length(text, room);

		rest = span_skip(rest, length == text.length && breaks ? length + 1 : length);
		if (length < text.length && rest.data[0] == ' ')
			rest = span_skip(rest, 1);
		append_line(entry, span_take(text, length), rest.length == 0, out);
	} while (rest.length);
	if (!buf_ok(&whole))
		out->failed = true;
	buf_free(&whole);
}
