/* smtpd/keys_judge: what is signed has exactly one of two forms; every octet more, less or other is refused.
 * What OpenSSL really wants signed is judged in test_tls_context.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdbool.h>

#include "lib/buf.h"
#include "smtpd/keys_judge.h"

enum { RANDOMS = 64, INPUT_LIMIT_BYTES = 4096 };

static const char server_context[] = "TLS 1.3, server CertificateVerify";

static void
append_many(struct buf *input, char c, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_append_char(input, c);
}

static void
make_tls13(struct buf *input, const char *context, size_t hash_bytes)
{
	buf_reset(input);
	append_many(input, ' ', 64);
	buf_append(input, span_make(context, strlen(context) + 1));
	append_many(input, 'h', hash_bytes);
}

static void
make_ecdhe(struct buf *input, unsigned group, size_t point_bytes, char first)
{
	buf_reset(input);
	append_many(input, 'r', RANDOMS);
	buf_append_char(input, 3);
	buf_append_char(input, (char)(group >> 8));
	buf_append_char(input, (char)group);
	buf_append_char(input, (char)(unsigned char)point_bytes);
	buf_append_char(input, first);
	append_many(input, 'p', point_bytes - 1);
}

static void
append_opaque(struct buf *input, const unsigned char *bytes, size_t length)
{
	buf_append_char(input, (char)(length >> 8));
	buf_append_char(input, (char)(unsigned char)length);
	buf_append(input, span_make((const char *)bytes, length));
}

/* With a prime of OpenSSL's. */
static void
make_dhe(struct buf *input, const char *group, size_t share_bytes)
{
	char name[16];
	OSSL_PARAM values[] = { OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name, 0),
		OSSL_PARAM_construct_end() };
	EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
	EVP_PKEY *parameters = NULL;
	BIGNUM *prime = NULL;
	unsigned char bytes[512];

	(void)snprintf(name, sizeof name, "%s", group);
	assert_int_equal(EVP_PKEY_fromdata_init(maker), 1);
	assert_int_equal(EVP_PKEY_fromdata(maker, &parameters, EVP_PKEY_KEY_PARAMETERS, values), 1);
	assert_int_equal(EVP_PKEY_get_bn_param(parameters, OSSL_PKEY_PARAM_FFC_P, &prime), 1);
	buf_reset(input);
	append_many(input, 'r', RANDOMS);
	append_opaque(input, bytes, (size_t)BN_bn2bin(prime, bytes));
	append_opaque(input, (const unsigned char *)"\x02", 1);
	memset(bytes, 's', sizeof bytes);
	append_opaque(input, bytes, share_bytes);
	BN_free(prime);
	EVP_PKEY_free(parameters);
	EVP_PKEY_CTX_free(maker);
}

static enum keys_verdict
judge(enum keys_kind kind, uint32_t scheme, const struct buf *input)
{
	const char *why = NULL;
	enum keys_verdict verdict = keys_judge(kind, scheme, buf_span(input), &why);

	assert_true(buf_ok(input));
	assert_int_equal(verdict == KEYS_REFUSES, why != NULL);
	return verdict;
}

static const uint32_t all_schemes[] = { 0x0401, 0x0501, 0x0601, 0x0804, 0x0805, 0x0806, 0x0403, 0x0503, 0x0603,
	/* never: SHA-1, SHA-224, MD5, EdDSA, RSA-PSS keys, nothing */
	0x0201, 0x0203, 0x0301, 0x0303, 0x0101, 0x0807, 0x0808, 0x0809, 0x080a, 0x080b, 0, 0x10403, 0xffffffff };

static bool
is_one_of(uint32_t scheme, const uint32_t *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == scheme)
			return true;
	return false;
}

