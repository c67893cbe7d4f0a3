/* smtpd/tls.c fed with any bytes in any pieces, before the handshake, in the middle of it and behind it: what it takes
 * it gives back or keeps, it stays broken once it is, it says nothing in the clear, and it gives all its memory back.
 *
 * The first byte chooses how far an honest client has come before; then each piece is a length and its bytes.
 */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/bug.h"
#include "smtpd/tls.h"

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WIRE_BYTES = 1 << 20, BUDGET_BYTES = 1 << 20 };

static SSL_CTX *server_context;
static SSL_CTX *client_context;
static struct budget budget;
static struct tls_ground ground;
static char text[UINT8_MAX + 3 * TLS_RECORD_BYTES];

int
LLVMFuzzerInitialize(int *count, char ***arguments)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();

	(void)count;
	(void)arguments;
	(void)ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	(void)X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	(void)X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
	(void)X509_set_pubkey(certificate, key);
	(void)X509_sign(certificate, key, EVP_sha256());
	server_context = SSL_CTX_new(TLS_server_method());
	client_context = SSL_CTX_new(TLS_client_method());
	if (!tls_ground_begin(&ground, &budget) || SSL_CTX_use_certificate(server_context, certificate) != 1 ||
	    SSL_CTX_use_PrivateKey(server_context, key) != 1)
		BUG("OpenSSL cannot be used");
	(void)SSL_CTX_set_num_tickets(server_context, 0);
	budget.limit_bytes = BUDGET_BYTES;
	X509_free(certificate);
	EVP_PKEY_free(key);
	return 0;
}

static enum tls_result
feed(struct tls *tls, struct span bytes, struct buf *wire)
{
	size_t length;
	enum tls_result result = tls_feed(tls, bytes, text, &length, wire);

	if (length > bytes.length + TLS_RECORD_BYTES)
		BUG("more text came out than went in");
	if (length && !tls_is_up(tls))
		BUG("text came before the handshake was done");
	return result;
}

/* So many flights of an honest client. */
static void
come_to(struct tls *tls, unsigned flights, int version, struct buf *wire)
{
	SSL *client = SSL_new(client_context);
	BIO *in = BIO_new(BIO_s_mem());
	BIO *out = BIO_new(BIO_s_mem());

	BIO_set_mem_eof_return(in, -1);
	BIO_set_mem_eof_return(out, -1);
	SSL_set_bio(client, in, out);
	SSL_set_connect_state(client);
	(void)SSL_set_max_proto_version(client, version);
	for (unsigned i = 0; i < flights; i++) {
		char *bytes;

		(void)SSL_do_handshake(client);
		long length = BIO_get_mem_data(out, &bytes);
		if (feed(tls, span_make(bytes, (size_t)length), wire) != TLS_GOES_ON)
			BUG("an honest handshake failed");
		(void)BIO_reset(out);
		(void)BIO_write(in, wire->data, (int)wire->length);
		buf_reset(wire);
	}
	SSL_free(client);
}

static void
feed_pieces(struct tls *tls, struct span rest, struct buf *wire)
{
	bool is_broken = false;

	while (rest.length) {
		size_t length = (unsigned char)rest.data[0];
		struct span piece = span_take(span_skip(rest, 1), length);
		enum tls_result result = feed(tls, piece, wire);

		if (is_broken && result != TLS_BROKEN)
			BUG("a broken stream works again");
		is_broken = result == TLS_BROKEN;
		if (tls_seal(tls, SPAN("250 ok\r\n"), wire) != (tls_is_up(tls) && !is_broken))
			BUG("something was said that could not be, or the other way round");
		rest = span_skip(rest, piece.length + 1);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf wire = BUF_LIMIT(WIRE_BYTES);
	struct tls *tls = tls_new(&ground, server_context);

	if (!tls)
		BUG("no memory");
	if (size) {
		come_to(tls, data[0] & 3, data[0] & 4 ? TLS1_2_VERSION : TLS1_3_VERSION, &wire);
		feed_pieces(tls, span_make((const char *)data + 1, size - 1), &wire);
	}
	tls_end(tls, &wire);
	if (memmem(wire.data ? wire.data : "", wire.length, "250 ok", 6))
		BUG("a reply is on the wire in the clear");
	tls_free(tls);
	if (budget.used_bytes)
		BUG("a stream that has gone is still paid for");
	buf_free(&wire);
	ERR_clear_error();
	return 0;
}
