/* The channel of tests/bench/load_channel.h.
 *
 * On failure: see there.
 */
#include "tests/bench/load_channel.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/load_session.h"

static void
bind_source(int fd)
{
	static unsigned turn;
	struct sockaddr_in source = { .sin_family = AF_INET };
	int one = 1;

	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
	source.sin_addr.s_addr = htonl(0x7f000101u + turn++ % (unsigned)load_options.sources);
	if (bind(fd, (struct sockaddr *)&source, sizeof source) < 0)
		load_die("bind: %s", strerror(errno));
}

void
load_channel_open(struct load_channel *channel)
{
	const struct sockaddr *server = (const struct sockaddr *)&load_options.server;
	int one = 1;

	channel->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (channel->fd < 0)
		load_die("socket: %s", strerror(errno));
	(void)setsockopt(channel->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (load_options.sources > 1)
		bind_source(channel->fd);
	if (connect(channel->fd, server, sizeof load_options.server) < 0 && errno != EINPROGRESS)
		load_die("connect: %s", strerror(errno));
}

/* Where nobody looks at the certificate its chain need not be verified either: the CPU is the server's to use. */
static int
accept_any(X509_STORE_CTX *chain, void *argument)
{
	(void)chain;
	(void)argument;
	return 1;
}

static SSL_CTX *
context(void)
{
	static SSL_CTX *made;

	if (made)
		return made;
	made = SSL_CTX_new(TLS_client_method());
	if (!made)
		load_die("OpenSSL makes no client");
	(void)SSL_CTX_set_mode(
	    made, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_cert_verify_callback(made, accept_any, NULL);
	/* Each connection pays for a whole handshake, as strangers do. */
	(void)SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF);
	return made;
}

void
load_channel_begin_tls(struct load_channel *channel)
{
	if (!load_options.uses_openssl) {
		channel->tls = load_tls_new(channel->fd);
		return;
	}
	channel->openssl = SSL_new(context());
	if (!channel->openssl || SSL_set_fd(channel->openssl, channel->fd) != 1)
		load_die("no memory for TLS");
	SSL_set_connect_state(channel->openssl);
}

bool
load_channel_is_clear(const struct load_channel *channel)
{
	return !channel->tls && !channel->openssl;
}

enum load_step
load_channel_handshake(struct load_channel *channel)
{
	if (channel->tls)
		return load_tls_handshake(channel->tls);
	int result = SSL_do_handshake(channel->openssl);
	if (result == 1)
		return LOAD_DONE;
	int error = SSL_get_error(channel->openssl, result);
	if (error == SSL_ERROR_WANT_READ)
		return LOAD_READS;
	return error == SSL_ERROR_WANT_WRITE ? LOAD_WRITES : LOAD_FAILED;
}

/* What a call of OpenSSL has come to, in the words of send() and recv(). */
static ssize_t
outcome(struct load_channel *channel, int result)
{
	if (result > 0)
		return result;
	int error = SSL_get_error(channel->openssl, result);
	if (error == SSL_ERROR_ZERO_RETURN)
		return 0;
	errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
	return -1;
}

ssize_t
load_channel_send(struct load_channel *channel, struct iovec *pieces, size_t count)
{
	struct msghdr message = { .msg_iov = pieces, .msg_iovlen = count };

	if (channel->tls)
		return load_tls_send(channel->tls, pieces[0].iov_base, pieces[0].iov_len);
	if (channel->openssl)
		return outcome(channel, SSL_write(channel->openssl, pieces[0].iov_base, (int)pieces[0].iov_len));
	return sendmsg(channel->fd, &message, MSG_NOSIGNAL);
}

ssize_t
load_channel_receive(struct load_channel *channel, char *bytes, size_t room)
{
	if (channel->tls)
		return load_tls_receive(channel->tls, bytes, room);
	if (channel->openssl)
		return outcome(channel, SSL_read(channel->openssl, bytes, (int)room));
	return recv(channel->fd, bytes, room, 0);
}

void
load_channel_close(struct load_channel *channel)
{
	load_tls_free(channel->tls);
	SSL_free(channel->openssl);
	(void)close(channel->fd);
	*channel = (struct load_channel){ .fd = -1 };
}
