/* The journal's lines of deliver/journal.h.
 *
 * On failure: see deliver/journal.h.
 */
#include "deliver/journal.h"

#include <string.h>

static const char hex_digits[] = "0123456789abcdef";

/* The next word of a line, which one space ends. */
static bool
take_word(struct span *rest, struct span *word)
{
	size_t length = span_find(*rest, ' ');

	if (length == 0 || length == rest->length)
		return false;
	*word = span_take(*rest, length);
	*rest = span_skip(*rest, length + 1);
	return true;
}

static bool
take_number(struct span *rest, uint64_t *number)
{
	struct span word;

	/* No serial or second number needs more digits. */
	return take_word(rest, &word) && word.length <= 18 && span_read_decimal(word, number);
}

static int
hex_value(char c)
{
	const char *at = c ? strchr(hex_digits, c) : NULL;

	return at ? (int)(at - hex_digits) : -1;
}

static bool
take_hex(struct span *rest, uint8_t *bytes, size_t count)
{
	struct span word;

	if (!take_word(rest, &word) || word.length != 2 * count)
		return false;
	for (size_t i = 0; i < count; i++) {
		int high = hex_value(word.data[2 * i]);
		int low = hex_value(word.data[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* Undoes %HH; the result gets a NUL and must hold none itself. */
static bool
take_text(struct span *rest, char *text, size_t size)
{
	struct span word;
	size_t used = 0;

	if (!take_word(rest, &word))
		return false;
	for (size_t i = 0; i < word.length; i++) {
		char c = word.data[i];

		if (c == '%') {
			int high = i + 2 < word.length ? hex_value(word.data[i + 1]) : -1;
			int low = i + 2 < word.length ? hex_value(word.data[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (c == '\0' || used + 1 >= size)
			return false;
		text[used++] = c;
	}
	text[used] = '\0';
	return true;
}

static bool
take_copy(struct span *rest, struct journal_copy *copy)
{
	uint64_t root;

	if (!take_number(rest, &copy->serial) || !take_number(rest, &root) || root > 255)
		return false;
	copy->root = (unsigned)root;
	return take_text(rest, copy->path, sizeof copy->path) && take_text(rest, copy->file, sizeof copy->file);
}

bool
journal_next_copy(struct journal_record *record, struct journal_copy *copy)
{
	if (record->kind != JOURNAL_REMEMBER || record->count == 0 || !take_copy(&record->rest, copy))
		return false;
	record->count--;
	return true;
}

bool
journal_next_serial(struct journal_record *record, uint64_t *serial)
{
	return record->kind == JOURNAL_FORGET && take_number(&record->rest, serial);
}

static bool
is_whole_remember(struct journal_record record)
{
	struct journal_copy copy;

	while (record.count)
		if (!journal_next_copy(&record, &copy))
			return false;
	return span_equal(record.rest, SPAN("."));
}

static bool
is_whole_forget(struct journal_record record)
{
	uint64_t serial;

	while (!span_equal(record.rest, SPAN(".")))
		if (!journal_next_serial(&record, &serial))
			return false;
	return true;
}

bool
journal_parse(struct span line, struct journal_record *record)
{
	struct span word;

	*record = (struct journal_record){ .rest = line };
	if (!take_word(&record->rest, &word))
		return false;
	if (span_equal(word, SPAN("-"))) {
		record->kind = JOURNAL_FORGET;
		return is_whole_forget(*record);
	}
	record->kind = JOURNAL_REMEMBER;
	return span_equal(word, SPAN("+")) && take_hex(&record->rest, record->digest, sizeof record->digest) &&
	       take_hex(&record->rest, record->boot, sizeof record->boot) &&
	       take_number(&record->rest, &record->seconds) && take_number(&record->rest, &record->count) &&
	       is_whole_remember(*record);
}

static void
append_hex(struct buf *line, const uint8_t *bytes, size_t count)
{
	char *to = buf_reserve(line, 2 * count);

	if (!to)
		return;
	for (size_t i = 0; i < count; i++) {
		to[2 * i] = hex_digits[bytes[i] >> 4];
		to[2 * i + 1] = hex_digits[bytes[i] & 15];
	}
	line->length += 2 * count;
}

static void
append_text(struct buf *line, const char *text)
{
	size_t plain = 0;
	size_t i;

	for (i = 0; text[i]; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c > ' ' && c < 0x7f && c != '%')
			continue;
		const char escape[3] = { '%', hex_digits[c >> 4], hex_digits[c & 15] };
		buf_append(line, span_make(text + plain, i - plain));
		buf_append(line, span_make(escape, sizeof escape));
		plain = i + 1;
	}
	buf_append(line, span_make(text + plain, i - plain));
}

void
journal_append_head(struct buf *line, const uint8_t digest[static JOURNAL_DIGEST_BYTES],
    const uint8_t boot[static JOURNAL_BOOT_BYTES], uint64_t seconds, uint64_t count)
{
	buf_append(line, SPAN("+ "));
	append_hex(line, digest, JOURNAL_DIGEST_BYTES);
	buf_append_char(line, ' ');
	append_hex(line, boot, JOURNAL_BOOT_BYTES);
	buf_append_char(line, ' ');
	buf_append_u64(line, seconds);
	buf_append_char(line, ' ');
	buf_append_u64(line, count);
	buf_append_char(line, ' ');
}

void
journal_append_copy(struct buf *line, uint64_t serial, unsigned root, const char *path, const char *file)
{
	buf_append_u64(line, serial);
	buf_append_char(line, ' ');
	buf_append_u64(line, root);
	buf_append_char(line, ' ');
	append_text(line, path);
	buf_append_char(line, ' ');
	append_text(line, file);
	buf_append_char(line, ' ');
}

void
journal_append_forget(struct buf *line)
{
	buf_append(line, SPAN("- "));
}

void
journal_append_serial(struct buf *line, uint64_t serial)
{
	buf_append_u64(line, serial);
	buf_append_char(line, ' ');
}

void
journal_append_end(struct buf *line)
{
	buf_append(line, SPAN(".\n"));
}
