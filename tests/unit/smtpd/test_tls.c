/* smtpd/tls.c against OpenSSL's own client, both in memory: every byte between them can be held, cut or changed.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <malloc.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "lib/bug.h"
#include "smtpd/tls.h"

enum { TEXT_BYTES = 1 << 20, BUDGET_BYTES = 1 << 22, MEASURED = 50 };

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

/* --- both ends --- */

static X509 *
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

static int
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

static int
drop_shared(void **unused)
{
	(void)unused;
	SSL_CTX_free(shared.server);
	SSL_CTX_free(shared.client);
	tls_ground_end(&shared.ground);
	return 0;
}

static struct pair *
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

static void
drop_client(struct pair *pair)
{
	SSL_free(pair->client);
	pair->client = NULL;
}

static void
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

static void
feed(struct pair *pair, struct span bytes)
{
	size_t length;

	pair->result = tls_feed(pair->server, bytes, shared.text, &length, &pair->wire);
	buf_append(&pair->text, span_make(shared.text, length));
}

/* What the client has written and the server not read. */
static struct span
written(struct pair *pair)
{
	char *bytes;
	long length = BIO_get_mem_data(pair->from_client, &bytes);

	return span_make(bytes, (size_t)length);
}

/* All that the client has written reaches the server, in pieces of so many bytes. */
static void
to_server(struct pair *pair, size_t piece)
{
	while (written(pair).length && pair->result == TLS_GOES_ON) {
		char bytes[TLS_RECORD_BYTES];
		int length = BIO_read(pair->from_client, bytes, (int)(piece < sizeof bytes ? piece : sizeof bytes));

		feed(pair, span_make(bytes, (size_t)length));
	}
}

static void
to_client(struct pair *pair)
{
	if (pair->wire.length)
		(void)BIO_write(pair->to_client, pair->wire.data, (int)pair->wire.length);
	buf_reset(&pair->wire);
}

static void
shake_hands(struct pair *pair, size_t piece)
{
	for (int round = 0; round < 6 && pair->result == TLS_GOES_ON; round++) {
		(void)SSL_do_handshake(pair->client);
		to_server(pair, piece);
		to_client(pair);
	}
}

/* Both ends of a version, up. */
static struct pair *
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

static void
client_says(struct pair *pair, struct span text)
{
	size_t done;

	assert_int_equal(SSL_write_ex(pair->client, text.data, text.length, &done), 1);
}

static void
assert_why(struct pair *pair, const char *reason, const char *detail)
{
	struct tls_failure why = tls_why(pair->server);

	assert_int_equal(pair->result, TLS_BROKEN);
	assert_string_equal(why.reason, reason);
	assert_string_equal(why.detail, detail);
}

static void
assert_text(struct pair *pair, struct span expected)
{
	assert_true(span_equal(buf_span(&pair->text), expected));
}

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

/* --- tests --- */

static void
text_goes_both_ways(void **unused)
{
	char heard[64];

	(void)unused;
	for (size_t i = 0; i < 2; i++) {
		for (size_t piece = 1; piece <= TLS_RECORD_BYTES; piece += TLS_RECORD_BYTES - 1) {
			struct pair *pair = joined(versions[i], piece);
			struct tls_facts facts = tls_agreed(pair->server);

			assert_true(facts.is_on);
			assert_true(span_equal(facts.version, i ? SPAN("TLSv1.3") : SPAN("TLSv1.2")));
			assert_true(span_equal(facts.cipher,
			    i ? SPAN("TLS_AES_256_GCM_SHA384") : SPAN("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384")));
			assert_true(span_equal(facts.sni, SPAN("mx.example.org")));
			client_says(pair, SPAN("NOOP\r\n"));
			client_says(pair, SPAN("QUIT\r\n"));
			to_server(pair, piece);
			assert_text(pair, SPAN("NOOP\r\nQUIT\r\n"));
			assert_true(tls_seal(pair->server, SPAN("221 \r\n"), &pair->wire));
			to_client(pair);
			assert_int_equal(SSL_read(pair->client, heard, sizeof heard), 6);
			drop_pair(pair);
		}
	}
}

