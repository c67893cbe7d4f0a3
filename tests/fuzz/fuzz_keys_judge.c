/* Any bytes as something to sign: what passes has one of the few lengths, begins as it must, and passes no more with an
 * octet more or less. The first octet is the kind of key, the next two the scheme. */
#include <stdint.h>

#include "lib/bug.h"
#include "smtpd/keys_judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_tls13(struct span input)
{
	if (input.length != 64 + 34 + 32 && input.length != 64 + 34 + 48)
		BUG("a CertificateVerify of an odd length is signed");
	for (size_t i = 0; i < 64; i++)
		if (input.data[i] != ' ')
			BUG("a CertificateVerify without its spaces is signed");
	if (memcmp(input.data + 64, "TLS 1.3, server CertificateVerify\0", 34) != 0)
		BUG("a CertificateVerify without its context is signed");
}

static void
check_tls12(enum keys_kind kind, struct span input)
{
	static const size_t lengths[] = { 65, 97, 133, 32, 56 };
	const uint8_t *parameters = (const uint8_t *)input.data + 64;

	if (input.length == 64 + 2 + 256 + 3 + 2 + 256 && kind == KEYS_RSA && parameters[0] == 1)
		return;
	if (input.length <= 68 || parameters[0] != 3 || parameters[1] != 0 || parameters[3] != input.length - 68)
		BUG("a ServerKeyExchange that is none is signed");
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
		if (lengths[i] == input.length - 68)
			return;
	BUG("a point of an odd length is signed");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *why = NULL;

	if (size < 4)
		return 0;
	enum keys_kind kind = (enum keys_kind)(data[0] & 3);
	uint32_t scheme = (uint32_t)data[1] << 8 | data[2];
	struct span input = span_make((const char *)data + 3, size - 3);
	enum keys_verdict verdict = keys_judge(kind, scheme, input, &why);

	if (verdict == KEYS_REFUSES) {
		if (!why)
			BUG("refused without a reason");
		return 0;
	}
	if (verdict == KEYS_SIGNS_TLS13)
		check_tls13(input);
	else
		check_tls12(kind, input);
	if (keys_judge(kind, scheme, span_take(input, input.length - 1), &why) != KEYS_REFUSES)
		BUG("a shorter one is signed as well");
	return 0;
}
