/* smtpd/tls_context and smtpd/tls_provider: handshakes whose private key is elsewhere, the certificate that a name
 * gets, and what is never agreed on. On failure: cmocka names the line.
 */
#include <stdbool.h>

#include "tests/unit/smtpd/tls_fixture.h"

enum { ECDSA, RSA_PAIR, OTHER, WILD, PAIRS };

static struct pair pairs[PAIRS];
static struct tls_library *library;
static struct local_signer local;

static int
set_up(void **unused)
{
	(void)unused;
	library = tls_library_open();
	if (!library)
		return -1;
	pairs[ECDSA] = pair_make("P-256", "DNS:mx.example.org");
	pairs[RSA_PAIR] = pair_make("RSA2048", "DNS:mx.example.org");
	pairs[OTHER] = pair_make("P-384", "DNS:mail.example.net,DNS:alias.example.net");
	pairs[WILD] = pair_make("P-256", "DNS:*.example.com");
	return 0;
}

static int
tear_down(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < PAIRS; i++)
		pair_free(&pairs[i]);
	tls_library_close(library);
	return 0;
}

static struct tls_contexts *
make(const struct certificate_entry *certificates, size_t count, enum tls_policy policy)
{
	struct certificate_set set = { .count = count };
	struct buf why = BUF_LIMIT(1024);

	memcpy(set.entries, certificates, count * sizeof *certificates);
	local_signer_init(&local, pairs, PAIRS);
	struct tls_contexts *contexts = tls_contexts_new(library, &set, policy, &local.signer, &why);
	if (!contexts)
		fail_msg("%s", buf_text(&why));
	buf_free(&why);
	return contexts;
}

/* All pairs, mx.example.org having both kinds of key. */
static struct tls_contexts *
make_all(enum tls_policy policy)
{
	const struct certificate_entry all[] = { pair_certificate(&pairs[ECDSA], "mx.example.org"),
		pair_certificate(&pairs[RSA_PAIR], "MX.example.org"),
		pair_certificate(&pairs[OTHER], "mail.example.net"), pair_certificate(&pairs[WILD], "wild") };

	return make(all, PAIRS, policy);
}

static bool
agrees(enum tls_policy policy, const struct wish *wish)
{
	struct tls_contexts *contexts = make_all(policy);
	struct talk talk = talk_begin(tls_contexts_default(contexts), wish);
	bool agreed = talk_shake(&talk);

	talk_end(&talk);
	tls_contexts_free(contexts);
	return agreed;
}

static void
bytes_pass_both_ways(struct talk *talk)
{
	char heard[16];

	assert_int_equal(SSL_write(talk->client, "EHLO", 4), 4);
	assert_int_equal(SSL_read(talk->server, heard, sizeof heard), 4);
	assert_memory_equal(heard, "EHLO", 4);
	assert_int_equal(SSL_write(talk->server, "250 mx", 6), 6);
	assert_int_equal(SSL_read(talk->client, heard, sizeof heard), 6);
	assert_memory_equal(heard, "250 mx", 6);
}

static void
every_version_and_key_shakes_hands_by_the_signer(void **unused)
{
	static const struct {
		size_t pair;
		int version;
		const char *signatures;
		uint16_t scheme;
	} cases[] = {
		{ ECDSA, TLS1_3_VERSION, NULL, 0x0403 },
		{ ECDSA, TLS1_2_VERSION, NULL, 0x0403 },
		{ ECDSA, TLS1_2_VERSION, "ECDSA+SHA384", 0x0503 },
		{ ECDSA, TLS1_2_VERSION, "ECDSA+SHA512", 0x0603 },
		{ OTHER, TLS1_3_VERSION, NULL, 0x0503 },
		{ RSA_PAIR, TLS1_3_VERSION, NULL, 0x0804 },
		{ RSA_PAIR, TLS1_3_VERSION, "RSA-PSS+SHA384", 0x0805 },
		{ RSA_PAIR, TLS1_3_VERSION, "RSA-PSS+SHA512", 0x0806 },
		{ RSA_PAIR, TLS1_2_VERSION, "RSA-PSS+SHA256", 0x0804 },
		{ RSA_PAIR, TLS1_2_VERSION, "RSA+SHA256", 0x0401 },
		{ RSA_PAIR, TLS1_2_VERSION, "RSA+SHA384", 0x0501 },
		{ RSA_PAIR, TLS1_2_VERSION, "RSA+SHA512", 0x0601 },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct certificate_entry one = pair_certificate(&pairs[cases[i].pair], "mx.example.org");
		const struct wish wish = {
			.lowest = cases[i].version, .highest = cases[i].version, .signatures = cases[i].signatures
		};
		struct tls_contexts *contexts = make(&one, 1, TLS_POLICY_MODERN);
		struct talk talk = talk_begin(tls_contexts_default(contexts), &wish);

		if (!talk_shake(&talk))
			fail_msg("case %zu: no handshake", i);
		assert_int_equal(local.asked, 1);
		assert_int_equal(local.scheme, cases[i].scheme);
		assert_int_equal(
		    local.verdict, cases[i].version == TLS1_3_VERSION ? KEYS_SIGNS_TLS13 : KEYS_SIGNS_TLS12);
		bytes_pass_both_ways(&talk);
		talk_end(&talk);
		tls_contexts_free(contexts);
	}
}

