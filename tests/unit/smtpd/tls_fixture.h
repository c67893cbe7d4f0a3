/* Key pairs with certificates of their own, and handshakes in memory between OpenSSL's client and a context under test.
 * On failure: cmocka names the line.
 */
#ifndef TIDEGATE_TESTS_UNIT_SMTPD_TLS_FIXTURE_H
#define TIDEGATE_TESTS_UNIT_SMTPD_TLS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "smtpd/keys_judge.h"
#include "smtpd/tls_context.h"

struct pair {
	EVP_PKEY *key;
	X509 *certificate;
	unsigned char *der;
	int der_bytes;
};

/* type: "P-256", "P-384", "P-521", or "RSA2048" and the like. names: as subjectAltName has them, "DNS:a,DNS:b". */
static inline struct pair
pair_make(const char *type, const char *names)
{
	struct pair pair = { 0 };
	X509V3_CTX context;

	pair.key = strncmp(type, "RSA", 3) == 0
		       ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)strtoul(type + 3, NULL, 10))
		       : EVP_PKEY_Q_keygen(NULL, NULL, "EC", type);
	assert_non_null(pair.key);
	pair.certificate = X509_new();
	assert_non_null(pair.certificate);
	assert_int_equal(X509_set_version(pair.certificate, 2), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(pair.certificate), 1), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(pair.certificate), -3600));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(pair.certificate), 86400));
	assert_int_equal(X509_set_pubkey(pair.certificate, pair.key), 1);
	X509V3_set_ctx(&context, pair.certificate, pair.certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, NID_subject_alt_name, names);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(pair.certificate, extension, -1), 1);
	X509_EXTENSION_free(extension);
	assert_true(X509_sign(pair.certificate, pair.key, EVP_sha256()) > 0);
	pair.der_bytes = i2d_X509(pair.certificate, &pair.der);
	assert_true(pair.der_bytes > 0);
	return pair;
}

static inline void
pair_free(struct pair *pair)
{
	EVP_PKEY_free(pair->key);
	X509_free(pair->certificate);
	OPENSSL_free(pair->der);
}

static inline struct certificate_entry
pair_certificate(const struct pair *pair, const char *name)
{
	return (struct certificate_entry){ .name = span_of(name),
		.chain = span_make((const char *)pair->der, (size_t)pair->der_bytes) };
}

/* Signs in this process, as tidegate-keys would, and remembers what it was asked. */
struct local_signer {
	struct tls_signer signer;
	struct pair *pairs;
	size_t pair_count;
	bool refuses;
	unsigned asked;
	uint16_t scheme;
	enum keys_verdict verdict;
	char input[1024];
	size_t input_bytes;
};

static inline const EVP_MD *
scheme_digest(uint16_t scheme)
{
	switch (scheme) {
	case 0x0401:
	case 0x0403:
	case 0x0804:
		return EVP_sha256();
	case 0x0501:
	case 0x0503:
	case 0x0805:
		return EVP_sha384();
	case 0x0601:
	case 0x0603:
	case 0x0806:
		return EVP_sha512();
	default:
		fail_msg("an odd scheme %04x", scheme);
		return NULL;
	}
}

static inline enum keys_kind
pair_kind(EVP_PKEY *key)
{
	switch (EVP_PKEY_get_bits(key)) {
	case 256:
		return KEYS_P256;
	case 384:
		return KEYS_P384;
	case 521:
		return KEYS_P521;
	default:
		return KEYS_RSA;
	}
}

