/* An OpenSSL provider for private keys that are not here: the public part, and signatures that somebody else makes.
 *
 * OpenSSL believes that it has a key pair. What it wants signed is handed, whole and unhashed, with the TLS signature
 * scheme, to the key's signer (in smtpd: smtpd/keys_link.h, which asks tidegate-keys).
 *
 * Trust: called by OpenSSL with what OpenSSL made of a client's handshake. The signer judges what it signs.
 * On failure: OpenSSL's own: NULL or 0 with an error in its queue that says why; the handshake fails.
 */
#ifndef TIDEGATE_SMTPD_TLS_PROVIDER_H
#define TIDEGATE_SMTPD_TLS_PROVIDER_H

#include <openssl/evp.h>
#include <openssl/provider.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/span.h"

enum { TLS_KEY_ID_BYTES = 32, TLS_SIGNATURE_BYTES = 1024 /* RSA of 8192 bits */ };

/* Who signs. */
struct tls_signer {
	/* Signs input as the scheme says (a SignatureScheme of RFC 8446 4.2.3) with the key of that id, into signature,
	 * and returns its length. 0: it could not be had, and *why says the reason. */
	size_t (*sign)(void *context, struct span key_id, uint16_t scheme, struct span input,
	    unsigned char signature[static TLS_SIGNATURE_BYTES], const char **why);
	void *context;
};

/* Adds the provider to a library context in which OpenSSL's default provider is loaded, and has the default one
 * preferred everywhere else. The caller's, to be unloaded before the context is freed; NULL: OpenSSL's queue says why.
 */
OSSL_PROVIDER *tls_provider_load(OSSL_LIB_CTX *library);
/* A key that signs by signer, which must outlive it, and has this public part (EC or RSA). The caller's; NULL:
 * OpenSSL's queue says why. */
EVP_PKEY *tls_provider_key(OSSL_LIB_CTX *library, EVP_PKEY *public_part, const struct tls_signer *signer);
/* The name that a key has between smtpd and keys: SHA-256 of its SubjectPublicKeyInfo. */
bool tls_key_id(EVP_PKEY *key, unsigned char id[static TLS_KEY_ID_BYTES]);

#endif
