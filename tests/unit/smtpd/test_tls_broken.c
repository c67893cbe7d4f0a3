/* smtpd/tls.c: handshakes and records that come to nothing, and the names that they get.
 * On failure: cmocka names the line.
 */
#include "tests/unit/smtpd/tls_stream_fixture.h"

static void
assert_why(struct pair *pair, const char *reason, const char *detail)
{
	struct tls_failure why = tls_why(pair->server);

	assert_int_equal(pair->result, TLS_BROKEN);
	assert_string_equal(why.reason, reason);
	assert_string_equal(why.detail, detail);
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
	ERR_clear_error();
	assert_int_not_equal(SSL_do_handshake(pair->client), 1);
	assert_int_equal(ERR_GET_REASON(ERR_peek_last_error()), SSL_R_NO_RENEGOTIATION);
	ERR_clear_error();
	assert_text(pair, SPAN(""));
	drop_pair(pair);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_tls_is_named),
		cmocka_unit_test(the_oldest_hello_is_refused),
		cmocka_unit_test(nothing_in_common_is_named),
		cmocka_unit_test(an_alert_is_named),
		cmocka_unit_test(a_changed_record_breaks_it),
		cmocka_unit_test(garbage_after_the_handshake_breaks_it),
		cmocka_unit_test(a_new_handshake_inside_is_refused),
	};

	return cmocka_run_group_tests(tests, make_shared, drop_shared);
}
