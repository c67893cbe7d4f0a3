/* Header fields of ours in the making: built word by word, and a word that would pass column 77 goes to the next line.
 * No word is longer than FIELD_WORD_BYTES, so no line can reach 998 octets.
 *
 * Trust: what somebody else wrote goes through struct foreign, which is cut and shows "?" for what has no place there.
 * On failure: the buffer's sticky error.
 */
#ifndef TIDEGATE_SMTPD_FIELD_H
#define TIDEGATE_SMTPD_FIELD_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/peer.h"
#include "lib/span.h"

enum { FIELD_WORD_BYTES = 900 /* with a full line before it still under 998 */ };

/* A field being written, with the word that is not yet placed. */
struct field {
	struct buf *out;
	size_t column;
	bool at_line_start;
	char fold; /* what begins a folded line */
	size_t length;
	char word[FIELD_WORD_BYTES];
};

/* A text of somebody else: only so much of it, and may its bytes over 127 stay? */
struct foreign {
	struct span text;
	bool is_utf8;
};

/* Begins with "NAME:". */
struct field field_begin(struct buf *out, const char *name);
void field_end(struct field *field);
/* More of the word at hand. */
void field_put_char(struct field *field, char c);
void field_put(struct field *field, struct span text);
/* Our own words, which stand for themselves; the last one stays at hand. */
void field_put_words(struct field *field, const char *words);
/* Places the word at hand behind a space or on a line of its own. */
void field_end_word(struct field *field);
void field_put_word(struct field *field, struct span word);
/* The next word begins a line. */
void field_begin_line(struct field *field);
void field_put_ip(struct field *field, const struct peer_address *client);
/* Our host name, or "unknown". */
void field_put_hostname(struct field *field, struct span hostname);
/* atext of RFC 5322 3.2.3 */
bool field_is_atom_byte(char c);

/* may_be_utf8: only where SMTPUTF8 was said (RFC 6532 3.2). */
struct foreign foreign_text(struct span text, bool may_be_utf8);
/* Printable, or a byte of UTF-8 that may stay. */
bool foreign_may_show(const struct foreign *foreign, char c);
/* Somebody's bytes inside a comment: no parenthesis, no backslash, no space. */
void field_put_foreign(struct field *field, struct foreign shown);

#endif
