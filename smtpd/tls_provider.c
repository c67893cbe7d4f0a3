/* The provider of smtpd/tls_provider.h: its tables, and keys for it.
 *
 * On failure: see the header.
 */
#include "smtpd/tls_provider.h"

#include <openssl/param_build.h>
#include <openssl/provider.h>
#include <openssl/x509.h>

#include "smtpd/tls_remote_key.h"

#define PROVIDER_NAME "tidegate-keys"
/* Said explicitly where ours is meant; wherever nothing is said the default provider's come first. */
#define OURS "provider=" PROVIDER_NAME
#define OTHERS_FIRST "?provider=default"
#define NAMES_EC "EC:id-ecPublicKey:1.2.840.10045.2.1"
#define NAMES_RSA "RSA:rsaEncryption:1.2.840.113549.1.1.1"

static const OSSL_ALGORITHM key_algorithms[] = { { NAMES_EC, OURS, tls_remote_functions_ec, "EC, signed elsewhere" },
	{ NAMES_RSA, OURS, tls_remote_functions_rsa, "RSA, signed elsewhere" }, { NULL, NULL, NULL, NULL } };
static const OSSL_ALGORITHM signature_algorithms[] = { { "ECDSA", OURS, tls_remote_functions_sign,
							   "ECDSA, signed elsewhere" },
	{ NAMES_RSA, OURS, tls_remote_functions_sign, "RSA, signed elsewhere" }, { NULL, NULL, NULL, NULL } };

static const OSSL_ALGORITHM *
provider_query(void *provider, int operation, int *no_cache)
{
	(void)provider;
	*no_cache = 0;
	if (operation == OSSL_OP_KEYMGMT)
		return key_algorithms;
	return operation == OSSL_OP_SIGNATURE ? signature_algorithms : NULL;
}

static const OSSL_DISPATCH provider_functions[] = {
	TLS_REMOTE_FUNCTION(OSSL_FUNC_PROVIDER_QUERY_OPERATION, provider_query), { 0, NULL }
};

static int
provider_init(
    const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *core, const OSSL_DISPATCH **functions, void **provider)
{
	for (; core->function_id; core++)
		if (core->function_id == OSSL_FUNC_CORE_GET_LIBCTX)
			/* Built in, so OpenSSL's context and the core's are one and the same. */
			*provider = OSSL_FUNC_core_get_libctx(core)(handle);
	*functions = provider_functions;
	return *provider != NULL;
}

OSSL_PROVIDER *
tls_provider_load(OSSL_LIB_CTX *library)
{
	if (OSSL_PROVIDER_add_builtin(library, PROVIDER_NAME, provider_init) != 1 ||
	    EVP_set_default_properties(library, OTHERS_FIRST) != 1)
		return NULL;
	return OSSL_PROVIDER_load(library, PROVIDER_NAME);
}

/* The parameters of the public part, and the signer with them. The caller's. */
static OSSL_PARAM *
describe(EVP_PKEY *public_part, const struct tls_signer *signer)
{
	OSSL_PARAM *values = NULL;
	OSSL_PARAM *all = NULL;
	OSSL_PARAM ours[] = { OSSL_PARAM_END, OSSL_PARAM_END };
	void *pointer = (void *)(uintptr_t)signer;

	ours[0] = OSSL_PARAM_construct_octet_ptr(TLS_REMOTE_SIGNER, &pointer, sizeof *signer);
	if (EVP_PKEY_todata(public_part, EVP_PKEY_PUBLIC_KEY, &values) == 1) {
		OSSL_PARAM *merged = OSSL_PARAM_merge(values, ours);

		all = merged ? OSSL_PARAM_dup(merged) : NULL;
		OPENSSL_free(merged);
	}
	OSSL_PARAM_free(values);
	return all;
}

EVP_PKEY *
tls_provider_key(OSSL_LIB_CTX *library, EVP_PKEY *public_part, const struct tls_signer *signer)
{
	const char *type = EVP_PKEY_is_a(public_part, "EC") ? "EC" : "RSA";
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(library, type, OURS);
	OSSL_PARAM *values = describe(public_part, signer);
	EVP_PKEY *key = NULL;

	if (context && values && EVP_PKEY_fromdata_init(context) == 1)
		(void)EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, values);
	OSSL_PARAM_free(values);
	EVP_PKEY_CTX_free(context);
	return key;
}

bool
tls_key_id(EVP_PKEY *key, unsigned char id[static TLS_KEY_ID_BYTES])
{
	unsigned char *bytes = NULL;
	int length = i2d_PUBKEY(key, &bytes);
	size_t made = 0;
	bool ok = length > 0 && EVP_Q_digest(NULL, "SHA256", NULL, bytes, (size_t)length, id, &made) == 1 &&
		  made == TLS_KEY_ID_BYTES;

	OPENSSL_free(bytes);
	return ok;
}
