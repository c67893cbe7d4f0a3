/* smtpd/tls.c against OpenSSL's own client, both in memory: every byte between them can be held, cut or changed.
 * On failure: cmocka names the line.
 */
#ifndef TIDEGATE_TESTS_UNIT_SMTPD_TLS_STREAM_FIXTURE_H
#define TIDEGATE_TESTS_UNIT_SMTPD_TLS_STREAM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "lib/bug.h"
#include "smtpd/tls.h"

enum { TEXT_BYTES = 1 << 20, BUDGET_BYTES = 1 << 25 };

/* Both ends. What the client has written lies in from_client, what the server has in wire. */
struct pair {
	SSL *client;
	BIO *to_client;
	BIO *from_client;
	struct tls *server;
	struct buf wire;
	struct buf text; /* all that has come to the server */
	enum tls_result result;
};

static struct {
	SSL_CTX *server;
	SSL_CTX *client;
	struct budget budget;
	struct tls_ground ground;
	char text[TEXT_BYTES + TLS_RECORD_BYTES];
} shared;

static inline X509 *
make_certificate(EVP_PKEY *key)
{
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);

	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	(void)X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	(void)X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
	(void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"mx.example.org", -1, -1, 0);
	(void)X509_set_issuer_name(certificate, name);
	(void)X509_set_pubkey(certificate, key);
	(void)X509_sign(certificate, key, EVP_sha256());
	return certificate;
}

static inline int
make_shared(void **unused)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = make_certificate(key);

	(void)unused;
	if (!tls_ground_begin(&shared.ground, &shared.budget))
		return -1;
	shared.server = SSL_CTX_new(TLS_server_method());
	shared.client = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_security_level(shared.client, 0);
	(void)SSL_CTX_set_min_proto_version(shared.server, TLS1_2_VERSION);
	(void)SSL_CTX_set_min_proto_version(shared.client, TLS1_VERSION);
	(void)SSL_CTX_set_num_tickets(shared.server, 0);
	(void)SSL_CTX_set_options(shared.server, SSL_OP_NO_TICKET);
	(void)SSL_CTX_set_session_cache_mode(shared.server, SSL_SESS_CACHE_OFF);
	int is_made =
	    SSL_CTX_use_certificate(shared.server, certificate) == 1 && SSL_CTX_use_PrivateKey(shared.server, key) == 1;
	X509_free(certificate);
	EVP_PKEY_free(key);
	return is_made ? 0 : -1;
}

static inline int
drop_shared(void **unused)
{
	(void)unused;
	SSL_CTX_free(shared.server);
	SSL_CTX_free(shared.client);
	tls_ground_end(&shared.ground);
	return 0;
}

static inline struct pair *
new_pair(void)
{
	struct pair *pair = calloc(1, sizeof *pair);

	if (!pair)
		BUG("no memory");
	shared.budget.limit_bytes = BUDGET_BYTES;
	pair->wire = BUF_LIMIT(4 * TEXT_BYTES);
	pair->text = BUF_LIMIT(4 * TEXT_BYTES);
	pair->server = tls_new(&shared.ground, shared.server);
	assert_non_null(pair->server);
	pair->client = SSL_new(shared.client);
	pair->to_client = BIO_new(BIO_s_mem());
	pair->from_client = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(pair->to_client, -1);
	BIO_set_mem_eof_return(pair->from_client, -1);
	SSL_set_bio(pair->client, pair->to_client, pair->from_client);
	SSL_set_connect_state(pair->client);
	(void)SSL_set_tlsext_host_name(pair->client, "mx.example.org");
	return pair;
}

static inline void
drop_client(struct pair *pair)
{
	SSL_free(pair->client);
	pair->client = NULL;
}

static inline void
drop_pair(struct pair *pair)
{
	drop_client(pair);
	tls_free(pair->server);
	buf_free(&pair->wire);
	buf_free(&pair->text);
	free(pair);
	assert_int_equal(shared.budget.used_bytes, 0);
	ERR_clear_error();
}

static inline void
feed(struct pair *pair, struct span bytes)
{
	size_t length;

	pair->result = tls_feed(pair->server, bytes, shared.text, &length, &pair->wire);
	buf_append(&pair->text, span_make(shared.text, length));
}

/* What the client has written and the server not read. */
static inline struct span
written(struct pair *pair)
{
	char *bytes;
	long length = BIO_get_mem_data(pair->from_client, &bytes);

	return span_make(bytes, (size_t)length);
}

/* All that the client has written reaches the server, in pieces of so many bytes. */
static inline void
to_server(struct pair *pair, size_t piece)
{
	while (written(pair).length && pair->result == TLS_GOES_ON) {
		char bytes[TLS_RECORD_BYTES];
		int length = BIO_read(pair->from_client, bytes, (int)(piece < sizeof bytes ? piece : sizeof bytes));

		feed(pair, span_make(bytes, (size_t)length));
	}
}

static inline void
to_client(struct pair *pair)
{
	if (pair->wire.length)
		(void)BIO_write(pair->to_client, pair->wire.data, (int)pair->wire.length);
	buf_reset(&pair->wire);
}

static inline void
shake_hands(struct pair *pair, size_t piece)
{
	for (int round = 0; round < 6 && pair->result == TLS_GOES_ON; round++) {
		(void)SSL_do_handshake(pair->client);
		to_server(pair, piece);
		to_client(pair);
	}
}

/* Both ends of a version, up. */
static inline struct pair *
joined(int version, size_t piece)
{
	struct pair *pair = new_pair();

	(void)SSL_set_max_proto_version(pair->client, version);
	shake_hands(pair, piece);
	assert_int_equal(pair->result, TLS_GOES_ON);
	assert_true(tls_is_up(pair->server));
	assert_true(SSL_is_init_finished(pair->client));
	return pair;
}

static inline void
client_says(struct pair *pair, struct span text)
{
	size_t done;

	assert_int_equal(SSL_write_ex(pair->client, text.data, text.length, &done), 1);
}

static inline void
assert_text(struct pair *pair, struct span expected)
{
	assert_true(span_equal(buf_span(&pair->text), expected));
}

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

#endif