static void
each_kind_has_its_schemes(void **unused)
{
	static const uint32_t rsa12[] = { 0x0401, 0x0501, 0x0601, 0x0804, 0x0805, 0x0806 };
	static const uint32_t rsa13[] = { 0x0804, 0x0805, 0x0806 };
	static const uint32_t ec12[] = { 0x0403, 0x0503, 0x0603 };
	struct buf tls12 = BUF_LIMIT(INPUT_LIMIT_BYTES);
	struct buf tls13 = BUF_LIMIT(INPUT_LIMIT_BYTES);

	(void)unused;
	make_ecdhe(&tls12, 0x001d, 32, 'p');
	make_tls13(&tls13, server_context, 32);
	for (enum keys_kind kind = KEYS_RSA; kind <= KEYS_P521; kind++)
		for (size_t i = 0; i < sizeof all_schemes / sizeof all_schemes[0]; i++) {
			uint32_t scheme = all_schemes[i];
			bool in12 = kind == KEYS_RSA ? is_one_of(scheme, rsa12, 6) : is_one_of(scheme, ec12, 3);
			bool in13 = kind == KEYS_RSA ? is_one_of(scheme, rsa13, 3) : scheme == ec12[kind - KEYS_P256];

			if ((judge(kind, scheme, &tls12) == KEYS_SIGNS_TLS12) != in12)
				fail_msg("kind %d, scheme %04x, TLS 1.2", (int)kind, scheme);
			if ((judge(kind, scheme, &tls13) == KEYS_SIGNS_TLS13) != in13)
				fail_msg("kind %d, scheme %04x, TLS 1.3", (int)kind, scheme);
		}
	buf_free(&tls12);
	buf_free(&tls13);
}

static void
a_tls13_verify_is_exact(void **unused)
{
	struct buf input = BUF_LIMIT(INPUT_LIMIT_BYTES);
	static const size_t wrong[] = { 0, 20, 28, 31, 33, 47, 49, 64 };

	(void)unused;
	for (size_t hash = 32; hash <= 48; hash += 16) {
		make_tls13(&input, server_context, hash);
		assert_int_equal(judge(KEYS_P256, 0x0403, &input), KEYS_SIGNS_TLS13);
		for (size_t at = 0; at < input.length - hash; at++) {
			input.data[at] ^= 0x40;
			if (judge(KEYS_P256, 0x0403, &input) != KEYS_REFUSES)
				fail_msg("octet %zu", at);
			input.data[at] ^= 0x40;
		}
	}
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		make_tls13(&input, server_context, wrong[i]);
		assert_int_equal(judge(KEYS_P256, 0x0403, &input), KEYS_REFUSES);
	}
	make_tls13(&input, "TLS 1.3, client CertificateVerify", 32);
	assert_int_equal(judge(KEYS_P256, 0x0403, &input), KEYS_REFUSES);
	make_tls13(&input, "QUIC 1, server CertificateVerify_", 32);
	assert_int_equal(judge(KEYS_P256, 0x0403, &input), KEYS_REFUSES);
	buf_free(&input);
}

static void
a_tls12_exchange_with_a_curve_is_exact(void **unused)
{
	static const struct {
		unsigned group;
		size_t bytes;
		char first;
	} curves[] = { { 0x0017, 65, 4 }, { 0x0018, 97, 4 }, { 0x0019, 133, 4 }, { 0x001d, 32, 'p' },
		{ 0x001e, 56, 'p' } };
	struct buf input = BUF_LIMIT(INPUT_LIMIT_BYTES);

	(void)unused;
	for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
		size_t point = RANDOMS + 4;

		make_ecdhe(&input, curves[i].group, curves[i].bytes, curves[i].first);
		for (size_t at = 0; at < input.length; at++) {
			bool is_free = at < RANDOMS || at > point || (at == point && curves[i].first != 4);

			input.data[at] ^= 0x40;
			if ((judge(KEYS_P384, 0x0503, &input) == KEYS_SIGNS_TLS12) != is_free)
				fail_msg("curve %04x, octet %zu", curves[i].group, at);
			input.data[at] ^= 0x40;
		}
		assert_int_equal(judge(KEYS_RSA, 0x0401, &input), KEYS_SIGNS_TLS12);
		buf_append_char(&input, 'x');
		assert_int_equal(judge(KEYS_RSA, 0x0401, &input), KEYS_REFUSES);
		/* The same, with the length saying so. */
		make_ecdhe(&input, curves[i].group, curves[i].bytes + 1, curves[i].first);
		assert_int_equal(judge(KEYS_RSA, 0x0401, &input), KEYS_REFUSES);
	}
	/* secp256k1, secp224r1, brainpool, explicit curves */
	make_ecdhe(&input, 0x0016, 65, 4);
	assert_int_equal(judge(KEYS_P256, 0x0403, &input), KEYS_REFUSES);
	make_ecdhe(&input, 0x0015, 57, 4);
	assert_int_equal(judge(KEYS_P256, 0x0403, &input), KEYS_REFUSES);
	make_ecdhe(&input, 0x001a, 65, 4);
	assert_int_equal(judge(KEYS_P256, 0x0403, &input), KEYS_REFUSES);
	buf_free(&input);
}

