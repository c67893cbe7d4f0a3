/* The line of lookup/users_line.h.
 *
 * Trust: the administrator's file. Pure: libcrypt is only asked whether it knows a method.
 * On failure: see the header.
 */
#include "lookup/users_line.h"

#include <crypt.h>
#include <string.h>

/* The lengths of the two forms without a "$": DES of 1979, and BSDi's. */
enum { DES_BYTES = 13, BSDI_BYTES = 20 };
/* "$7$", one character for N, five each for r and p: then the salt, with no "$" before it. */
enum { SCRYPT_HEAD_BYTES = 14 };

/* crypt(5): printable ASCII without space and without what means something in a passwd file. */
static bool
has_hash_letters(struct span hash)
{
	for (size_t i = 0; i < hash.length; i++)
		if (hash.data[i] <= ' ' || hash.data[i] > '~' || strchr(":;*!\\", hash.data[i]))
			return false;
	return true;
}

static bool
is_known_method(struct span hash)
{
	char text[USERS_HASH_BYTES + 1];

	memcpy(text, hash.data, hash.length);
	text[hash.length] = '\0';
	int answer = crypt_checksalt(text);
	explicit_bzero(text, sizeof text);
	return answer != CRYPT_SALT_INVALID && answer != CRYPT_SALT_METHOD_DISABLED;
}

static const char *
wrong_hash(struct span hash)
{
	if (hash.length == 0)
		return "there is no hash behind the address; set a password with `tidegate user passwd`";
	if (hash.length > USERS_HASH_BYTES || !has_hash_letters(hash))
		return "what follows the address is no crypt(3) hash; set a password with `tidegate user passwd`";
	bool has_form =
	    hash.data[0] == '$' || hash.length == DES_BYTES || (hash.data[0] == '_' && hash.length == BSDI_BYTES);
	if (!has_form || !is_known_method(hash))
		return "libcrypt knows no hash of this form (a password itself must never stand here); set a password "
		       "with `tidegate user passwd`";
	return NULL;
}

static size_t
last_colon(struct span text)
{
	for (size_t i = text.length; i > 0; i--)
		if (text.data[i - 1] == ':')
			return i - 1;
	return text.length;
}

enum users_line_kind
users_line_parse(struct span text, bool keeps_local_case, struct users_line *line)
{
	if (text.length && text.data[text.length - 1] == '\r')
		text.length--;
	text = span_trim(text);
	if (text.length == 0 || text.data[0] == '#')
		return USERS_LINE_EMPTY;
	size_t colon = last_colon(text);
	line->hash = span_trim(span_skip(text, colon + 1));
	line->problem = NULL;
	if (text.length > USERS_LINE_BYTES || colon == text.length)
		line->problem = "a line must be ADDRESS:HASH; make it with `tidegate user add`";
	if (line->problem)
		return USERS_LINE_WRONG;
	enum mail_address_result result =
	    mail_address_canonical(span_trim(span_take(text, colon)), keeps_local_case, &line->address);
	if (result != MAIL_ADDRESS_OK)
		line->problem = mail_address_problem(result);
	else if (line->hash.length && strchr("!*", line->hash.data[0]))
		return USERS_LINE_CLOSED;
	else
		line->problem = wrong_hash(line->hash);
	return line->problem ? USERS_LINE_WRONG : USERS_LINE_USER;
}

/* text without its last "$" and what follows it. */
static struct span
without_last_field(struct span text)
{
	while (text.length && text.data[text.length - 1] != '$')
		text.length--;
	if (text.length)
		text.length--;
	return text;
}

struct span
users_hash_class(struct span hash)
{
	/* bcrypt writes salt and rest into one field. */
	bool is_bcrypt = hash.length > 2 && hash.data[0] == '$' && hash.data[1] == '2';

	if (hash.length == 0 || hash.data[0] != '$')
		return span_take(hash, 0);
	if (span_starts_nocase(hash, SPAN("$7$")))
		return span_take(hash, SCRYPT_HEAD_BYTES);
	struct span class = without_last_field(hash);
	return is_bcrypt ? class : without_last_field(class);
}
