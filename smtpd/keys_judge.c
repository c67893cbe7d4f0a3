/* The forms of smtpd/keys_judge.h.
 *
 * The two cannot be taken for each other: at the octet where TLS 1.2 has the type of its parameters, TLS 1.3 has the
 * first letter of its context.
 *
 * Trust: see the header.
 * On failure: see the header.
 */
#include "smtpd/keys_judge.h"

enum { RANDOMS_BYTES = 64, HASH_SHORT = 32, HASH_LONG = 48, NAMED_CURVE = 3, UNCOMPRESSED = 4, PRIME_BYTES = 256 };

/* RFC 8446 4.2.3. SHA-1 is no longer to be used (RFC 9155). */
static const struct keys_scheme schemes[] = {
	{ 0x0401, 256, true, false },
	{ 0x0501, 384, true, false },
	{ 0x0601, 512, true, false },
	{ 0x0804, 256, true, true },
	{ 0x0805, 384, true, true },
	{ 0x0806, 512, true, true },
	{ 0x0403, 256, false, false },
	{ 0x0503, 384, false, false },
	{ 0x0603, 512, false, false },
};

/* RFC 8422 5.1.1 and RFC 8446 4.2.7: the number of a group, and the octets of a point of it. */
static const struct {
	uint16_t number;
	uint8_t point_bytes;
	bool has_form; /* begins with UNCOMPRESSED */
} groups[] = {
	{ 0x0017, 65, true },  /* P-256 */
	{ 0x0018, 97, true },  /* P-384 */
	{ 0x0019, 133, true }, /* P-521 */
	{ 0x001d, 32, false }, /* X25519 */
	{ 0x001e, 56, false }, /* X448 */
};

/* The prime of RFC 7919 A.1. Its generator is 2. */
static const unsigned char ffdhe2048[PRIME_BYTES] = {
	/* clang-format off */
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xad, 0xf8, 0x54, 0x58, 0xa2, 0xbb, 0x4a, 0x9a,
	0xaf, 0xdc, 0x56, 0x20, 0x27, 0x3d, 0x3c, 0xf1, 0xd8, 0xb9, 0xc5, 0x83, 0xce, 0x2d, 0x36, 0x95,
	0xa9, 0xe1, 0x36, 0x41, 0x14, 0x64, 0x33, 0xfb, 0xcc, 0x93, 0x9d, 0xce, 0x24, 0x9b, 0x3e, 0xf9,
	0x7d, 0x2f, 0xe3, 0x63, 0x63, 0x0c, 0x75, 0xd8, 0xf6, 0x81, 0xb2, 0x02, 0xae, 0xc4, 0x61, 0x7a,
	0xd3, 0xdf, 0x1e, 0xd5, 0xd5, 0xfd, 0x65, 0x61, 0x24, 0x33, 0xf5, 0x1f, 0x5f, 0x06, 0x6e, 0xd0,
	0x85, 0x63, 0x65, 0x55, 0x3d, 0xed, 0x1a, 0xf3, 0xb5, 0x57, 0x13, 0x5e, 0x7f, 0x57, 0xc9, 0x35,
	0x98, 0x4f, 0x0c, 0x70, 0xe0, 0xe6, 0x8b, 0x77, 0xe2, 0xa6, 0x89, 0xda, 0xf3, 0xef, 0xe8, 0x72,
	0x1d, 0xf1, 0x58, 0xa1, 0x36, 0xad, 0xe7, 0x35, 0x30, 0xac, 0xca, 0x4f, 0x48, 0x3a, 0x79, 0x7a,
	0xbc, 0x0a, 0xb1, 0x82, 0xb3, 0x24, 0xfb, 0x61, 0xd1, 0x08, 0xa9, 0x4b, 0xb2, 0xc8, 0xe3, 0xfb,
	0xb9, 0x6a, 0xda, 0xb7, 0x60, 0xd7, 0xf4, 0x68, 0x1d, 0x4f, 0x42, 0xa3, 0xde, 0x39, 0x4d, 0xf4,
	0xae, 0x56, 0xed, 0xe7, 0x63, 0x72, 0xbb, 0x19, 0x0b, 0x07, 0xa7, 0xc8, 0xee, 0x0a, 0x6d, 0x70,
	0x9e, 0x02, 0xfc, 0xe1, 0xcd, 0xf7, 0xe2, 0xec, 0xc0, 0x34, 0x04, 0xcd, 0x28, 0x34, 0x2f, 0x61,
	0x91, 0x72, 0xfe, 0x9c, 0xe9, 0x85, 0x83, 0xff, 0x8e, 0x4f, 0x12, 0x32, 0xee, 0xf2, 0x81, 0x83,
	0xc3, 0xfe, 0x3b, 0x1b, 0x4c, 0x6f, 0xad, 0x73, 0x3b, 0xb5, 0xfc, 0xbc, 0x2e, 0xc2, 0x20, 0x05,
	0xc5, 0x8e, 0xf1, 0x83, 0x7d, 0x16, 0x83, 0xb2, 0xc6, 0xf3, 0x4a, 0x26, 0xc1, 0xb2, 0xef, 0xfa,
	0x88, 0x6b, 0x42, 0x38, 0x61, 0x28, 0x5c, 0x97, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	/* clang-format on */
};

