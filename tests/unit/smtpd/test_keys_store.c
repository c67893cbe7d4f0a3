/* smtpd/keys_pair and smtpd/keys_store: which files are taken, what is said of those that are not, and what is signed.
 * On failure: cmocka names the line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <stdbool.h>

#include "smtpd/keys_store.h"
#include "tests/unit/smtpd/tls_fixture.h"

enum { PEM_BYTES = 65536 };

static struct pair first;
static struct pair second;
static struct pair rsa;

static int
set_up(void **unused)
{
	(void)unused;
	first = pair_make("P-256", "DNS:mx.example.org");
	second = pair_make("P-384", "DNS:mx.example.org");
	rsa = pair_make("RSA2048", "DNS:mx.example.org");
	return 0;
}

static int
tear_down(void **unused)
{
	(void)unused;
	pair_free(&first);
	pair_free(&second);
	pair_free(&rsa);
	return 0;
}

static void
append_file(struct buf *text, BIO *file)
{
	char *bytes;
	long length = BIO_get_mem_data(file, &bytes);

	buf_append(text, span_make(bytes, (size_t)length));
	assert_true(buf_ok(text));
	BIO_free(file);
}

static void
append_certificate(struct buf *text, const struct pair *pair)
{
	BIO *file = BIO_new(BIO_s_mem());

	assert_int_equal(PEM_write_bio_X509(file, pair->certificate), 1);
	append_file(text, file);
}

static void
append_key(struct buf *text, const struct pair *pair, const char *passphrase)
{
	BIO *file = BIO_new(BIO_s_mem());

	assert_int_equal(PEM_write_bio_PrivateKey(file, pair->key, passphrase ? EVP_aes_128_cbc() : NULL, NULL, 0, NULL,
			     (void *)(uintptr_t)passphrase),
	    1);
	append_file(text, file);
}

static enum pair_verdict
read_pair(const struct buf *chain, const struct buf *key, const char *part)
{
	struct keys_pair pair;
	struct keys_facts facts;
	enum pair_verdict verdict = keys_pair_read(&pair, buf_span(chain), buf_span(key), &facts);

	if (verdict == PAIR_TAKEN)
		assert_int_equal(facts.why.length, 0);
	else if (!strstr(buf_text(&facts.why), part))
		fail_msg("wanted \"%s\": %s", part, buf_text(&facts.why));
	assert_int_equal(pair.key != NULL, verdict == PAIR_TAKEN);
	keys_pair_free(&pair);
	buf_free(&facts.chain);
	buf_free(&facts.why);
	return verdict;
}

static void
usual_files_are_taken(void **unused)
{
	struct buf chain = BUF_LIMIT(PEM_BYTES);
	struct buf key = BUF_LIMIT(PEM_BYTES);
	struct pair *const pairs[] = { &first, &second, &rsa };

	(void)unused;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		buf_reset(&chain);
		buf_reset(&key);
		buf_append_text(&chain, "subject=CN = mx.example.org\n");
		append_certificate(&chain, pairs[i]);
		append_certificate(&chain, &first);
		append_key(&key, pairs[i], NULL);
		assert_int_equal(read_pair(&chain, &key, ""), PAIR_TAKEN);
		/* One file for both, in either order. */
		append_certificate(&key, pairs[i]);
		assert_int_equal(read_pair(&key, &key, ""), PAIR_TAKEN);
		append_key(&chain, pairs[i], NULL);
		assert_int_equal(read_pair(&chain, &chain, ""), PAIR_TAKEN);
	}
	buf_free(&chain);
	buf_free(&key);
}

static void
the_chain_that_is_told_holds_certificates_alone(void **unused)
{
	struct buf both = BUF_LIMIT(PEM_BYTES);
	struct buf wanted = BUF_LIMIT(PEM_BYTES);
	struct keys_pair pair;
	struct keys_facts facts;

	(void)unused;
	append_certificate(&both, &first);
	append_key(&both, &first, NULL);
	append_certificate(&both, &second);
	assert_int_equal(keys_pair_read(&pair, buf_span(&both), buf_span(&both), &facts), PAIR_TAKEN);
	buf_append(&wanted, pair_certificate(&first, "").chain);
	buf_append(&wanted, pair_certificate(&second, "").chain);
	assert_true(span_equal(buf_span(&facts.chain), buf_span(&wanted)));
	assert_int_equal(pair.kind, KEYS_P256);
	/* pair_make() gives it a day. */
	assert_true(facts.expires > (uint64_t)time(NULL) + 80000 && facts.expires < (uint64_t)time(NULL) + 90000);
	keys_pair_free(&pair);
	buf_free(&facts.chain);
	buf_free(&facts.why);
	buf_free(&both);
	buf_free(&wanted);
}

