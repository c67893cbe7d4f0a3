/* A client's side of TLS 1.3 (RFC 8446) that costs as little as may be: X25519, and the suites with AES in the order of
 * OpenSSL's client. A whole handshake each, whose Finished is checked; the certificate is not looked at, and the key
 * share is made once and used for all. Why: docs/adr/0024-a-client-that-costs-little.md.
 *
 * Trust: the server is ours, on loopback. Never for anything but load.
 * On failure: an enum or a length; load_die() when libcrypto itself fails.
 */
#ifndef TIDEGATE_TESTS_BENCH_LOAD_TLS_H
#define TIDEGATE_TESTS_BENCH_LOAD_TLS_H

#include <stddef.h>
#include <sys/types.h>

enum load_step { LOAD_DONE, LOAD_READS, LOAD_WRITES, LOAD_FAILED };

struct load_tls;

/* On a connected socket, which stays the caller's. */
struct load_tls *load_tls_new(int fd);
void load_tls_free(struct load_tls *tls);
/* A step of the handshake; what it waits for. */
enum load_step load_tls_handshake(struct load_tls *tls);
/* As send(): once it has said EAGAIN it wants the same bytes again. */
ssize_t load_tls_send(struct load_tls *tls, const void *bytes, size_t length);
/* As recv(); what comes at once must fit in the room. */
ssize_t load_tls_receive(struct load_tls *tls, char *bytes, size_t room);

#endif
