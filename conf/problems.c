/* The list of mistakes of conf/problems.h.
 *
 * Trust: see conf/problems.h.
 * On failure: see conf/problems.h.
 */
#include "conf/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { MESSAGE_BYTES = 4096, TEXT_BYTES = PROBLEMS_MAX * MESSAGE_BYTES };

void
problems_add(struct problems *problems, struct span file, unsigned file_order, unsigned line, const char *format, ...)
{
	char message[MESSAGE_BYTES];
	va_list arguments;

	problems->count++;
	if (!problems->items) {
		problems->items = calloc(PROBLEMS_MAX, sizeof *problems->items);
		problems->text = BUF_LIMIT(TEXT_BYTES);
	}
	if (!problems->items || problems->kept == PROBLEMS_MAX)
		return;
	va_start(arguments, format);
	(void)vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	size_t start = problems->text.length;
	buf_append_escaped(&problems->text, file);
	if (line)
		buf_printf(&problems->text, ":%u", line);
	buf_append_text(&problems->text, ": ");
	buf_append_text(&problems->text, message);
	buf_append_char(&problems->text, '\n');
	if (!buf_ok(&problems->text))
		return;
	problems->items[problems->kept++] = (struct problem){
		.file_order = file_order, .line = line, .offset = start, .length = problems->text.length - start
	};
}

static int
compare(const void *left, const void *right)
{
	const struct problem *a = left;
	const struct problem *b = right;

	if (a->file_order != b->file_order)
		return a->file_order < b->file_order ? -1 : 1;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

void
problems_write(struct problems *problems, struct buf *out)
{
	if (problems->kept)
		qsort(problems->items, problems->kept, sizeof *problems->items, compare);
	for (size_t i = 0; i < problems->kept; i++)
		buf_append(out, span_make(problems->text.data + problems->items[i].offset, problems->items[i].length));
	if (problems->count > problems->kept)
		buf_printf(out, "and %zu more\n", problems->count - problems->kept);
}

void
problems_free(struct problems *problems)
{
	buf_free(&problems->text);
	free(problems->items);
	*problems = (struct problems){ 0 };
}

const char *
problems_quote(struct span bytes, char text[static PROBLEMS_QUOTE_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	size_t at = 0;

	for (size_t i = 0; i < bytes.length; i++) {
		unsigned char c = (unsigned char)bytes.data[i];

		if (at + 4 + sizeof "..." > PROBLEMS_QUOTE_SIZE) {
			memcpy(text + at, "...", 3);
			at += 3;
			break;
		}
		/* UTF-8 stays readable; what could steer a terminal does not get there. */
		if (c >= 0x20 && c != 0x7f) {
			text[at++] = (char)c;
			continue;
		}
		text[at++] = '\\';
		text[at++] = 'x';
		text[at++] = hex[c >> 4];
		text[at++] = hex[c & 15];
	}
	text[at] = '\0';
	return text;
}
