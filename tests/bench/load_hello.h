/* The two hellos of TLS 1.3 (RFC 8446 §4.1): what the load generator offers, and what the server has chosen of it.
 *
 * Trust: the server is ours. The key share is made once and used for all: what servers compute is the same.
 * On failure: NULL for an answer that was not offered; load_die() when libcrypto itself fails.
 */
#ifndef TIDEGATE_TESTS_BENCH_LOAD_HELLO_H
#define TIDEGATE_TESTS_BENCH_LOAD_HELLO_H

#include "tests/bench/load_secrets.h"

enum { LOAD_HELLO_BYTES = 156 };

/* Writes a ClientHello, with a session id, so that a change of cipher follows, as OpenSSL's client has them (appendix
 * D.4). */
void load_hello_write(uint8_t hello[LOAD_HELLO_BYTES]);
/* Reads a ServerHello: the suite, and what the two key shares agree on. */
const struct load_suite *load_hello_answer(const uint8_t *message, size_t length, uint8_t shared[LOAD_SHARED_BYTES]);

#endif
