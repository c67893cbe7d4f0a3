/* The key schedule of TLS 1.3 (RFC 8446 §7.1) for the one suite that the load generator speaks: SHA-384, AES-256-GCM.
 *
 * Trust: the server is ours; secrets are not wiped, since nothing secret is sent.
 * On failure: load_die(), when libcrypto has no memory or lacks the algorithms.
 */
#ifndef TIDEGATE_TESTS_BENCH_LOAD_SECRETS_H
#define TIDEGATE_TESTS_BENCH_LOAD_SECRETS_H

#include <stdint.h>

enum { LOAD_HASH_BYTES = 48, LOAD_KEY_BYTES = 32, LOAD_NONCE_BYTES = 12, LOAD_SHARED_BYTES = 32 };

struct load_secrets {
	uint8_t chain[LOAD_HASH_BYTES];  /* what the next stage is made from */
	uint8_t client[LOAD_HASH_BYTES]; /* the traffic secrets of this stage */
	uint8_t server[LOAD_HASH_BYTES];
};

/* The stage of the handshake, from what the key shares agree on and the hash of both hellos. */
void load_secrets_of_handshake(
    struct load_secrets *secrets, const uint8_t shared[LOAD_SHARED_BYTES], const uint8_t hellos[LOAD_HASH_BYTES]);
/* The stage of application data, from the one before and the hash of all up to the server's Finished. */
void load_secrets_of_application(struct load_secrets *secrets, const uint8_t transcript[LOAD_HASH_BYTES]);
/* What protects records under a traffic secret (§7.3). */
void load_secrets_traffic_key(
    const uint8_t secret[LOAD_HASH_BYTES], uint8_t key[LOAD_KEY_BYTES], uint8_t nonce[LOAD_NONCE_BYTES]);
/* The content of a Finished (§4.4.4). */
void load_secrets_finished(const uint8_t secret[LOAD_HASH_BYTES], const uint8_t transcript[LOAD_HASH_BYTES],
    uint8_t finished[LOAD_HASH_BYTES]);

#endif
