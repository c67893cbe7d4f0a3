/* What AUTH carries: whatever the decoder takes, OpenSSL's encoder writes the same again; whatever PLAIN's parser
 * takes, has a user and a password without NUL, and is made of nothing else.
 */
#include <openssl/evp.h>
#include <stdint.h>

#include "lib/bug.h"
#include "smtpd/sasl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_plain(struct span message)
{
	struct sasl_credentials who;

	if (!sasl_parse_plain(message, &who))
		return;
	if (!sasl_is_answer(who.user) || !sasl_is_answer(who.password))
		BUG("PLAIN gave an empty user or password, or one with a NUL");
	size_t authzid = message.length - who.user.length - who.password.length - 2;
	if (authzid != 0 && authzid != who.user.length)
		BUG("a message of PLAIN has more in it than it gave");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char decoded[SASL_TEXT_BYTES];
	static unsigned char again[SASL_LINE_BYTES + 1];
	struct span text = span_make((const char *)data, size);
	size_t length;

	check_plain(text);
	if (!sasl_decode(text, decoded, &length))
		return 0;
	int written = EVP_EncodeBlock(again, (const unsigned char *)decoded, (int)length);
	if (!span_equal(span_make((const char *)again, (size_t)written), text))
		BUG("base64 that is not as it would be written was taken");
	check_plain(span_make(decoded, length));
	return 0;
}
