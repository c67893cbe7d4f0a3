/* The check of lib/utf8.h, with libunistring's decoder.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "lib/utf8.h"

#include <stdint.h>

#include <unistr.h>

enum { C1_FIRST = 0x80, C1_LAST = 0x9f, LINE_SEPARATOR = 0x2028, PARAGRAPH_SEPARATOR = 0x2029 };

static bool
is_control(ucs4_t character)
{
	return (character >= C1_FIRST && character <= C1_LAST) || character == LINE_SEPARATOR ||
	       character == PARAGRAPH_SEPARATOR;
}

bool
utf8_is_text(struct span text)
{
	const uint8_t *bytes = (const uint8_t *)text.data;
	size_t at = 0;

	while (at < text.length) {
		ucs4_t character;
		int length = u8_mbtoucr(&character, bytes + at, text.length - at);

		if (length <= 0 || is_control(character))
			return false;
		at += (size_t)length;
	}
	return true;
}

struct span
utf8_skip_mark(struct span text)
{
	struct span mark = SPAN("\xef\xbb\xbf");

	return span_equal(span_take(text, mark.length), mark) ? span_skip(text, mark.length) : text;
}
