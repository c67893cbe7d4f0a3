/* The writer of smtpd/field.h.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "smtpd/field.h"

#include "lib/utf8.h"
#include "smtpd/address.h"

enum {
	LINE_BYTES = 77,
	SHOWN_BYTES = 400 /* of any text that somebody else wrote; each byte may need a backslash */
};

void
field_put_char(struct field *field, char c)
{
	if (field->length < sizeof field->word)
		field->word[field->length++] = c;
}

void
field_put(struct field *field, struct span text)
{
	for (size_t i = 0; i < text.length; i++)
		field_put_char(field, text.data[i]);
}

void
field_begin_line(struct field *field)
{
	buf_append_char(field->out, '\n');
	buf_append_char(field->out, field->fold);
	field->column = 1;
	field->at_line_start = true;
}

/* Places the word behind a space or on a line of its own. An empty word never begins a line: a line of nothing but
 * white space is no folding. */
void
field_end_word(struct field *field)
{
	if (!field->at_line_start) {
		if (field->length && field->column + 1 + field->length > LINE_BYTES) {
			field_begin_line(field);
		} else {
			buf_append_char(field->out, ' ');
			field->column++;
		}
	}
	buf_append(field->out, span_make(field->word, field->length));
	field->column += field->length;
	field->length = 0;
	field->at_line_start = false;
}

void
field_put_word(struct field *field, struct span word)
{
	field_put(field, word);
	field_end_word(field);
}

struct field
field_begin(struct buf *out, const char *name)
{
	buf_append_text(out, name);
	return (struct field){ .out = out, .column = strlen(name), .fold = '\t' };
}

void
field_end(struct field *field)
{
	buf_append_char(field->out, '\n');
}

static bool
is_printable(char c)
{
	return c > ' ' && c <= '~';
}

/* atext of RFC 5322 3.2.3 */
bool
field_is_atom_byte(char c)
{
	return (c >= '0' && c <= '9') || (span_lower(c) >= 'a' && span_lower(c) <= 'z') ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

struct foreign
foreign_text(struct span text, bool may_be_utf8)
{
	text = span_take(text, SHOWN_BYTES);
	return (struct foreign){ text, may_be_utf8 && !span_is_ascii(text) && utf8_is_text(text) };
}

bool
foreign_may_show(const struct foreign *foreign, char c)
{
	return is_printable(c) || (foreign->is_utf8 && (unsigned char)c >= 0x80);
}

/* Somebody's bytes inside a comment: no parenthesis, no backslash, no space. */
void
field_put_foreign(struct field *field, struct foreign shown)
{
	for (size_t i = 0; i < shown.text.length; i++) {
		char c = shown.text.data[i];

		field_put_char(field, foreign_may_show(&shown, c) && c != '(' && c != ')' && c != '\\' ? c : '?');
	}
}

/* Our own words, which stand for themselves. */
void
field_put_words(struct field *field, const char *words)
{
	for (; *words; words++) {
		if (*words == ' ')
			field_end_word(field);
		else
			field_put_char(field, *words);
	}
}

void
field_put_ip(struct field *field, const struct peer_address *client)
{
	char ip[PEER_TEXT_SIZE];

	peer_format_ip(client, ip);
	field_put(field, span_of(ip));
}

void
field_put_hostname(struct field *field, struct span hostname)
{
	field_put(field, address_is_helo_name(hostname) ? hostname : SPAN("unknown"));
}
