/* Signatures of smtpd/tls_remote_key.h: of one shot, by the key's signer.
 *
 * On failure: see the header.
 */
#include "smtpd/tls_remote_key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/proverr.h>
#include <openssl/rsa.h>
#include <string.h>

/* One signature under way. */
struct signing {
	const struct remote_key *key; /* OpenSSL keeps it for as long */
	unsigned digest_bits;
	int padding; /* RSA */
};

static void *
refuse(int reason, const char *what)
{
	ERR_raise_data(ERR_LIB_PROV, reason, "%s", what);
	return NULL;
}

static void *
signing_new(void *provider, const char *properties)
{
	(void)provider;
	(void)properties;
	return OPENSSL_zalloc(sizeof(struct signing));
}

static void
signing_free(void *data)
{
	OPENSSL_free(data);
}

/* SHA-1 and SHA-224 are no longer to be signed with (RFC 9155): they have no bits here. */
static unsigned
digest_bits(const char *name)
{
	static const struct {
		const char *names[3];
		unsigned bits;
	} digests[] = { { { "SHA256", "SHA2-256", "SHA-256" }, 256 }, { { "SHA384", "SHA2-384", "SHA-384" }, 384 },
		{ { "SHA512", "SHA2-512", "SHA-512" }, 512 } };

	for (size_t i = 0; i < sizeof digests / sizeof digests[0]; i++)
		for (size_t n = 0; n < 3; n++)
			if (OPENSSL_strcasecmp(name, digests[i].names[n]) == 0)
				return digests[i].bits;
	return 0;
}

static bool
set_padding(struct signing *signing, const OSSL_PARAM *param)
{
	const char *word = NULL;

	if (param->data_type == OSSL_PARAM_INTEGER)
		return OSSL_PARAM_get_int(param, &signing->padding);
	if (!OSSL_PARAM_get_utf8_string_ptr(param, &word))
		return false;
	if (strcmp(word, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0)
		signing->padding = RSA_PKCS1_PSS_PADDING;
	else if (strcmp(word, OSSL_PKEY_RSA_PAD_MODE_PKCSV15) == 0)
		signing->padding = RSA_PKCS1_PADDING;
	else
		return false;
	return true;
}

/* The salt's length and the other digest are what the scheme says; nothing else could be asked for. */
static int
signing_set_params(void *data, const OSSL_PARAM params[])
{
	const OSSL_PARAM *padding = params ? OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE) : NULL;

	return !padding || set_padding(data, padding);
}

static const OSSL_PARAM *
signing_settable(void *data, void *provider)
{
	static const OSSL_PARAM settable[] = { OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0), OSSL_PARAM_END };

	(void)data;
	(void)provider;
	return settable;
}

static int
signing_begin(void *data, const char *digest, void *key, const OSSL_PARAM params[])
{
	struct signing *signing = data;

	if (key)
		signing->key = key;
	signing->padding = RSA_PKCS1_PADDING;
	signing->digest_bits = digest ? digest_bits(digest) : 0;
	if (!signing->key || !signing->key->public_part || signing->digest_bits == 0)
		return refuse(PROV_R_INVALID_DIGEST, "no signature scheme has this digest") != NULL;
	return signing_set_params(data, params);
}

/* RFC 8446 4.2.3. In TLS 1.2 the curve of the key is not part of it. */
static uint16_t
scheme_of(const struct signing *signing)
{
	uint16_t step = (uint16_t)((signing->digest_bits - 256) / 128);

	if (strcmp(signing->key->type, "EC") == 0)
		return (uint16_t)(0x0403 + (step << 8));
	if (signing->padding == RSA_PKCS1_PSS_PADDING)
		return (uint16_t)(0x0804 + step);
	return (uint16_t)(0x0401 + (step << 8));
}

static int
signing_sign(
    void *data, unsigned char *signature, size_t *length, size_t room, const unsigned char *input, size_t bytes)
{
	const struct signing *signing = data;
	const struct remote_key *key = signing->key;
	unsigned char made[TLS_SIGNATURE_BYTES];
	const char *why = "this key has no signer";
	size_t made_bytes = 0;

	if (!signature) {
		*length = (size_t)EVP_PKEY_get_size(key->public_part);
		return 1;
	}
	if (key->signer)
		made_bytes = key->signer->sign(key->signer->context, span_make((const char *)key->id, sizeof key->id),
		    scheme_of(signing), span_make((const char *)input, bytes), made, &why);
	if (made_bytes == 0)
		return refuse(PROV_R_FAILED_TO_SIGN, why) != NULL;
	if (made_bytes > room)
		return refuse(PROV_R_OUTPUT_BUFFER_TOO_SMALL, "a signature that is too long") != NULL;
	memcpy(signature, made, made_bytes);
	*length = made_bytes;
	return 1;
}

const OSSL_DISPATCH tls_remote_functions_sign[] = { TLS_REMOTE_FUNCTION(OSSL_FUNC_SIGNATURE_NEWCTX, signing_new),
	TLS_REMOTE_FUNCTION(OSSL_FUNC_SIGNATURE_FREECTX, signing_free),
	TLS_REMOTE_FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, signing_begin),
	TLS_REMOTE_FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, signing_sign),
	TLS_REMOTE_FUNCTION(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, signing_set_params),
	TLS_REMOTE_FUNCTION(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, signing_settable), { 0, NULL } };
