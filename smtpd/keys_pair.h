/* A certificate with its chain and its private key, as the administrator's files have them: read, compared, and used
 * to sign.
 *
 * Trust: the files are the administrator's, with an administrator's mistakes.
 * On failure: a verdict and a sentence on what is wrong; nothing of the key is left.
 */
#ifndef TIDEGATE_SMTPD_KEYS_PAIR_H
#define TIDEGATE_SMTPD_KEYS_PAIR_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "lib/buf.h"
#include "lib/ipc_messages.h"
#include "smtpd/keys_judge.h"
#include "smtpd/tls_provider.h"

struct keys_pair {
	EVP_PKEY *key; /* owned */
	enum keys_kind kind;
	unsigned char id[TLS_KEY_ID_BYTES];
};

/* What is told of a pair that was read. */
struct keys_facts {
	struct buf chain; /* DER, the server's own first; at most IPC_CHAIN_BYTES */
	uint64_t expires; /* of the server's own certificate, seconds since 1970 */
	struct buf why;   /* unless PAIR_TAKEN */
};

/* Reads both (PEM). What is no certificate in the chain's file, or no key in the key's, is passed over, so that one
 * file may hold both. */
enum pair_verdict keys_pair_read(struct keys_pair *pair, struct span chain, struct span key, struct keys_facts *facts);
void keys_pair_free(struct keys_pair *pair);
/* Signs without asking what. False: OpenSSL's queue says why. */
bool keys_pair_sign(const struct keys_pair *pair, const struct keys_scheme *scheme, struct span input,
    unsigned char signature[static TLS_SIGNATURE_BYTES], size_t *length);

#endif