static void
a_name_gets_its_certificate(void **unused)
{
	static const struct {
		const char *name;
		size_t pair;
	} cases[] = {
		{ NULL, ECDSA },
		{ "mx.example.org", ECDSA },
		{ "MX.Example.ORG", ECDSA },
		{ "mail.example.net", OTHER },
		{ "Mail.EXAMPLE.net", OTHER },
		{ "alias.example.net", OTHER },
		/* Of what a section is named by its certificate may say nothing. */
		{ "wild", WILD },
		{ "Renamed.example.com", OTHER },
		{ "any.example.com", WILD },
		{ "two.labels.example.com", ECDSA },
		{ "example.com", ECDSA },
		{ "unknown.example", ECDSA },
	};
	const struct certificate_entry certificates[] = { pair_certificate(&pairs[ECDSA], "mx.example.org"),
		pair_certificate(&pairs[WILD], "wild"), pair_certificate(&pairs[OTHER], "mail.example.net"),
		pair_certificate(&pairs[OTHER], "renamed.example.com") };
	struct tls_contexts *contexts = make(certificates, 4, TLS_POLICY_COMPATIBLE);

	(void)unused;
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)
		for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
			const struct wish wish = { .lowest = version, .highest = version, .name = cases[i].name };
			struct talk talk = talk_begin(tls_contexts_default(contexts), &wish);

			assert_true(talk_shake(&talk));
			X509 *shown = SSL_get0_peer_certificate(talk.client);
			if (X509_cmp(shown, pairs[cases[i].pair].certificate) != 0)
				fail_msg("%s: the wrong certificate", cases[i].name ? cases[i].name : "no name");
			talk_end(&talk);
		}
	tls_contexts_free(contexts);
}

static void
a_client_without_ecdsa_gets_the_rsa_certificate(void **unused)
{
	static const struct wish wishes[] = {
		{ .lowest = TLS1_2_VERSION, .highest = TLS1_2_VERSION, .ciphers = "ECDHE-RSA-AES256-GCM-SHA384" },
		{ .lowest = TLS1_2_VERSION, .highest = TLS1_2_VERSION, .signatures = "RSA+SHA256" },
		{ .lowest = TLS1_3_VERSION, .highest = TLS1_3_VERSION, .signatures = "RSA-PSS+SHA256" },
	};
	struct tls_contexts *contexts = make_all(TLS_POLICY_MODERN);

	(void)unused;
	for (size_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
		struct talk talk = talk_begin(tls_contexts_default(contexts), &wishes[i]);

		assert_true(talk_shake(&talk));
		assert_int_equal(X509_cmp(SSL_get0_peer_certificate(talk.client), pairs[RSA_PAIR].certificate), 0);
		talk_end(&talk);
	}
	tls_contexts_free(contexts);
}