static inline size_t
local_sign(
    void *context, struct span id, uint16_t scheme, struct span input, unsigned char *signature, const char **why)
{
	struct local_signer *local = context;
	unsigned char known[TLS_KEY_ID_BYTES];
	size_t length = TLS_SIGNATURE_BYTES;
	EVP_PKEY *key = NULL;

	local->asked++;
	local->scheme = scheme;
	assert_true(input.length <= sizeof local->input);
	memcpy(local->input, input.data, input.length);
	local->input_bytes = input.length;
	*why = "the signer is told to refuse";
	if (local->refuses)
		return 0;
	for (size_t i = 0; i < local->pair_count; i++) {
		assert_true(tls_key_id(local->pairs[i].key, known));
		if (memcmp(known, id.data, sizeof known) == 0)
			key = local->pairs[i].key;
	}
	assert_non_null(key);
	/* What OpenSSL wants signed is what keys signs. */
	local->verdict = keys_judge(pair_kind(key), scheme, input, why);
	if (local->verdict == KEYS_REFUSES)
		fail_msg("scheme %04x: %s", scheme, *why);
	EVP_MD_CTX *signing = EVP_MD_CTX_new();
	EVP_PKEY_CTX *details;
	assert_int_equal(EVP_DigestSignInit(signing, &details, scheme_digest(scheme), NULL, key), 1);
	if (scheme >> 8 == 8) {
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(details, RSA_PKCS1_PSS_PADDING), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(details, RSA_PSS_SALTLEN_DIGEST), 1);
	}
	const unsigned char *bytes = (const unsigned char *)input.data;
	assert_int_equal(EVP_DigestSign(signing, signature, &length, bytes, input.length), 1);
	EVP_MD_CTX_free(signing);
	return length;
}

static inline void
local_signer_init(struct local_signer *local, struct pair *pairs, size_t count)
{
	*local = (struct local_signer){ .pairs = pairs, .pair_count = count };
	local->signer = (struct tls_signer){ local_sign, local };
}

/* What a client asks for; NULL and 0 are OpenSSL's own. */
struct wish {
	int lowest;
	int highest;
	const char *name;
	const char *ciphers;
	const char *signatures;
	const char *groups;
};

struct talk {
	SSL_CTX *context;
	SSL *client;
	SSL *server;
};

static inline struct talk
talk_begin(SSL_CTX *server, const struct wish *wish)
{
	struct talk talk = { .context = SSL_CTX_new(TLS_client_method()) };
	BIO *here;
	BIO *there;

	assert_non_null(talk.context);
	/* What an old client would do shall not depend on how modern this one is. */
	SSL_CTX_set_security_level(talk.context, 0);
	assert_int_equal(SSL_CTX_set_min_proto_version(talk.context, wish->lowest), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(talk.context, wish->highest), 1);
	if (wish->ciphers)
		assert_int_equal(SSL_CTX_set_cipher_list(talk.context, wish->ciphers), 1);
	if (wish->signatures)
		assert_int_equal(SSL_CTX_set1_sigalgs_list(talk.context, wish->signatures), 1);
	if (wish->groups)
		assert_int_equal(SSL_CTX_set1_groups_list(talk.context, wish->groups), 1);
	talk.client = SSL_new(talk.context);
	talk.server = SSL_new(server);
	assert_non_null(talk.server);
	if (wish->name)
		assert_int_equal(SSL_set_tlsext_host_name(talk.client, wish->name), 1);
	assert_int_equal(BIO_new_bio_pair(&here, 0, &there, 0), 1);
	SSL_set_bio(talk.client, here, here);
	SSL_set_bio(talk.server, there, there);
	SSL_set_connect_state(talk.client);
	SSL_set_accept_state(talk.server);
	return talk;
}

/* True when both sides have finished. */
static inline bool
talk_shake(struct talk *talk)
{
	enum { STEPS = 20 };

	for (unsigned i = 0; i < STEPS; i++) {
		int here = SSL_do_handshake(talk->client);
		int there = SSL_do_handshake(talk->server);

		if (here == 1 && there == 1)
			return true;
		if (there != 1 && SSL_get_error(talk->server, there) != SSL_ERROR_WANT_READ)
			return false;
	}
	return false;
}

static inline void
talk_end(struct talk *talk)
{
	SSL_free(talk->client);
	SSL_free(talk->server);
	SSL_CTX_free(talk->context);
	ERR_clear_error();
}

#endif
