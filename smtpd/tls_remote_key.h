/* The parts of smtpd/tls_provider.h: a key whose private part is elsewhere, and its functions as OpenSSL calls them.
 *
 * Trust: see smtpd/tls_provider.h.
 * On failure: 0 or NULL, with an error in OpenSSL's queue.
 */
#ifndef TIDEGATE_SMTPD_TLS_REMOTE_KEY_H
#define TIDEGATE_SMTPD_TLS_REMOTE_KEY_H

#include <openssl/core_dispatch.h>

#include "smtpd/tls_provider.h"

#define TLS_REMOTE_SIGNER "tidegate-signer" /* the parameter that names a key's signer */
/* clang-format off */
#define TLS_REMOTE_FUNCTION(number, function) { (number), (void (*)(void))(function) }
/* clang-format on */

struct remote_key {
	OSSL_LIB_CTX *library;
	const char *type;      /* "EC" or "RSA" */
	EVP_PKEY *public_part; /* the default provider's; NULL until imported */
	const struct tls_signer *signer;
	unsigned char id[TLS_KEY_ID_BYTES];
};

/* Key management (smtpd/tls_remote_key.c). */
extern const OSSL_DISPATCH tls_remote_functions_ec[];
extern const OSSL_DISPATCH tls_remote_functions_rsa[];
/* Signatures (smtpd/tls_remote_sign.c). */
extern const OSSL_DISPATCH tls_remote_functions_sign[];

#endif