static void
only_forward_secrecy_and_aead(void **unused)
{
	static const struct {
		struct wish wish;
		bool modern;
		bool compatible;
	} cases[] = {
		{ { .highest = TLS1_1_VERSION }, false, false },
		{ { .highest = TLS1_2_VERSION }, true, true },
		{ { .highest = TLS1_2_VERSION, .ciphers = "AES256-GCM-SHA384" }, false, false },
		{ { .highest = TLS1_2_VERSION, .ciphers = "ECDHE-RSA-AES256-SHA384" }, false, false },
		{ { .highest = TLS1_2_VERSION, .ciphers = "ECDHE-ECDSA-AES128-SHA" }, false, false },
		{ { .highest = TLS1_2_VERSION, .ciphers = "DHE-RSA-AES256-SHA256" }, false, false },
		{ { .highest = TLS1_2_VERSION, .ciphers = "AECDH-AES128-SHA:ADH-AES128-GCM-SHA256" }, false, false },
		{ { .highest = TLS1_2_VERSION, .ciphers = "DHE-RSA-AES128-GCM-SHA256" }, false, true },
		{ { .highest = TLS1_2_VERSION, .ciphers = "DHE-RSA-CHACHA20-POLY1305" }, false, true },
		{ { .highest = TLS1_2_VERSION, .ciphers = "ECDHE-RSA-CHACHA20-POLY1305" }, true, true },
		{ { .highest = TLS1_2_VERSION, .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256" }, true, true },
		{ { .highest = TLS1_2_VERSION, .signatures = "RSA+SHA1:ECDSA+SHA1" }, false, false },
		{ { .highest = TLS1_2_VERSION, .signatures = "RSA+SHA224:ECDSA+SHA224" }, false, false },
		{ { .lowest = TLS1_3_VERSION, .groups = "P-521" }, false, true },
		{ { .lowest = TLS1_3_VERSION, .groups = "X448" }, false, true },
		{ { .lowest = TLS1_3_VERSION, .groups = "P-384" }, true, true },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (agrees(TLS_POLICY_MODERN, &cases[i].wish) != cases[i].modern)
			fail_msg("case %zu with modern", i);
		if (agrees(TLS_POLICY_COMPATIBLE, &cases[i].wish) != cases[i].compatible)
			fail_msg("case %zu with compatible", i);
	}
}

static void
what_is_signed_for_dhe_is_whole(void **unused)
{
	const struct wish wish = { .highest = TLS1_2_VERSION, .ciphers = "DHE-RSA-AES128-GCM-SHA256" };

	(void)unused;
	assert_true(agrees(TLS_POLICY_COMPATIBLE, &wish));
	/* randoms, then p, g and the server's share with two octets of length each; the share may be a little shorter
	 */
	assert_true(local.input_bytes <= 64 + 2 + 256 + 2 + 1 + 2 + 256);
	assert_true(local.input_bytes > 64 + 2 + 256 + 2 + 1 + 2 + 248);
}

static void
there_is_no_renegotiation_and_no_compression(void **unused)
{
	const struct wish wish = { .highest = TLS1_2_VERSION };
	struct tls_contexts *contexts = make_all(TLS_POLICY_COMPATIBLE);
	struct talk talk = talk_begin(tls_contexts_default(contexts), &wish);
	char heard[16];

	(void)unused;
	assert_true(talk_shake(&talk));
	assert_true(SSL_get_options(talk.server) & SSL_OP_NO_COMPRESSION);
	assert_int_equal(SSL_renegotiate(talk.client), 1);
	(void)SSL_do_handshake(talk.client);
	assert_true(SSL_read(talk.server, heard, sizeof heard) <= 0);
	(void)SSL_do_handshake(talk.client);
	assert_int_equal(local.asked, 1);
	assert_true(SSL_is_init_finished(talk.server));
	talk_end(&talk);
	tls_contexts_free(contexts);
}

static void
no_session_is_resumed(void **unused)
{
	struct tls_contexts *contexts = make_all(TLS_POLICY_COMPATIBLE);

	(void)unused;
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		const struct wish wish = { .lowest = version, .highest = version };
		struct talk first = talk_begin(tls_contexts_default(contexts), &wish);

		assert_true(talk_shake(&first));
		bytes_pass_both_ways(&first);
		SSL_SESSION *session = SSL_get1_session(first.client);
		assert_false(SSL_SESSION_has_ticket(session));
		struct talk second = talk_begin(tls_contexts_default(contexts), &wish);
		(void)SSL_set_session(second.client, session);
		assert_true(talk_shake(&second));
		assert_false(SSL_session_reused(second.client));
		assert_string_equal(SSL_get_cipher(second.client), SSL_get_cipher(first.client));
		SSL_SESSION_free(session);
		talk_end(&second);
		talk_end(&first);
	}
	tls_contexts_free(contexts);
}

static void
a_signer_that_refuses_fails_the_handshake_with_its_reason(void **unused)
{
	const struct wish wish = { 0 };
	struct tls_contexts *contexts = make_all(TLS_POLICY_COMPATIBLE);
	struct talk talk = talk_begin(tls_contexts_default(contexts), &wish);
	const char *data = "";
	bool is_told = false;
	int flags;

	(void)unused;
	local.refuses = true;
	assert_false(talk_shake(&talk));
	while (ERR_get_error_all(NULL, NULL, NULL, &data, &flags) != 0)
		is_told = is_told || ((flags & ERR_TXT_STRING) && strstr(data, "told to refuse"));
	assert_true(is_told);
	talk_end(&talk);
	tls_contexts_free(contexts);
}

static void
a_session_outlives_its_contexts(void **unused)
{
	const struct wish wish = { .name = "mail.example.net" };
	struct tls_contexts *contexts = make_all(TLS_POLICY_COMPATIBLE);
	struct talk talk = talk_begin(tls_contexts_default(contexts), &wish);

	(void)unused;
	tls_contexts_free(contexts);
	assert_true(talk_shake(&talk));
	assert_int_equal(X509_cmp(SSL_get0_peer_certificate(talk.client), pairs[OTHER].certificate), 0);
	bytes_pass_both_ways(&talk);
	talk_end(&talk);
	tls_contexts_free(NULL);
}

static void
expect_refused(const struct certificate_entry *certificates, size_t count, const char *part)
{
	struct certificate_set set = { .count = count };
	struct buf why = BUF_LIMIT(1024);

	memcpy(set.entries, certificates, count * sizeof *certificates);
	assert_null(tls_contexts_new(library, &set, TLS_POLICY_MODERN, &local.signer, &why));
	if (!strstr(buf_text(&why), part))
		fail_msg("wanted \"%s\": %s", part, buf_text(&why));
	buf_free(&why);
}

static void
what_cannot_be_used_is_named(void **unused)
{
	const struct certificate_entry twice[] = { pair_certificate(&pairs[ECDSA], "mx.example.org"),
		pair_certificate(&pairs[WILD], "mx.example.org") };
	struct certificate_entry broken = pair_certificate(&pairs[ECDSA], "mx.example.org");
	struct certificate_entry empty = { .name = SPAN("none.example") };
	struct pair small = pair_make("RSA1024", "DNS:small.example");
	const struct certificate_entry weak = pair_certificate(&small, "small.example");

	(void)unused;
	local_signer_init(&local, pairs, PAIRS);
	broken.chain.length--;
	expect_refused(&broken, 1, "\"mx.example.org\": its chain cannot be read");
	expect_refused(&empty, 1, "\"none.example\": its chain cannot be read");
	expect_refused(twice, 2, "there twice");
	expect_refused(&weak, 1, "\"small.example\": OpenSSL will not use it");
	pair_free(&small);
}

static void
rubbish_behind_the_chain_is_refused(void **unused)
{
	struct buf chain = BUF_LIMIT(8192);
	struct certificate_entry certificate = pair_certificate(&pairs[ECDSA], "mx.example.org");

	(void)unused;
	local_signer_init(&local, pairs, PAIRS);
	buf_append(&chain, certificate.chain);
	buf_append(&chain, pair_certificate(&pairs[WILD], "").chain);
	certificate.chain = buf_span(&chain);
	struct tls_contexts *contexts = make(&certificate, 1, TLS_POLICY_MODERN);
	STACK_OF(X509) *issuers = NULL;
	assert_int_equal(SSL_CTX_get0_chain_certs(tls_contexts_default(contexts), &issuers), 1);
	assert_int_equal(sk_X509_num(issuers), 1);
	tls_contexts_free(contexts);
	buf_append_text(&chain, "x");
	certificate.chain = buf_span(&chain);
	expect_refused(&certificate, 1, "chain cannot be read");
	buf_free(&chain);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_version_and_key_shakes_hands_by_the_signer),
		cmocka_unit_test(a_name_gets_its_certificate),
		cmocka_unit_test(a_client_without_ecdsa_gets_the_rsa_certificate),
		cmocka_unit_test(only_forward_secrecy_and_aead),
		cmocka_unit_test(what_is_signed_for_dhe_is_whole),
		cmocka_unit_test(there_is_no_renegotiation_and_no_compression),
		cmocka_unit_test(no_session_is_resumed),
		cmocka_unit_test(a_signer_that_refuses_fails_the_handshake_with_its_reason),
		cmocka_unit_test(a_session_outlives_its_contexts),
		cmocka_unit_test(what_cannot_be_used_is_named),
		cmocka_unit_test(rubbish_behind_the_chain_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
