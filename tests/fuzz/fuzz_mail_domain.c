/* Any bytes as a domain: what is taken is a plain lower-case name, its own canonical form, and the same in capitals. */
#include <stdint.h>

#include "lib/bug.h"
#include "lookup/mail_domain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LABEL_BYTES = 63 };

static void
check_name(struct span name)
{
	if (name.length == 0 || name.length > MAIL_DOMAIN_BYTES)
		BUG("a name of no length, or too long");
	while (name.length) {
		struct span label = span_take(name, span_find(name, '.'));

		if (label.length == 0 || label.length > LABEL_BYTES)
			BUG("a label of no length, or too long");
		for (size_t i = 0; i < label.length; i++)
			if (label.data[i] == '\0' || !strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", label.data[i]))
				BUG("a name holds more than letters, digits, - and _");
		if (label.data[0] == '-' || label.data[label.length - 1] == '-')
			BUG("a label with a hyphen at its end");
		name = span_skip(name, label.length + 1);
	}
}

static void
check_again(struct span name)
{
	char capitals[MAIL_DOMAIN_BYTES];
	char out[MAIL_DOMAIN_BYTES];

	for (size_t i = 0; i < name.length; i++) {
		char c = name.data[i];

		capitals[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
	}
	size_t length = mail_domain_canonical(name, out);
	if (!span_equal(name, span_make(out, length)))
		BUG("a canonical form that is not its own");
	length = mail_domain_canonical(span_make(capitals, name.length), out);
	if (!span_equal(name, span_make(out, length)))
		BUG("capitals make another name");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make((const char *)data, size);
	char out[MAIL_DOMAIN_BYTES];
	size_t length = 0;

	if (mail_domain_read(text, out, &length) != MAIL_DOMAIN_OK) {
		if (mail_domain_canonical(text, out) != 0)
			BUG("a name for one reader and none for the other");
		return 0;
	}
	check_name(span_make(out, length));
	check_again(span_make(out, length));
	return 0;
}
