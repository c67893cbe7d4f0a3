/* The key schedule of TLS 1.3 (RFC 8446 §7.1) for the suites that the load generator speaks. Hashes and secrets are as
 * long as the suite's hash.
 *
 * Trust: the server is ours; secrets are not wiped, since nothing secret is sent.
 * On failure: load_die(), when libcrypto has no memory or lacks the algorithms.
 */
#ifndef TIDEGATE_TESTS_BENCH_LOAD_SECRETS_H
#define TIDEGATE_TESTS_BENCH_LOAD_SECRETS_H

#include <stddef.h>
#include <stdint.h>

/* Of hashes and keys the longest. */
enum { LOAD_HASH_BYTES = 48, LOAD_KEY_BYTES = 32, LOAD_NONCE_BYTES = 12, LOAD_SHARED_BYTES = 32 };

struct load_suite {
	uint8_t code[2]; /* RFC 8446 appendix B.4 */
	const char *hash;
	size_t hash_bytes;
	const char *cipher;
	size_t key_bytes;
};

/* In the order in which OpenSSL's client offers them. */
enum { LOAD_SUITES = 2 };
extern const struct load_suite load_suites[LOAD_SUITES];

struct load_secrets {
	const struct load_suite *suite;
	uint8_t chain[LOAD_HASH_BYTES];  /* what the next stage is made from */
	uint8_t client[LOAD_HASH_BYTES]; /* the traffic secrets of this stage */
	uint8_t server[LOAD_HASH_BYTES];
};

/* The stage of the handshake under secrets->suite, from what the key shares agree on and the hash of both hellos. */
void load_secrets_of_handshake(
    struct load_secrets *secrets, const uint8_t shared[LOAD_SHARED_BYTES], const uint8_t *hellos);
/* The stage of application data, from the one before and the hash of all up to the server's Finished. */
void load_secrets_of_application(struct load_secrets *secrets, const uint8_t *transcript);
/* What protects records under a traffic secret (§7.3). */
void load_secrets_traffic_key(const struct load_suite *suite, const uint8_t *secret, uint8_t key[LOAD_KEY_BYTES],
    uint8_t nonce[LOAD_NONCE_BYTES]);
/* The content of a Finished (§4.4.4). */
void load_secrets_finished(const struct load_suite *suite, const uint8_t *secret, const uint8_t *transcript,
    uint8_t finished[LOAD_HASH_BYTES]);

#endif
