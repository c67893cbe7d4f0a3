/* What TLS sessions are made from: all certificates of one generation, found by the name a client asks for (SNI).
 *
 * TLS 1.2 and 1.3, with AEAD ciphers and forward secrecy; no renegotiation, no compression, no resumption (neither
 * tickets nor a cache: docs/adr/0015), no early data, no client certificates. The private keys are not here
 * (smtpd/tls_provider.h).
 *
 * A session that was begun keeps the contexts it began with; they go when the last such session does.
 *
 * Trust: certificates come from tidegate-keys by way of the master. A client chooses the name it asks for.
 * On failure: NULL, and why says what is wrong with which certificate.
 */
#ifndef TIDEGATE_SMTPD_TLS_CONTEXT_H
#define TIDEGATE_SMTPD_TLS_CONTEXT_H

#include <openssl/ssl.h>

#include "conf/config.h"
#include "lib/buf.h"
#include "lib/span.h"
#include "smtpd/certificate_set.h"
#include "smtpd/tls_provider.h"

/* OpenSSL's tables, and the providers. Made once, before the walls: afterwards no file can be read. */
struct tls_library;
struct tls_contexts;

/* NULL: OpenSSL's queue says why. */
struct tls_library *tls_library_open(void);
void tls_library_close(struct tls_library *library);

/* The contexts of a set (chains in DER), the first being the default. Two entries of one name are one ECDSA and one RSA
 * certificate for the same host. The caller's; library and signer must outlive them and all their sessions. */
struct tls_contexts *tls_contexts_new(const struct tls_library *library, const struct certificate_set *set,
    enum tls_policy policy, const struct tls_signer *signer, struct buf *why);
/* For SSL_new(); never NULL. A client that asks for another name is moved to that name's context. */
SSL_CTX *tls_contexts_default(const struct tls_contexts *contexts);
/* Sessions that run keep what they need. NULL is nothing. */
void tls_contexts_free(struct tls_contexts *contexts);

#endif