/* In TLS 1.3 a client's last message of the handshake and its first text leave together. */
static void
what_follows_the_handshake_at_once_is_taken(void **unused)
{
	struct pair *pair = new_pair();

	(void)unused;
	(void)SSL_do_handshake(pair->client);
	to_server(pair, SIZE_MAX);
	to_client(pair);
	assert_int_equal(SSL_do_handshake(pair->client), 1);
	client_says(pair, SPAN("EHLO client.example\r\n"));
	(void)SSL_shutdown(pair->client);
	to_server(pair, SIZE_MAX);
	assert_true(tls_is_up(pair->server));
	assert_text(pair, SPAN("EHLO client.example\r\n"));
	assert_int_equal(pair->result, TLS_ENDED);
	drop_pair(pair);
}

static void
long_text_comes_out_as_it_went_in(void **unused)
{
	char *text = malloc(TEXT_BYTES);
	char *heard = malloc(TEXT_BYTES);
	struct pair *pair = joined(TLS1_3_VERSION, SIZE_MAX);
	size_t got;

	(void)unused;
	assert_true(text && heard);
	for (size_t i = 0; i < TEXT_BYTES; i++)
		text[i] = (char)(i * 2654435761u >> 13);
	client_says(pair, span_make(text, TEXT_BYTES));
	to_server(pair, 7919);
	assert_text(pair, span_make(text, TEXT_BYTES));
	assert_true(tls_seal(pair->server, span_make(text, TEXT_BYTES), &pair->wire));
	to_client(pair);
	for (size_t done = 0; done < TEXT_BYTES; done += got)
		assert_int_equal(SSL_read_ex(pair->client, heard + done, TEXT_BYTES - done, &got), 1);
	assert_memory_equal(heard, text, TEXT_BYTES);
	drop_pair(pair);
	free(text);
	free(heard);
}

/* Two replies that leave together are one record. */
static void
what_is_said_at_once_is_one_record(void **unused)
{
	struct pair *pair = joined(TLS1_3_VERSION, SIZE_MAX);
	static const struct span replies = SPAN("250 2.0.0 Delivered\r\n221 2.0.0 closes\r\n");

	(void)unused;
	assert_true(tls_seal(pair->server, replies, &pair->wire));
	unsigned length = (unsigned)(unsigned char)pair->wire.data[3] << 8 | (unsigned char)pair->wire.data[4];
	assert_int_equal(pair->wire.length, 5 + length);
	assert_in_range(length, replies.length, replies.length + 17);
	drop_pair(pair);
}

static void
an_end_is_said_once(void **unused)
{
	struct pair *pair = joined(TLS1_2_VERSION, SIZE_MAX);
	char heard[8];

	(void)unused;
	tls_end(pair->server, &pair->wire);
	assert_int_not_equal(pair->wire.length, 0);
	to_client(pair);
	assert_int_equal(SSL_read(pair->client, heard, sizeof heard), 0);
	assert_int_equal(SSL_get_error(pair->client, 0), SSL_ERROR_ZERO_RETURN);
	tls_end(pair->server, &pair->wire);
	assert_int_equal(pair->wire.length, 0);
	assert_false(tls_seal(pair->server, SPAN("250\r\n"), &pair->wire));
	drop_pair(pair);
}

static void
the_clients_end_is_an_end(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < 2; i++) {
		struct pair *pair = joined(versions[i], SIZE_MAX);

		client_says(pair, SPAN("QUIT\r\n"));
		(void)SSL_shutdown(pair->client);
		to_server(pair, SIZE_MAX);
		assert_int_equal(pair->result, TLS_ENDED);
		assert_text(pair, SPAN("QUIT\r\n"));
		assert_true(tls_seal(pair->server, SPAN("221\r\n"), &pair->wire));
		drop_pair(pair);
	}
}

