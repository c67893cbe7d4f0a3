/* What the texts of the configuration must look like, key by key.
 *
 * Trust: the administrator's file. Pure.
 * On failure: see conf/config_value.h: a sentence with what is wrong and what would be right.
 */
#include "conf/config_value.h"
#include "lib/peer.h"
#include "lib/utf8.h"

enum {
	DOMAIN_BYTES = 253,
	LABEL_BYTES = 63,
	LOCAL_PART_BYTES = 64,
	SUB_ADDRESS_CHARS = 8,
	ACCOUNT_BYTES = 32,
	SOCKET_NAME_BYTES = 100,
	CONTACT_BYTES = 400
};

static const char sub_address_chars[] = "+-=_#~%&^|!";

static bool
is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool
config_is_domain(struct span text)
{
	size_t label = 0;

	if (text.length == 0 || text.length > DOMAIN_BYTES)
		return false;
	for (size_t i = 0; i < text.length; i++) {
		char c = text.data[i];

		if (c == '.') {
			if (label == 0 || text.data[i - 1] == '-')
				return false;
			label = 0;
			continue;
		}
		if (!is_letter_or_digit(c) && c != '_' && (c != '-' || label == 0))
			return false;
		if (++label > LABEL_BYTES)
			return false;
	}
	return label > 0 && text.data[text.length - 1] != '-';
}

static bool
is_number(struct span text)
{
	for (size_t i = 0; i < text.length; i++)
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
	return text.length > 0;
}

static const char *
wrong_hostname(struct span text)
{
	if (config_is_domain(text))
		return NULL;
	if (!span_is_ascii(text))
		return "SMTP knows host names in ASCII only; write its A-labels, such as xn--bcher-kva.example";
	return "it must be a domain name, such as mx.example.org";
}

static const char *
wrong_endpoint(struct span text)
{
	struct peer_address peer;

	if (!peer_parse(text, &peer))
		return "it must be an address with its port, such as 192.0.2.1:25, 0.0.0.0:25 or [2001:db8::1]:25";
	return peer.port ? NULL : "port 0 cannot be reached; write the real port, such as :25 or :53";
}

static const char *
wrong_network(struct span text)
{
	struct network network;

	if (network_parse(text, &network))
		return NULL;
	return "it must be an address or a network whose host bits are zero, such as 192.0.2.7, 192.0.2.0/24 or "
	       "2001:db8::/32";
}

static const char *
wrong_forwarder(struct span text)
{
	struct network network;
	struct span end = text;

	if (network_parse(text, &network))
		return NULL;
	while (span_find(end, '.') < end.length)
		end = span_skip(end, span_find(end, '.') + 1);
	/* A last label of digits was meant to be an address. */
	if (config_is_domain(text) && end.length < text.length && !is_number(end))
		return NULL;
	return "it must be a network whose host bits are zero, such as 192.0.2.0/24, or a full host name, such as "
	       "mx.example.net";
}

static const char *
wrong_path(struct span text)
{
	struct span rest = text;

	if (text.length == 0)
		return "it must be a path, such as /var/lib/tidegate";
	while (rest.length) {
		size_t length = span_find(rest, '/');

		if (span_equal(span_take(rest, length), SPAN("..")))
			return "a path here has no \"..\"; write the folder's own path";
		rest = span_skip(rest, length + 1);
	}
	return NULL;
}

/* The name of a unix socket lies below its folder; the folder is handed over by descriptor, the name is not. */
static const char *
wrong_socket(struct span text)
{
	const char *wrong = wrong_path(text);
	struct span name = text;

	while (!wrong && span_find(name, '/') < name.length)
		name = span_skip(name, span_find(name, '/') + 1);
	if (wrong || (name.length && name.length <= SOCKET_NAME_BYTES))
		return wrong;
	return "it must be the path of a socket, such as /run/dovecot/auth-tidegate, whose last part has at most 100 "
	       "bytes";
}

static const char *
wrong_folder(struct span text)
{
	for (size_t i = 0; i < text.length; i++)
		if (text.data[i] != '/' && text.data[i] != '.')
			return wrong_path(text);
	return "it must be a folder of its own, such as /var/mail/tidegate";
}

/* Is it a domain of ours in U-labels? What they come to is lookup's business: one that is none of the map's is said by
 * `tidegate map`. */
static bool
is_international(struct span domain)
{
	return !span_is_ascii(domain) && utf8_is_text(domain);
}

static const char *
wrong_address(struct span text)
{
	static const char *const remedy = "it must be one of your addresses, such as alice@example.org";
	size_t at = text.length;

	while (at > 0 && text.data[at - 1] != '@')
		at--;
	struct span domain = span_skip(text, at);
	if (!utf8_is_text(text))
		return "it is not UTF-8; save the file as UTF-8";
	if (at < 2 || at - 1 > LOCAL_PART_BYTES || (!config_is_domain(domain) && !is_international(domain)))
		return remedy;
	if (text.data[0] == '"')
		return at > 3 && text.data[at - 2] == '"' ? NULL : remedy;
	for (size_t i = 0; i + 1 < at; i++)
		if (text.data[i] == '@' || text.data[i] == ' ' || text.data[i] == '"')
			return remedy;
	return NULL;
}

