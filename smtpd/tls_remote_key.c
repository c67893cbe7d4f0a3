/* Key management of smtpd/tls_remote_key.h: the public part only, which the default provider keeps for us.
 *
 * There is no export: OpenSSL then cannot move the key to its own code, which would find no private part.
 *
 * On failure: see the header.
 */
#include "smtpd/tls_remote_key.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

static struct remote_key *
key_new(void *provider, const char *type)
{
	struct remote_key *key = OPENSSL_zalloc(sizeof *key);

	if (key) {
		key->library = provider;
		key->type = type;
	}
	return key;
}

static void *
key_new_ec(void *provider)
{
	return key_new(provider, "EC");
}

static void *
key_new_rsa(void *provider)
{
	return key_new(provider, "RSA");
}

static void
key_free(void *data)
{
	struct remote_key *key = data;

	if (!key)
		return;
	EVP_PKEY_free(key->public_part);
	OPENSSL_free(key);
}

/* It stands for a whole pair: who holds the private part is our affair. */
static int
key_has(const void *data, int selection)
{
	const struct remote_key *key = data;

	(void)selection;
	return key->public_part != NULL;
}

static int
key_match(const void *data_a, const void *data_b, int selection)
{
	const struct remote_key *a = data_a;
	const struct remote_key *b = data_b;

	(void)selection;
	return a->public_part && b->public_part && EVP_PKEY_eq(a->public_part, b->public_part) == 1;
}

static const struct tls_signer *
find_signer(const OSSL_PARAM *params)
{
	const OSSL_PARAM *param = OSSL_PARAM_locate_const(params, TLS_REMOTE_SIGNER);
	const void *signer = NULL;
	size_t size;

	return param && OSSL_PARAM_get_octet_ptr(param, &signer, &size) ? signer : NULL;
}

static int
key_import(void *data, int selection, const OSSL_PARAM params[])
{
	struct remote_key *key = data;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(key->library, key->type, "provider=default");
	OSSL_PARAM *values = (OSSL_PARAM *)(uintptr_t)params; /* read only, but the interface has no const */
	bool ok = context && !key->public_part && (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) &&
		  EVP_PKEY_fromdata_init(context) == 1 &&
		  EVP_PKEY_fromdata(context, &key->public_part, EVP_PKEY_PUBLIC_KEY, values) == 1 &&
		  tls_key_id(key->public_part, key->id);

	key->signer = find_signer(params);
	EVP_PKEY_CTX_free(context);
	return ok;
}

static const OSSL_PARAM *
key_import_types_ec(int selection)
{
	static const OSSL_PARAM types[] = { OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_octet_ptr(TLS_REMOTE_SIGNER, NULL, 0), OSSL_PARAM_END };

	return selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY ? types : NULL;
}

static const OSSL_PARAM *
key_import_types_rsa(int selection)
{
	static const OSSL_PARAM types[] = { OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0), OSSL_PARAM_octet_ptr(TLS_REMOTE_SIGNER, NULL, 0),
		OSSL_PARAM_END };

	return selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY ? types : NULL;
}

static int
key_get_params(void *data, OSSL_PARAM params[])
{
	const struct remote_key *key = data;

	return key->public_part && EVP_PKEY_get_params(key->public_part, params);
}

static const OSSL_PARAM *
key_gettable(void *provider)
{
	static const OSSL_PARAM gettable[] = { OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL), OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0), OSSL_PARAM_END };

	(void)provider;
	return gettable;
}

static const char *
key_operation_ec(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "ECDSA" : "EC";
}

/* clang-format off */
#define KEY_FUNCTIONS                                                                                                  \
	TLS_REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_FREE, key_free),                                                         \
	TLS_REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_HAS, key_has),                                                           \
	TLS_REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_MATCH, key_match),                                                       \
	TLS_REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT, key_import),                                                     \
	TLS_REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get_params),                                             \
	TLS_REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, key_gettable)
/* clang-format on */

const OSSL_DISPATCH tls_remote_functions_ec[] = { KEY_FUNCTIONS, TLS_REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_NEW, key_new_ec),
	TLS_REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, key_import_types_ec),
	TLS_REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, key_operation_ec), { 0, NULL } };
const OSSL_DISPATCH tls_remote_functions_rsa[] = { KEY_FUNCTIONS,
	TLS_REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_NEW, key_new_rsa),
	TLS_REMOTE_FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, key_import_types_rsa), { 0, NULL } };
