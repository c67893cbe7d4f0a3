/* The contexts of smtpd/tls_context.h.
 *
 * The table of names belongs to the default context, as its extra data: it lives as long as a session that may still
 * look a name up in it.
 *
 * On failure: see the header.
 */
#include "smtpd/tls_context.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

enum { WHY_BYTES = 256 };

struct tls_library {
	OSSL_LIB_CTX *openssl;
	OSSL_PROVIDER *preset;
	OSSL_PROVIDER *ours;
	int names_index; /* of a context's table of names */
};

struct tls_name {
	struct span name; /* owned by the table */
	SSL_CTX *context; /* owned, but for the default one */
	bool has_ecdsa;
	bool has_rsa;
};

struct tls_names {
	size_t count;
	struct tls_name names[CERTIFICATES_MAX];
};

struct tls_contexts {
	SSL_CTX *preset;
};

/* What both policies share stands first: the order is ours, with AES first but for clients that have no AES hardware
 * (they put ChaCha20 first). */
static const char suites_tls13[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
static const char signatures[] = "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:"
				 "RSA+SHA256:RSA+SHA384:RSA+SHA512";
static const struct {
	const char *ciphers;
	const char *groups;
	bool has_dhe;
} policies[] = {
	[TLS_POLICY_MODERN] = { "ECDHE+AESGCM:ECDHE+CHACHA20", "X25519:P-256:P-384", false },
	/* Servers on Windows before 2016 have, for RSA certificates, no AEAD cipher with ECDHE but with DHE. */
	[TLS_POLICY_COMPATIBLE] = { "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+aRSA+AESGCM:DHE+aRSA+CHACHA20",
	    "X25519:P-256:P-384:P-521:X448", true },
};

static void
names_free(void *parent, void *data, CRYPTO_EX_DATA *extra, int index, long number, void *argument)
{
	struct tls_names *names = data;

	(void)parent;
	(void)extra;
	(void)index;
	(void)number;
	(void)argument;
	for (size_t i = 0; names && i < names->count; i++) {
		if (i > 0)
			SSL_CTX_free(names->names[i].context);
		free((char *)(uintptr_t)names->names[i].name.data);
	}
	free(names);
}

struct tls_library *
tls_library_open(void)
{
	struct tls_library *library = calloc(1, sizeof *library);
	bool ok = library && OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS |
						  OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
				 NULL) == 1;

	if (ok) {
		library->openssl = OSSL_LIB_CTX_new();
		library->preset = library->openssl ? OSSL_PROVIDER_load(library->openssl, "default") : NULL;
		library->names_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, names_free);
		library->ours = library->preset ? tls_provider_load(library->openssl) : NULL;
		ok = library->ours && library->names_index >= 0;
	}
	if (ok)
		return library;
	tls_library_close(library);
	return NULL;
}

void
tls_library_close(struct tls_library *library)
{
	if (!library)
		return;
	if (library->ours)
		(void)OSSL_PROVIDER_unload(library->ours);
	if (library->preset)
		(void)OSSL_PROVIDER_unload(library->preset);
	OSSL_LIB_CTX_free(library->openssl);
	free(library);
}

static SSL_CTX *
refuse(struct buf *why, struct span name, const char *what)
{
	char reason[WHY_BYTES];
	unsigned long error = ERR_peek_last_error();

	buf_append_text(why, "certificate \"");
	buf_append_escaped(why, name);
	buf_printf(why, "\": %s", what);
	if (error) {
		ERR_error_string_n(error, reason, sizeof reason);
		buf_printf(why, " (%s)", reason);
	}
	ERR_clear_error();
	return NULL;
}

/* A finite-field group of RFC 7919, which keys knows as well. */
static bool
set_dhe_group(const struct tls_library *library, SSL_CTX *context)
{
	char group[] = "ffdhe2048";
	OSSL_PARAM values[] = { OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_end() };
	EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(library->openssl, "DH", NULL);
	EVP_PKEY *parameters = NULL;
	bool ok = maker && EVP_PKEY_fromdata_init(maker) == 1 &&
		  EVP_PKEY_fromdata(maker, &parameters, EVP_PKEY_KEY_PARAMETERS, values) == 1 &&
		  SSL_CTX_set0_tmp_dh_pkey(context, parameters) == 1;

	if (!ok)
		EVP_PKEY_free(parameters);
	EVP_PKEY_CTX_free(maker);
	return ok;
}