static const char *
wrong_sub_address(struct span text)
{
	if (text.length > SUB_ADDRESS_CHARS)
		return "it must be at most eight characters, such as + or +-";
	for (size_t i = 0; i < text.length; i++) {
		if (!strchr(sub_address_chars, text.data[i]))
			return "it must be made of + - = _ # ~ % & ^ | and !, or be empty for no sub-addresses";
		if (span_find(span_skip(text, i + 1), text.data[i]) < text.length - i - 1)
			return "each character needs to be there once only";
	}
	return NULL;
}

static const char *
wrong_account(struct span text)
{
	if (span_equal(text, SPAN("root")) || (is_number(text) && text.data[0] == '0'))
		return "mailboxes cannot belong to root; name another account, such as vmail";
	if (is_number(text))
		return text.length <= 9 ? NULL : "it must be an account's name, or a uid from 1 to 999999999";
	for (size_t i = 0; i < text.length; i++)
		if (!is_letter_or_digit(text.data[i]) && !strchr("_-.", text.data[i]))
			return "it must be an account's name, such as vmail, or a uid";
	return text.length <= ACCOUNT_BYTES ? NULL : "it must be an account's name, such as vmail, or a uid";
}

/* It stands in a line of a reply, with its codes. */
static const char *
wrong_contact(struct span text)
{
	for (size_t i = 0; i < text.length; i++)
		if ((unsigned char)text.data[i] >= 0x7f)
			return "it goes into replies, which are ASCII; write it without other letters";
	return text.length <= CONTACT_BYTES ? NULL : "it must fit one line of a reply; write at most 400 characters";
}

static const char *
wrong_contact_url(struct span text)
{
	bool has_scheme = span_starts_nocase(text, SPAN("https://")) || span_starts_nocase(text, SPAN("http://"));

	if (!has_scheme || span_find(text, ' ') < text.length)
		return "it must be the address of a page, such as https://example.org/mail";
	return wrong_contact(text);
}

struct text_rule {
	const char *key;
	const char *(*wrong)(struct span text); /* NULL when it is right */
	bool is_path;
	bool may_be_empty;
};

static const struct text_rule text_rules[] = {
	{ "hostname", wrong_hostname, false, false },
	{ "listen", wrong_endpoint, false, false },
	{ "recipients", wrong_path, true, false },
	{ "postmaster", wrong_address, false, true },
	{ "mailboxes", wrong_folder, true, false },
	{ "mailbox-roots", wrong_folder, true, false },
	{ "mailbox-user", wrong_account, false, true },
	{ "contact", wrong_contact, false, true },
	{ "contact-url", wrong_contact_url, false, true },
	{ "state", wrong_folder, true, false },
	{ "users", wrong_path, true, true },
	{ "auth-socket", wrong_socket, true, true },
	{ "resolvers", wrong_endpoint, false, false },
	{ "trusted", wrong_network, false, false },
	{ "forwarders", wrong_forwarder, false, false },
	{ "xclient-from", wrong_network, false, false },
	{ "sub-address", wrong_sub_address, false, true },
	{ "address", wrong_endpoint, false, false },
	{ "proxy-from", wrong_network, false, false },
	{ "chain", wrong_path, true, false },
	{ "key", wrong_path, true, false },
};

static const struct text_rule *
rule_of(const struct config_key *key)
{
	for (size_t i = 0; i < sizeof text_rules / sizeof text_rules[0]; i++)
		if (strcmp(text_rules[i].key, key->name) == 0)
			return &text_rules[i];
	return NULL;
}

bool
config_is_path(const struct config_key *key)
{
	const struct text_rule *rule = rule_of(key);

	return rule && rule->is_path;
}

/* What holds for every text: it fits, and nothing in it could break a line or a C string. */
static const char *
wrong_text(struct span text)
{
	if (text.length > CONFIG_TEXT_BYTES)
		return "it must be at most 4096 bytes long";
	for (size_t i = 0; i < text.length; i++)
		if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
			return "it must not hold control characters";
	return NULL;
}

bool
config_check_text(const struct config_key *key, struct span text, struct buf *why)
{
	const struct text_rule *rule = rule_of(key);
	const char *wrong = wrong_text(text);
	char quoted[PROBLEMS_QUOTE_SIZE];

	if (!wrong && rule && (text.length || !rule->may_be_empty))
		wrong = rule->wrong(text);
	if (!wrong)
		return true;
	buf_printf(why, "%s is \"%s\"; %s", key->name, problems_quote(text, quoted), wrong);
	return false;
}