static void
what_is_no_tls_is_named(void **unused)
{
	static const struct {
		struct span sent;
		const char *reason;
		const char *detail;
		bool is_shown;
	} cases[] = {
		{ SPAN("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "http-request", "http request", true },
		{ SPAN("CONNECT a:25 HTTP/1.1\r\n"), "http-request", "https proxy request", true },
		{ SPAN("EHLO client.example\r\n"), "plain-text", "wrong version number", true },
		{ { "\0\0\0\0\0\0\0\0\0\0\0\0", 12 }, "protocol", "wrong version number", false },
		{ { "\x16\x03\x01\x48\x48xxxxxxxxxxxx", 17 }, "protocol", "packet length too long", false },
		{ { "\x17\x03\x03\x00\x03xyz", 8 }, "protocol", "unexpected message", false },
		{ { "\x15\x03\x01\x00\x02\x02\x30", 7 }, "protocol", "unexpected message", false },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pair *pair = new_pair();

		feed(pair, cases[i].sent);
		assert_why(pair, cases[i].reason, cases[i].detail);
		assert_int_equal(tls_why(pair->server).sent.length, cases[i].is_shown ? cases[i].sent.length : 0);
		assert_false(tls_seal(pair->server, SPAN("250\r\n"), &pair->wire));
		feed(pair, SPAN("more"));
		assert_int_equal(pair->result, TLS_BROKEN);
		drop_pair(pair);
	}
}

/* SSL 2, as of 1995: with nothing newer in it. */
static void
the_oldest_hello_is_refused(void **unused)
{
	static const char hello[] =
	    "\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\x01\x00\x80\x02\x00\x80\x03\x00\x80\x04"
	    "\x00\x80\x05\x00\x80\x06\x00\x40\x07\x00\xc0xxxxxxxxxxxxxxxx";
	struct pair *pair = new_pair();

	(void)unused;
	feed(pair, span_make(hello, sizeof hello - 1));
	assert_int_equal(pair->result, TLS_BROKEN);
	assert_string_equal(tls_why(pair->server).reason, "protocol");
	drop_pair(pair);
}

static void
nothing_in_common_is_named(void **unused)
{
	struct pair *pair = new_pair();

	(void)unused;
	(void)SSL_set_max_proto_version(pair->client, TLS1_1_VERSION);
	shake_hands(pair, SIZE_MAX);
	assert_why(pair, "no-shared-version", "unsupported protocol");
	drop_pair(pair);
	pair = new_pair();
	(void)SSL_set_max_proto_version(pair->client, TLS1_2_VERSION);
	(void)SSL_set_cipher_list(pair->client, "ECDHE-RSA-AES128-GCM-SHA256");
	shake_hands(pair, SIZE_MAX);
	assert_why(pair, "no-shared-cipher", "no shared cipher");
	drop_pair(pair);
}

/* A client that does not believe the certificate. */
static void
an_alert_is_named(void **unused)
{
	struct pair *pair = new_pair();

	(void)unused;
	SSL_set_verify(pair->client, SSL_VERIFY_PEER, NULL);
	shake_hands(pair, SIZE_MAX);
	assert_why(pair, "alert", "unknown CA");
	assert_false(tls_is_up(pair->server));
	drop_pair(pair);
}

/* Text before a record that was changed on the way stands; the record does not. */
static void
a_changed_record_breaks_it(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < 2; i++) {
		struct pair *pair = joined(versions[i], SIZE_MAX);
		char bytes[256];

		client_says(pair, SPAN("NOOP\r\n"));
		to_server(pair, SIZE_MAX);
		client_says(pair, SPAN("MAIL FROM:<>\r\n"));
		size_t length = (size_t)BIO_read(pair->from_client, bytes, sizeof bytes);
		bytes[length - 1] ^= 1;
		feed(pair, span_make(bytes, length));
		assert_why(pair, "protocol", "decryption failed or bad record mac");
		assert_text(pair, SPAN("NOOP\r\n"));
		assert_int_not_equal(pair->wire.length, 0);
		drop_pair(pair);
	}
}

static void
garbage_after_the_handshake_breaks_it(void **unused)
{
	struct pair *pair = joined(TLS1_3_VERSION, SIZE_MAX);

	(void)unused;
	feed(pair, SPAN("RSET\r\nMAIL FROM:<>\r\n"));
	assert_why(pair, "protocol", "wrong version number");
	assert_int_equal(tls_why(pair->server).sent.length, 0);
	assert_text(pair, SPAN(""));
	drop_pair(pair);
}

/* TLS 1.2 could begin a new handshake inside of the old one. */
static void
a_new_handshake_inside_is_refused(void **unused)
{
	struct pair *pair = joined(TLS1_2_VERSION, SIZE_MAX);

	(void)unused;
	assert_int_equal(SSL_renegotiate(pair->client), 1);
	(void)SSL_do_handshake(pair->client);
	to_server(pair, SIZE_MAX);
	assert_int_equal(pair->result, TLS_GOES_ON);
	to_client(pair);
	assert_int_not_equal(SSL_do_handshake(pair->client), 1);
	assert_text(pair, SPAN(""));
	drop_pair(pair);
}

/* The server answers by itself, behind what it has said. */
static void
keys_can_be_renewed(void **unused)
{
	struct pair *pair = joined(TLS1_3_VERSION, SIZE_MAX);
	char heard[16];

	(void)unused;
	assert_int_equal(SSL_key_update(pair->client, SSL_KEY_UPDATE_REQUESTED), 1);
	client_says(pair, SPAN("NOOP\r\n"));
	to_server(pair, 3);
	assert_text(pair, SPAN("NOOP\r\n"));
	assert_true(tls_seal(pair->server, SPAN("250\r\n"), &pair->wire));
	to_client(pair);
	assert_int_equal(SSL_read(pair->client, heard, sizeof heard), 5);
	drop_pair(pair);
}

static void
a_part_of_a_record_is_known_and_paid(void **unused)
{
	struct pair *pair = joined(TLS1_3_VERSION, SIZE_MAX);

	(void)unused;
	assert_false(tls_is_inside_record(pair->server));
	assert_int_equal(shared.budget.used_bytes, TLS_IDLE_BYTES);
	client_says(pair, SPAN("NOOP\r\n"));
	struct span record = written(pair);
	feed(pair, span_take(record, record.length - 1));
	assert_true(tls_is_inside_record(pair->server));
	assert_int_equal(shared.budget.used_bytes, TLS_IDLE_BYTES + TLS_RECORD_BYTES);
	feed(pair, span_skip(record, record.length - 1));
	assert_int_equal(shared.budget.used_bytes, TLS_IDLE_BYTES);
	assert_text(pair, SPAN("NOOP\r\n"));
	drop_pair(pair);
}

static void
without_budget_there_is_no_stream(void **unused)
{
	struct pair *pair = joined(TLS1_3_VERSION, SIZE_MAX);

	(void)unused;
	/* A newcomer leaves an eighth to those under way. */
	shared.budget.limit_bytes = (TLS_IDLE_BYTES + TLS_HANDSHAKE_BYTES - 1) / 7 * 8;
	assert_null(tls_new(&shared.ground, shared.server));
	shared.budget.limit_bytes = TLS_IDLE_BYTES;
	client_says(pair, SPAN("NOOP\r\n"));
	feed(pair, span_take(written(pair), 7));
	assert_int_equal(pair->result, TLS_NO_MEMORY);
	/* It can still say so. */
	assert_true(tls_seal(pair->server, SPAN("421\r\n"), &pair->wire));
	drop_pair(pair);
}

static void
the_price_of_an_idle_stream_is_true(void **unused)
{
	static struct pair *pairs[MEASURED];

	(void)unused;
	size_t before = mallinfo2().uordblks;
	for (size_t i = 0; i < MEASURED; i++) {
		pairs[i] = joined(TLS1_3_VERSION, SIZE_MAX);
		drop_client(pairs[i]);
		buf_free(&pairs[i]->wire);
		buf_free(&pairs[i]->text);
	}
	size_t after = mallinfo2().uordblks;
	print_message("an idle stream holds %zu bytes\n", (after - before) / MEASURED);
	/* The sanitizers' malloc is not libc's, and does not count. */
	if (after > 0)
		assert_in_range((after - before) / MEASURED, 1, TLS_IDLE_BYTES);
	for (size_t i = 0; i < MEASURED; i++) {
		tls_free(pairs[i]->server);
		free(pairs[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_goes_both_ways),
		cmocka_unit_test(what_follows_the_handshake_at_once_is_taken),
		cmocka_unit_test(long_text_comes_out_as_it_went_in),
		cmocka_unit_test(what_is_said_at_once_is_one_record),
		cmocka_unit_test(an_end_is_said_once),
		cmocka_unit_test(the_clients_end_is_an_end),
		cmocka_unit_test(what_is_no_tls_is_named),
		cmocka_unit_test(the_oldest_hello_is_refused),
		cmocka_unit_test(nothing_in_common_is_named),
		cmocka_unit_test(an_alert_is_named),
		cmocka_unit_test(a_changed_record_breaks_it),
		cmocka_unit_test(garbage_after_the_handshake_breaks_it),
		cmocka_unit_test(a_new_handshake_inside_is_refused),
		cmocka_unit_test(keys_can_be_renewed),
		cmocka_unit_test(a_part_of_a_record_is_known_and_paid),
		cmocka_unit_test(without_budget_there_is_no_stream),
		cmocka_unit_test(the_price_of_an_idle_stream_is_true),
	};

	return cmocka_run_group_tests(tests, make_shared, drop_shared);
}
