/* Records of TLS 1.3 (RFC 8446 §5): protected with AES-GCM, in one direction each.
 *
 * Trust: the server is ours, on loopback.
 * On failure: an enum; load_die() when libcrypto itself fails.
 */
#ifndef TIDEGATE_TESTS_BENCH_LOAD_RECORDS_H
#define TIDEGATE_TESTS_BENCH_LOAD_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#include "tests/bench/load_secrets.h"

struct evp_cipher_ctx_st;

enum { LOAD_RECORD_HEAD = 5, LOAD_RECORD_TEXT = 16384, LOAD_RECORD_BYTES = LOAD_RECORD_HEAD + LOAD_RECORD_TEXT + 256 };
enum load_record_type { LOAD_CHANGE_CIPHER = 20, LOAD_ALERT = 21, LOAD_HANDSHAKE = 22, LOAD_APPLICATION = 23 };

/* One direction of a connection. */
struct load_seal {
	struct evp_cipher_ctx_st *cipher; /* NULL: in clear */
	uint8_t nonce[LOAD_NONCE_BYTES];
	uint64_t sequence;
};

/* From now on the records of this direction are protected under this traffic secret; in one direction to seal, in the
 * other to open. */
void load_seal_begin(struct load_seal *seal, const struct load_suite *suite, const uint8_t *secret, int seals);
void load_seal_free(struct load_seal *seal);
/* Writes a record with this content to `record`, which has room for LOAD_RECORD_BYTES; its length. */
size_t load_seal_close(
    struct load_seal *seal, enum load_record_type type, const void *content, size_t length, uint8_t *record);
/* Opens a whole record in place: its content stands behind the head, *length bytes, of the type returned; -1 when it
 * does not open. */
int load_seal_open(struct load_seal *seal, uint8_t *record, size_t *length);

#endif