const struct keys_scheme *
keys_scheme_find(uint32_t code)
{
	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
		if (schemes[i].code == code)
			return &schemes[i];
	return NULL;
}

/* Takes prefix off the front of *rest. */
static bool
skip_prefix(struct span *rest, struct span prefix)
{
	if (rest->length < prefix.length || !span_equal(span_take(*rest, prefix.length), prefix))
		return false;
	*rest = span_skip(*rest, prefix.length);
	return true;
}

static bool
is_tls13(struct span input)
{
	/* The NUL behind the text is part of it. */
	static const char context[] = "TLS 1.3, server CertificateVerify";
	const struct span spaces = SPAN("                                                                ");

	return skip_prefix(&input, spaces) && skip_prefix(&input, span_make(context, sizeof context)) &&
	       (input.length == HASH_SHORT || input.length == HASH_LONG);
}

static unsigned char
octet(struct span bytes, size_t index)
{
	return (unsigned char)bytes.data[index];
}

/* ECParameters and ECPoint of RFC 8422 5.4, and nothing behind them. */
static bool
is_ecdhe(struct span parameters)
{
	enum { HEAD_BYTES = 4 };

	if (parameters.length <= HEAD_BYTES || octet(parameters, 0) != NAMED_CURVE)
		return false;
	unsigned number = (unsigned)octet(parameters, 1) << 8 | octet(parameters, 2);
	for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
		if (groups[i].number == number)
			return octet(parameters, 3) == groups[i].point_bytes &&
			       parameters.length == (size_t)HEAD_BYTES + groups[i].point_bytes &&
			       (!groups[i].has_form || octet(parameters, HEAD_BYTES) == UNCOMPRESSED);
	return false;
}

/* ServerDHParams of RFC 5246 7.4.3 with the one group that smtpd offers. */
static bool
is_dhe(struct span parameters)
{
	const struct span length = SPAN("\x01\x00");
	const struct span generator = SPAN("\x00\x01\x02");

	return skip_prefix(&parameters, length) &&
	       skip_prefix(&parameters, span_make((const char *)ffdhe2048, sizeof ffdhe2048)) &&
	       skip_prefix(&parameters, generator) && skip_prefix(&parameters, length) &&
	       parameters.length == PRIME_BYTES;
}

/* TLS 1.3 has no PKCS #1 in handshakes, and an ECDSA scheme names the curve as well. */
static bool
suits_tls13(enum keys_kind kind, const struct keys_scheme *scheme)
{
	switch (kind) {
	case KEYS_RSA:
		return scheme->is_pss;
	case KEYS_P256:
		return scheme->digest_bits == 256;
	case KEYS_P384:
		return scheme->digest_bits == 384;
	case KEYS_P521:
		return scheme->digest_bits == 512;
	}
	return false;
}

static enum keys_verdict
refuse(const char **why, const char *reason)
{
	*why = reason;
	return KEYS_REFUSES;
}

enum keys_verdict
keys_judge(enum keys_kind kind, uint32_t scheme_code, struct span input, const char **why)
{
	const struct keys_scheme *scheme = keys_scheme_find(scheme_code);

	if (!scheme)
		return refuse(why, "no such signature scheme is signed by");
	if (scheme->is_rsa != (kind == KEYS_RSA))
		return refuse(why, "the signature scheme is not one for this kind of key");
	if (is_tls13(input))
		return suits_tls13(kind, scheme)
			   ? KEYS_SIGNS_TLS13
			   : refuse(why, "TLS 1.3 does not use this signature scheme with this key");
	if (input.length <= RANDOMS_BYTES)
		return refuse(why, "it is not part of a TLS handshake");
	struct span parameters = span_skip(input, RANDOMS_BYTES);
	if (is_ecdhe(parameters) || (kind == KEYS_RSA && is_dhe(parameters)))
		return KEYS_SIGNS_TLS12;
	return refuse(why, "it is not part of a TLS handshake");
}
