/* Reading and signing for smtpd/keys_pair.h.
 *
 * On failure: see the header.
 */
#include "smtpd/keys_pair.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>
#include <time.h>

enum { RSA_LEAST_BITS = 2048, RSA_GREATEST_BITS = 8192 };

static enum pair_verdict
refuse(struct keys_facts *facts, enum pair_verdict verdict, const char *what)
{
	buf_append_text(&facts->why, what);
	ERR_clear_error();
	return verdict;
}

static BIO *
open_bytes(struct span bytes)
{
	return BIO_new_mem_buf(bytes.data, (int)bytes.length);
}

static bool
append_certificate(struct buf *chain, X509 *certificate)
{
	unsigned char *der = NULL;
	int length = i2d_X509(certificate, &der);

	if (length > 0)
		buf_append(chain, span_make((const char *)der, (size_t)length));
	OPENSSL_free(der);
	return length > 0 && buf_ok(chain);
}

/* Without libc's timegm(), which looks for a time zone file. */
static uint64_t
end_of(const X509 *certificate)
{
	const struct tm epoch = { .tm_year = 70, .tm_mday = 1 };
	struct tm end;
	int days;
	int seconds;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1 ||
	    OPENSSL_gmtime_diff(&days, &seconds, &epoch, &end) != 1 || days < 0 || seconds < 0)
		return 0;
	return (uint64_t)days * 86400 + (uint64_t)seconds;
}

/* All certificates in the file; *own is the first of them, the caller's. */
static enum pair_verdict
read_chain(struct span bytes, struct keys_facts *facts, X509 **own)
{
	BIO *file = open_bytes(bytes);
	bool fits = true;

	*own = NULL;
	while (file && fits) {
		X509 *certificate = PEM_read_bio_X509(file, NULL, NULL, NULL);

		if (!certificate)
			break;
		fits = append_certificate(&facts->chain, certificate);
		if (*own)
			X509_free(certificate);
		else
			*own = certificate;
	}
	BIO_free(file);
	/* The end of the file is no error; a certificate that cannot be read is. */
	unsigned long error = ERR_peek_last_error();
	bool is_end = error == 0 || (ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE);
	ERR_clear_error();
	if (!fits)
		return refuse(
		    facts, PAIR_BAD_CHAIN, "it holds too many or too large certificates; 32 KiB in all are the most");
	if (!is_end)
		return refuse(facts, PAIR_BAD_CHAIN, "a certificate in it cannot be read");
	if (!*own)
		return refuse(facts, PAIR_BAD_CHAIN, "it holds no certificate in PEM form");
	facts->expires = end_of(*own);
	return PAIR_TAKEN;
}

/* There is nobody to ask. */
static int
no_passphrase(char *to, int size, int writes, void *argument)
{
	(void)to;
	(void)size;
	(void)writes;
	(void)argument;
	return -1;
}

static bool
find_kind(EVP_PKEY *key, enum keys_kind *kind)
{
	int bits = EVP_PKEY_get_bits(key);
	char group[32];

	if (EVP_PKEY_is_a(key, "RSA")) {
		*kind = KEYS_RSA;
		return bits >= RSA_LEAST_BITS && bits <= RSA_GREATEST_BITS;
	}
	if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_group_name(key, group, sizeof group, NULL) != 1)
		return false;
	if (strcmp(group, "prime256v1") == 0)
		*kind = KEYS_P256;
	else if (strcmp(group, "secp384r1") == 0)
		*kind = KEYS_P384;
	else if (strcmp(group, "secp521r1") == 0)
		*kind = KEYS_P521;
	else
		return false;
	return true;
}

static enum pair_verdict
read_key(struct keys_pair *pair, struct span bytes, struct keys_facts *facts)
{
	BIO *file = open_bytes(bytes);

	pair->key = file ? PEM_read_bio_PrivateKey(file, NULL, no_passphrase, NULL) : NULL;
	BIO_free(file);
	if (!pair->key)
		return refuse(
		    facts, PAIR_BAD_KEY, "it holds no private key in PEM form that can be read without a passphrase");
	if (!find_kind(pair->key, &pair->kind))
		return refuse(facts, PAIR_BAD_KEY,
		    "its key cannot be used; RSA of 2048 to 8192 bits and EC on P-256, P-384 or P-521 can");
	if (!tls_key_id(pair->key, pair->id))
		return refuse(facts, PAIR_BAD_KEY, "no memory to take its key");
	return PAIR_TAKEN;
}

enum pair_verdict
keys_pair_read(struct keys_pair *pair, struct span chain, struct span key, struct keys_facts *facts)
{
	X509 *own;

	*pair = (struct keys_pair){ 0 };
	*facts = (struct keys_facts){ .chain = BUF_LIMIT(IPC_CHAIN_BYTES), .why = BUF_LIMIT(IPC_TEXT_BYTES) };
	ERR_clear_error();
	enum pair_verdict verdict = read_chain(chain, facts, &own);
	if (verdict == PAIR_TAKEN)
		verdict = read_key(pair, key, facts);
	if (verdict == PAIR_TAKEN && X509_check_private_key(own, pair->key) != 1)
		verdict = refuse(facts, PAIR_UNEQUAL,
		    "the private key is not that of the first certificate in the chain, which must be the server's "
		    "own");
	X509_free(own);
	if (verdict != PAIR_TAKEN)
		keys_pair_free(pair);
	return verdict;
}

void
keys_pair_free(struct keys_pair *pair)
{
	EVP_PKEY_free(pair->key);
	pair->key = NULL;
}

static const EVP_MD *
digest_of(const struct keys_scheme *scheme)
{
	if (scheme->digest_bits == 256)
		return EVP_sha256();
	return scheme->digest_bits == 384 ? EVP_sha384() : EVP_sha512();
}

bool
keys_pair_sign(const struct keys_pair *pair, const struct keys_scheme *scheme, struct span input,
    unsigned char signature[static TLS_SIGNATURE_BYTES], size_t *length)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *details = NULL;
	bool ok = context && EVP_DigestSignInit(context, &details, digest_of(scheme), NULL, pair->key) == 1;

	if (ok && scheme->is_pss)
		ok = EVP_PKEY_CTX_set_rsa_padding(details, RSA_PKCS1_PSS_PADDING) == 1 &&
		     EVP_PKEY_CTX_set_rsa_pss_saltlen(details, RSA_PSS_SALTLEN_DIGEST) == 1;
	*length = TLS_SIGNATURE_BYTES;
	ok = ok && EVP_DigestSign(context, signature, length, (const unsigned char *)input.data, input.length) == 1;
	EVP_MD_CTX_free(context);
	return ok;
}