static void
what_is_wrong_is_told(void **unused)
{
	static const char base[] = "-----BEGIN CERTIFICATE-----\nMIIBdummy\n-----END CERTIFICATE-----\n";
	struct buf chain = BUF_LIMIT(PEM_BYTES);
	struct buf key = BUF_LIMIT(PEM_BYTES);
	struct buf other = BUF_LIMIT(PEM_BYTES);
	struct buf none = BUF_LIMIT(PEM_BYTES);
	struct pair small = pair_make("RSA1024", "DNS:a.example");
	struct pair odd = pair_make("secp256k1", "DNS:a.example");

	(void)unused;
	append_certificate(&chain, &first);
	append_key(&key, &first, NULL);
	append_key(&other, &second, NULL);
	assert_int_equal(read_pair(&none, &key, "holds no certificate"), PAIR_BAD_CHAIN);
	assert_int_equal(read_pair(&key, &key, "holds no certificate"), PAIR_BAD_CHAIN);
	assert_int_equal(read_pair(&chain, &none, "holds no private key"), PAIR_BAD_KEY);
	assert_int_equal(read_pair(&chain, &chain, "holds no private key"), PAIR_BAD_KEY);
	assert_int_equal(read_pair(&chain, &other, "is not that of the first certificate"), PAIR_UNEQUAL);
	buf_reset(&other);
	append_key(&other, &first, "secret");
	assert_int_equal(read_pair(&chain, &other, "without a passphrase"), PAIR_BAD_KEY);
	buf_reset(&other);
	append_certificate(&other, &small);
	append_key(&other, &small, NULL);
	assert_int_equal(read_pair(&other, &other, "RSA of 2048"), PAIR_BAD_KEY);
	buf_reset(&other);
	append_certificate(&other, &odd);
	append_key(&other, &odd, NULL);
	assert_int_equal(read_pair(&other, &other, "P-256"), PAIR_BAD_KEY);
	/* The second is damaged: a client would get half of a chain. */
	buf_append_text(&chain, base);
	assert_int_equal(read_pair(&chain, &key, "cannot be read"), PAIR_BAD_CHAIN);
	buf_reset(&chain);
	append_certificate(&chain, &first);
	buf_append(&chain, SPAN("-----BEGIN CERTIFICATE-----\nMIIB"));
	assert_int_equal(read_pair(&chain, &key, "cannot be read"), PAIR_BAD_CHAIN);
	buf_reset(&chain);
	for (unsigned i = 0; i < 60; i++)
		append_certificate(&chain, &rsa);
	assert_int_equal(read_pair(&chain, &key, "too many or too large"), PAIR_BAD_CHAIN);
	pair_free(&small);
	pair_free(&odd);
	buf_free(&chain);
	buf_free(&key);
	buf_free(&other);
	buf_free(&none);
}

static unsigned told_taken;
static unsigned told_refused;

static void
on_told(void *context, size_t index, enum pair_verdict verdict, const struct keys_facts *facts)
{
	(void)context;
	(void)facts;
	assert_int_equal(index, told_taken + told_refused);
	if (verdict == PAIR_TAKEN)
		told_taken++;
	else
		told_refused++;
}

static void
take(struct keys_store *store, struct pair *pair)
{
	struct buf text = BUF_LIMIT(PEM_BYTES);
	struct certificate_set set = { .count = 2 };

	append_certificate(&text, pair);
	append_key(&text, pair, NULL);
	set.entries[0] = (struct certificate_entry){ SPAN("broken"), SPAN("x"), SPAN("y") };
	set.entries[1] = (struct certificate_entry){ SPAN("good"), buf_span(&text), buf_span(&text) };
	told_taken = told_refused = 0;
	keys_store_take(store, &set, on_told, NULL);
	assert_int_equal(told_taken, 1);
	assert_int_equal(told_refused, 1);
	assert_int_equal(keys_store_count(store), 1);
	buf_free(&text);
}

