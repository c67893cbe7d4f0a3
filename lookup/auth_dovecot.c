/* The lines of lookup/auth_dovecot.h.
 *
 * Trust: see the header. Pure.
 * On failure: see the header.
 */
#include "lookup/auth_dovecot.h"

#include <string.h>

#include <openssl/evp.h>

enum { MAJOR_VERSION = 1, ESCAPE = 1, PLAIN_BYTES = IPC_ADDRESS_BYTES + IPC_TEXT_BYTES + 2 };

static struct span
take_field(struct span *rest)
{
	struct span field = span_take(*rest, span_find(*rest, '\t'));

	*rest = span_skip(*rest, field.length + 1);
	return field;
}

static bool
parse_number(struct span text, uint32_t *number)
{
	uint64_t value;

	if (!span_read_decimal(text, &value) || value > UINT32_MAX)
		return false;
	*number = (uint32_t)value;
	return true;
}

/* Is the field "NAME=…"? Then value is what follows. */
static bool
is_named(struct span field, struct span name, struct span *value)
{
	if (field.length < name.length || !span_equal(span_take(field, name.length), name))
		return false;
	*value = span_skip(field, name.length);
	return true;
}

/* What a byte behind the escape stands for; -1: nothing. */
static int
unescaped(char c)
{
	switch (c) {
	case '0':
		return '\0';
	case '1':
		return ESCAPE;
	case 't':
		return '\t';
	case 'r':
		return '\r';
	case 'n':
		return '\n';
	}
	return -1;
}

static bool
take_user(struct span value, struct dovecot_line *line)
{
	line->user_length = 0;
	for (size_t i = 0; i < value.length; i++) {
		int c = (unsigned char)value.data[i];

		if (c == ESCAPE) {
			i++;
			c = i < value.length ? unescaped(value.data[i]) : -1;
		}
		if (c <= 0 || line->user_length == sizeof line->user)
			return false;
		line->user[line->user_length++] = (char)c;
	}
	return line->user_length > 0;
}

/* The fields behind "OK ID". */
static enum dovecot_word
parse_passed(struct span rest, struct dovecot_line *line)
{
	bool has_user = false;
	struct span value;

	while (rest.length) {
		if (!is_named(take_field(&rest), SPAN("user="), &value))
			continue;
		if (has_user || !take_user(value, line))
			return DOVECOT_NONSENSE;
		has_user = true;
	}
	return has_user ? DOVECOT_OK : DOVECOT_NONSENSE;
}

/* The fields behind "FAIL ID". */
static enum dovecot_word
parse_failed(struct span rest, struct dovecot_line *line)
{
	while (rest.length) {
		struct span field = take_field(&rest);

		/* Older and newer ways to say it. */
		if (span_equal(field, SPAN("temp")) || span_equal(field, SPAN("code=temp_fail")))
			line->is_temporary = true;
	}
	return DOVECOT_FAIL;
}

static enum dovecot_word
parse_version(struct span rest, struct dovecot_line *line)
{
	uint32_t major;

	if (!parse_number(take_field(&rest), &major))
		return DOVECOT_NONSENSE;
	line->is_ours = major == MAJOR_VERSION;
	return DOVECOT_VERSION;
}

static enum dovecot_word
parse_answer(struct span word, struct span rest, struct dovecot_line *line)
{
	if (!parse_number(take_field(&rest), &line->id))
		return DOVECOT_NONSENSE;
	if (span_equal(word, SPAN("OK")))
		return parse_passed(rest, line);
	if (span_equal(word, SPAN("FAIL")))
		return parse_failed(rest, line);
	return DOVECOT_CONTINUE;
}

void
auth_dovecot_parse(struct span text, struct dovecot_line *line)
{
	struct span rest = text;
	struct span word = take_field(&rest);

	*line = (struct dovecot_line){ .word = DOVECOT_OTHER };
	if (text.length > DOVECOT_LINE_BYTES) {
		line->word = DOVECOT_NONSENSE;
	} else if (span_equal(word, SPAN("VERSION"))) {
		line->word = parse_version(rest, line);
	} else if (span_equal(word, SPAN("MECH"))) {
		line->word = DOVECOT_MECHANISM;
		line->is_plain = span_equal_nocase(take_field(&rest), SPAN("PLAIN"));
	} else if (span_equal(word, SPAN("DONE"))) {
		line->word = DOVECOT_DONE;
	} else if (span_equal(word, SPAN("OK")) || span_equal(word, SPAN("FAIL")) || span_equal(word, SPAN("CONT"))) {
		line->word = parse_answer(word, rest, line);
	}
}

void
auth_dovecot_greet(uint32_t number, struct buf *out)
{
	buf_printf(out, "VERSION\t1\t1\nCPID\t%lu\n", (unsigned long)number);
}

/* RFC 4616: authorization identity (none), NUL, user, NUL, password; in base64. */
static void
append_plain(struct span user, struct span password, struct buf *out)
{
	unsigned char plain[PLAIN_BYTES];
	size_t length = 0;

	plain[length++] = '\0';
	memcpy(plain + length, user.data, user.length);
	length += user.length;
	plain[length++] = '\0';
	memcpy(plain + length, password.data, password.length);
	length += password.length;
	char *to = buf_reserve(out, (length + 2) / 3 * 4 + 1);
	if (to)
		out->length += (size_t)EVP_EncodeBlock((unsigned char *)to, plain, (int)length);
	explicit_bzero(plain, sizeof plain);
}

static bool
can_be_sent(struct span text, size_t limit_bytes)
{
	return text.length > 0 && text.length <= limit_bytes && span_find(text, '\0') == text.length;
}

bool
auth_dovecot_ask(
    uint32_t id, const struct peer_address *client, struct span user, struct span password, struct buf *out)
{
	char ip[PEER_TEXT_SIZE];

	if (!can_be_sent(user, IPC_ADDRESS_BYTES) || !can_be_sent(password, IPC_TEXT_BYTES))
		return false;
	peer_format_ip(client, ip);
	/* "secured": the client speaks TLS. "nologin": nobody will ask for what comes behind a login. "resp" is last.
	 */
	buf_printf(out, "AUTH\t%lu\tPLAIN\tservice=smtp\trip=%s\tsecured\tnologin\tresp=", (unsigned long)id, ip);
	append_plain(user, password, out);
	buf_append_char(out, '\n');
	return true;
}
