/* The bytes of one client connection: in clear, or under TLS after STARTTLS, by the client of load_tls.h or by that of
 * OpenSSL.
 *
 * Trust: the server is ours, on loopback; its certificate is not looked at.
 * On failure: an enum or a length; a client that cannot make TLS at all ends by load_die().
 */
#ifndef TIDEGATE_TESTS_BENCH_LOAD_CHANNEL_H
#define TIDEGATE_TESTS_BENCH_LOAD_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "tests/bench/load_tls.h"

struct ssl_st;

struct load_channel {
	int fd;
	struct load_tls *tls; /* at most one of the two; both NULL: in clear */
	struct ssl_st *openssl;
};

/* A connection to load_options.server that is on its way. The channel is all zero before. */
void load_channel_open(struct load_channel *channel);
/* From now on under TLS, as load_options say; the handshake comes first. */
void load_channel_begin_tls(struct load_channel *channel);
bool load_channel_is_clear(const struct load_channel *channel);
/* A step of the handshake; what it waits for. */
enum load_step load_channel_handshake(struct load_channel *channel);
/* Bytes written or read; 0 is the end, -1 with EAGAIN when there is nothing to be had now. Under TLS one piece at a
 * time. */
ssize_t load_channel_send(struct load_channel *channel, struct iovec *pieces, size_t count);
ssize_t load_channel_receive(struct load_channel *channel, char *bytes, size_t room);
void load_channel_close(struct load_channel *channel);

#endif