/* smtpd could show only one of them, and refuses such a set as a whole. */
static void
one_kind_of_key_a_name(void **unused)
{
	struct keys_store *store = keys_store_new();
	struct buf texts[3] = { BUF_LIMIT(PEM_BYTES), BUF_LIMIT(PEM_BYTES), BUF_LIMIT(PEM_BYTES) };
	struct pair *pairs[3] = { &first, &second, &rsa };
	struct certificate_set set = { .count = 4 };

	(void)unused;
	for (size_t i = 0; i < 3; i++) {
		append_certificate(&texts[i], pairs[i]);
		append_key(&texts[i], pairs[i], NULL);
		set.entries[i] =
		    (struct certificate_entry){ SPAN("mx.example.org"), buf_span(&texts[i]), buf_span(&texts[i]) };
	}
	set.entries[1].name = SPAN("MX.example.org");
	set.entries[3] = set.entries[1];
	set.entries[3].name = SPAN("mail.example.net");
	told_taken = told_refused = 0;
	keys_store_take(store, &set, on_told, NULL);
	assert_int_equal(told_taken, 3);
	assert_int_equal(told_refused, 1);
	assert_int_equal(keys_store_count(store), 3);
	keys_store_free(store);
	for (size_t i = 0; i < 3; i++)
		buf_free(&texts[i]);
}

static enum sign_verdict
ask(struct keys_store *store, struct pair *pair, uint32_t scheme, struct span input)
{
	unsigned char id[TLS_KEY_ID_BYTES];
	unsigned char signature[TLS_SIGNATURE_BYTES];
	size_t length = 0;
	const char *why = NULL;

	assert_true(tls_key_id(pair->key, id));
	enum sign_verdict verdict =
	    keys_store_sign(store, span_make((const char *)id, sizeof id), scheme, input, signature, &length, &why);
	if (verdict == SIGN_DONE) {
		EVP_MD_CTX *checking = EVP_MD_CTX_new();
		EVP_PKEY_CTX *details;

		assert_int_equal(
		    EVP_DigestVerifyInit(checking, &details, scheme_digest((uint16_t)scheme), NULL, pair->key), 1);
		if (scheme >> 8 == 8)
			assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(details, RSA_PKCS1_PSS_PADDING), 1);
		assert_int_equal(
		    EVP_DigestVerify(checking, signature, length, (const unsigned char *)input.data, input.length), 1);
		EVP_MD_CTX_free(checking);
	} else {
		assert_non_null(why);
	}
	return verdict;
}

#define SPACES_16 "                "
static const char verify[] =
    SPACES_16 SPACES_16 SPACES_16 SPACES_16 "TLS 1.3, server CertificateVerify\0hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh";
static const struct span handshake = { verify, sizeof verify - 1 };

static void
handshakes_are_signed_and_nothing_else(void **unused)
{
	struct keys_store *store = keys_store_new();

	(void)unused;
	assert_int_equal(ask(store, &first, 0x0403, handshake), SIGN_UNKNOWN);
	take(store, &first);
	assert_int_equal(ask(store, &first, 0x0403, handshake), SIGN_DONE);
	assert_int_equal(ask(store, &first, 0x0503, handshake), SIGN_REFUSED);
	assert_int_equal(ask(store, &first, 0x0403, SPAN("Dear bank, pay everything to")), SIGN_REFUSED);
	assert_int_equal(ask(store, &second, 0x0503, handshake), SIGN_UNKNOWN);
	take(store, &rsa);
	assert_int_equal(ask(store, &rsa, 0x0804, handshake), SIGN_DONE);
	assert_int_equal(ask(store, &rsa, 0x0806, handshake), SIGN_DONE);
	assert_int_equal(ask(store, &rsa, 0x0401, handshake), SIGN_REFUSED);
	keys_store_free(store);
}

static void
a_key_stays_for_handshakes_under_way(void **unused)
{
	struct keys_store *store = keys_store_new();

	(void)unused;
	take(store, &first);
	take(store, &second);
	take(store, &second);
	take(store, &second);
	assert_int_equal(ask(store, &first, 0x0403, handshake), SIGN_DONE);
	take(store, &second);
	assert_int_equal(ask(store, &first, 0x0403, handshake), SIGN_UNKNOWN);
	assert_int_equal(ask(store, &second, 0x0503, handshake), SIGN_DONE);
	keys_store_free(store);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(usual_files_are_taken),
		cmocka_unit_test(the_chain_that_is_told_holds_certificates_alone),
		cmocka_unit_test(what_is_wrong_is_told),
		cmocka_unit_test(one_kind_of_key_a_name),
		cmocka_unit_test(handshakes_are_signed_and_nothing_else),
		cmocka_unit_test(a_key_stays_for_handshakes_under_way),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
