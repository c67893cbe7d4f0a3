/* The provider of smtpd/tls_provider.h: key management for EC and RSA with the public part only, which the default
 * provider keeps for us, and signatures of one shot.
 *
 * There is no export: OpenSSL then cannot move the key to its own code, which would find no private part.
 *
 * On failure: see the header.
 */
#include "smtpd/tls_provider.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/provider.h>
#include <openssl/proverr.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#define PROVIDER_NAME "tidegate-keys"
/* Said explicitly where ours is meant; wherever nothing is said the default provider's come first. */
#define OURS "provider=" PROVIDER_NAME
#define OTHERS_FIRST "?provider=default"
#define PARAM_SIGNER "tidegate-signer"
#define NAMES_EC "EC:id-ecPublicKey:1.2.840.10045.2.1"
#define NAMES_RSA "RSA:rsaEncryption:1.2.840.113549.1.1.1"

struct remote_key {
	OSSL_LIB_CTX *library;
	const char *type;      /* "EC" or "RSA" */
	EVP_PKEY *public_part; /* the default provider's; NULL until imported */
	const struct tls_signer *signer;
	unsigned char id[TLS_KEY_ID_BYTES];
};

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

/* Keys */

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
	const OSSL_PARAM *param = OSSL_PARAM_locate_const(params, PARAM_SIGNER);
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
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0), OSSL_PARAM_octet_ptr(PARAM_SIGNER, NULL, 0),
		OSSL_PARAM_END };

	return selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY ? types : NULL;
}

static const OSSL_PARAM *
key_import_types_rsa(int selection)
{
	static const OSSL_PARAM types[] = { OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0), OSSL_PARAM_octet_ptr(PARAM_SIGNER, NULL, 0),
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

#define FUNCTION(number, function)                                                                                     \
	{                                                                                                              \
		(number), (void (*)(void))(function)                                                                   \
	}
#define KEY_FUNCTIONS                                                                                                  \
	FUNCTION(OSSL_FUNC_KEYMGMT_FREE, key_free), FUNCTION(OSSL_FUNC_KEYMGMT_HAS, key_has),                          \
	    FUNCTION(OSSL_FUNC_KEYMGMT_MATCH, key_match), FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT, key_import),              \
	    FUNCTION(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get_params),                                                    \
	    FUNCTION(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, key_gettable)

static const OSSL_DISPATCH key_functions_ec[] = { KEY_FUNCTIONS, FUNCTION(OSSL_FUNC_KEYMGMT_NEW, key_new_ec),
	FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, key_import_types_ec),
	FUNCTION(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, key_operation_ec), { 0, NULL } };
static const OSSL_DISPATCH key_functions_rsa[] = { KEY_FUNCTIONS, FUNCTION(OSSL_FUNC_KEYMGMT_NEW, key_new_rsa),
	FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, key_import_types_rsa), { 0, NULL } };

/* Signatures */

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

static const OSSL_DISPATCH signing_functions[] = { FUNCTION(OSSL_FUNC_SIGNATURE_NEWCTX, signing_new),
	FUNCTION(OSSL_FUNC_SIGNATURE_FREECTX, signing_free),
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, signing_begin),
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, signing_sign),
	FUNCTION(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, signing_set_params),
	FUNCTION(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, signing_settable), { 0, NULL } };

/* The provider */

static const OSSL_ALGORITHM key_algorithms[] = { { NAMES_EC, OURS, key_functions_ec, "EC, signed elsewhere" },
	{ NAMES_RSA, OURS, key_functions_rsa, "RSA, signed elsewhere" }, { NULL, NULL, NULL, NULL } };
static const OSSL_ALGORITHM signature_algorithms[] = { { "ECDSA", OURS, signing_functions, "ECDSA, signed elsewhere" },
	{ NAMES_RSA, OURS, signing_functions, "RSA, signed elsewhere" }, { NULL, NULL, NULL, NULL } };

static const OSSL_ALGORITHM *
provider_query(void *provider, int operation, int *no_cache)
{
	(void)provider;
	*no_cache = 0;
	if (operation == OSSL_OP_KEYMGMT)
		return key_algorithms;
	return operation == OSSL_OP_SIGNATURE ? signature_algorithms : NULL;
}

static const OSSL_DISPATCH provider_functions[] = { FUNCTION(OSSL_FUNC_PROVIDER_QUERY_OPERATION, provider_query),
	{ 0, NULL } };

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

bool
tls_provider_load(OSSL_LIB_CTX *library)
{
	return OSSL_PROVIDER_add_builtin(library, PROVIDER_NAME, provider_init) == 1 &&
	       OSSL_PROVIDER_load(library, PROVIDER_NAME) != NULL &&
	       EVP_set_default_properties(library, OTHERS_FIRST) == 1;
}

/* The parameters of the public part, and the signer with them. The caller's. */
static OSSL_PARAM *
describe(EVP_PKEY *public_part, const struct tls_signer *signer)
{
	OSSL_PARAM *values = NULL;
	OSSL_PARAM *all = NULL;
	OSSL_PARAM ours[] = { OSSL_PARAM_END, OSSL_PARAM_END };
	void *pointer = (void *)(uintptr_t)signer;

	ours[0] = OSSL_PARAM_construct_octet_ptr(PARAM_SIGNER, &pointer, sizeof *signer);
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