static void
a_tls12_exchange_with_dhe_is_for_rsa_in_one_group(void **unused)
{
	struct buf input = BUF_LIMIT(INPUT_LIMIT_BYTES);

	(void)unused;
	make_dhe(&input, "ffdhe2048", 256);
	assert_int_equal(judge(KEYS_RSA, 0x0401, &input), KEYS_SIGNS_TLS12);
	assert_int_equal(judge(KEYS_RSA, 0x0806, &input), KEYS_SIGNS_TLS12);
	assert_int_equal(judge(KEYS_P256, 0x0403, &input), KEYS_REFUSES);
	for (size_t at = RANDOMS; at < input.length - 256; at++) {
		input.data[at] ^= 0x40;
		if (judge(KEYS_RSA, 0x0401, &input) != KEYS_REFUSES)
			fail_msg("octet %zu", at);
		input.data[at] ^= 0x40;
	}
	make_dhe(&input, "ffdhe2048", 255);
	assert_int_equal(judge(KEYS_RSA, 0x0401, &input), KEYS_REFUSES);
	make_dhe(&input, "ffdhe2048", 257);
	assert_int_equal(judge(KEYS_RSA, 0x0401, &input), KEYS_REFUSES);
	make_dhe(&input, "ffdhe3072", 256);
	assert_int_equal(judge(KEYS_RSA, 0x0401, &input), KEYS_REFUSES);
	make_dhe(&input, "modp_2048", 256);
	assert_int_equal(judge(KEYS_RSA, 0x0401, &input), KEYS_REFUSES);
	buf_free(&input);
}

static void
nothing_else_is_signed(void **unused)
{
	/* A client's CertificateVerify by TLS 1.2 is a hash of the whole handshake; a certificate begins like the
	 * third. */
	const struct span inputs[] = { SPAN(""), SPAN("x"),
		SPAN("\x30\x82\x03\x21\x30\x82\x02\x09\xa0\x03\x02\x01\x02"),
		SPAN("The quick brown fox jumps over the lazy dog, and the lazy dog signs whatever it is shown") };
	struct buf input = BUF_LIMIT(INPUT_LIMIT_BYTES);

	(void)unused;
	for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
		buf_reset(&input);
		buf_append(&input, inputs[i]);
		for (size_t s = 0; s < sizeof all_schemes / sizeof all_schemes[0]; s++)
			for (enum keys_kind kind = KEYS_RSA; kind <= KEYS_P521; kind++)
				assert_int_equal(judge(kind, all_schemes[s], &input), KEYS_REFUSES);
	}
	buf_free(&input);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_has_its_schemes),
		cmocka_unit_test(a_tls13_verify_is_exact),
		cmocka_unit_test(a_tls12_exchange_with_a_curve_is_exact),
		cmocka_unit_test(a_tls12_exchange_with_dhe_is_for_rsa_in_one_group),
		cmocka_unit_test(nothing_else_is_signed),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