static SSL_CTX *
make_context(const struct tls_library *library, enum tls_policy policy)
{
	SSL_CTX *context = SSL_CTX_new_ex(library->openssl, NULL, TLS_server_method());
	bool ok = context && SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
		  SSL_CTX_set_ciphersuites(context, suites_tls13) == 1 &&
		  SSL_CTX_set_cipher_list(context, policies[policy].ciphers) == 1 &&
		  SSL_CTX_set1_groups_list(context, policies[policy].groups) == 1 &&
		  SSL_CTX_set1_sigalgs_list(context, signatures) == 1 &&
		  (!policies[policy].has_dhe || set_dhe_group(library, context));

	if (!ok) {
		SSL_CTX_free(context);
		return NULL;
	}
	(void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
					       SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
					       SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION);
	(void)SSL_CTX_set_num_tickets(context, 0);
	(void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
	return context;
}

/* Takes the next certificate off the front. */
static X509 *
take_certificate(const struct tls_library *library, struct span *rest)
{
	X509 *certificate = X509_new_ex(library->openssl, NULL);
	const unsigned char *at = (const unsigned char *)rest->data;

	if (!certificate || !d2i_X509(&certificate, &at, (long)rest->length)) {
		/* d2i_X509 has freed it. */
		return NULL;
	}
	*rest = span_skip(*rest, (size_t)(at - (const unsigned char *)rest->data));
	return certificate;
}

static STACK_OF(X509) * take_issuers(const struct tls_library *library, struct span rest)
{
	STACK_OF(X509) *issuers = sk_X509_new_null();
	bool ok = issuers != NULL;

	while (ok && rest.length) {
		X509 *issuer = take_certificate(library, &rest);

		ok = issuer && sk_X509_push(issuers, issuer) > 0;
		if (!ok)
			X509_free(issuer);
	}
	if (ok)
		return issuers;
	sk_X509_pop_free(issuers, X509_free);
	return NULL;
}

/* Puts one certificate with its issuers and its distant key into a context. */
static bool
use_certificate(const struct tls_library *library, struct tls_name *name, struct span chain,
    const struct tls_signer *signer, struct buf *why)
{
	struct span rest = chain;
	X509 *own = take_certificate(library, &rest);
	STACK_OF(X509) *issuers = own ? take_issuers(library, rest) : NULL;
	EVP_PKEY *public_part = own ? X509_get0_pubkey(own) : NULL;
	bool *has = public_part && EVP_PKEY_is_a(public_part, "EC") ? &name->has_ecdsa : &name->has_rsa;
	EVP_PKEY *key = NULL;
	bool ok = false;

	if (!issuers || !public_part)
		(void)refuse(why, name->name, "its chain cannot be read");
	else if (*has)
		(void)refuse(why, name->name, "it is there twice with the same kind of key");
	else
		key = tls_provider_key(library->openssl, public_part, signer);
	if (key) {
		ok = SSL_CTX_use_cert_and_key(name->context, own, key, issuers, 1) == 1;
		*has = ok;
		if (!ok)
			(void)refuse(why, name->name, "OpenSSL will not use it");
	} else if (buf_ok(why) && why->length == 0) {
		(void)refuse(why, name->name, "its kind of key is not known; EC and RSA are");
	}
	EVP_PKEY_free(key);
	sk_X509_pop_free(issuers, X509_free);
	X509_free(own);
	return ok;
}

static struct tls_name *
find_name(struct tls_names *names, struct span name)
{
	for (size_t i = 0; i < names->count; i++)
		if (span_equal_nocase(names->names[i].name, name))
			return &names->names[i];
	return NULL;
}

/* What a certificate says of itself may have wildcards. */
static bool
covers(const struct tls_name *entry, struct span name)
{
	X509 *certificate = SSL_CTX_get0_certificate(entry->context);

	return certificate &&
	       X509_check_host(certificate, name.data, name.length, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

static int
on_server_name(SSL *session, int *alert, void *argument)
{
	struct tls_names *names = argument;
	const char *asked = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);

	(void)alert;
	if (!asked)
		return SSL_TLSEXT_ERR_NOACK;
	struct tls_name *found = find_name(names, span_of(asked));
	for (size_t i = 0; !found && i < names->count; i++)
		if (covers(&names->names[i], span_of(asked)))
			found = &names->names[i];
	/* A sender that asks for another name still gets encryption. */
	if (!found)
		return SSL_TLSEXT_ERR_NOACK;
	return SSL_set_SSL_CTX(session, found->context) ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

/* A context for a name that has none yet. */
static struct tls_name *
add_name(const struct tls_library *library, struct tls_names *names, struct span name, enum tls_policy policy)
{
	struct tls_name *entry = &names->names[names->count];
	char *copy = names->count < CERTIFICATES_MAX ? malloc(name.length + 1) : NULL;
	SSL_CTX *context = copy ? make_context(library, policy) : NULL;

	if (!context) {
		free(copy);
		return NULL;
	}
	memcpy(copy, name.data, name.length);
	*entry = (struct tls_name){ .name = span_make(copy, name.length), .context = context };
	names->count++;
	return entry;
}

/* The first context owns the table from here on. */
static bool
hand_over(const struct tls_library *library, struct tls_names *names)
{
	SSL_CTX *preset = names->names[0].context;

	if (SSL_CTX_set_ex_data(preset, library->names_index, names) != 1)
		return false;
	(void)SSL_CTX_set_tlsext_servername_arg(preset, names);
	(void)SSL_CTX_set_tlsext_servername_callback(preset, on_server_name);
	return true;
}

struct tls_contexts *
tls_contexts_new(const struct tls_library *library, const struct certificate_set *set, enum tls_policy policy,
    const struct tls_signer *signer, struct buf *why)
{
	struct tls_contexts *contexts = calloc(1, sizeof *contexts);
	struct tls_names *names = calloc(1, sizeof *names);
	bool ok = contexts && names && set->count > 0;

	ERR_clear_error();
	for (size_t i = 0; ok && i < set->count; i++) {
		const struct certificate_entry *from = &set->entries[i];
		struct tls_name *entry = find_name(names, from->name);

		if (!entry)
			entry = add_name(library, names, from->name, policy);
		if (!entry)
			(void)refuse(why, from->name, "no context can be made for it");
		ok = entry && use_certificate(library, entry, from->chain, signer, why);
	}
	if (names && names->count > 0)
		contexts->preset = names->names[0].context;
	if (ok && hand_over(library, names))
		return contexts;
	if (contexts)
		SSL_CTX_free(contexts->preset);
	names_free(NULL, names, NULL, 0, 0, NULL);
	free(contexts);
	return NULL;
}

SSL_CTX *
tls_contexts_default(const struct tls_contexts *contexts)
{
	return contexts->preset;
}

void
tls_contexts_free(struct tls_contexts *contexts)
{
	if (!contexts)
		return;
	SSL_CTX_free(contexts->preset);
	free(contexts);
}
