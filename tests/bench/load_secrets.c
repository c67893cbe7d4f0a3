/* The key schedule of tests/bench/load_secrets.h. Each output fits in one block of HKDF (RFC 5869), so that each is one
 * HMAC.
 *
 * On failure: see there.
 */
#include "tests/bench/load_secrets.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#include "tests/bench/load_session.h"

const struct load_suite load_suites[LOAD_SUITES] = {
	{ { 0x13, 0x02 }, "SHA384", 48, "AES-256-GCM", 32 },
	{ { 0x13, 0x01 }, "SHA256", 32, "AES-128-GCM", 16 },
};

static const uint8_t nothing[LOAD_HASH_BYTES];

/* One context for each suite serves all: each use brings its own key. */
static EVP_MAC_CTX *
hmac_context(const struct load_suite *suite)
{
	static EVP_MAC_CTX *made[LOAD_SUITES];
	EVP_MAC_CTX **mine = &made[suite - load_suites];

	if (!*mine) {
		EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
		char hash[8] = "";
		OSSL_PARAM parameters[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, hash, 0),
			OSSL_PARAM_construct_end() };

		memcpy(hash, suite->hash, strlen(suite->hash));
		*mine = EVP_MAC_CTX_new(algorithm);
		EVP_MAC_free(algorithm);
		if (!*mine || !EVP_MAC_CTX_set_params(*mine, parameters))
			load_die("libcrypto makes no HMAC");
	}
	return *mine;
}

/* The key is a secret of the suite. */
static void
hmac(const struct load_suite *suite, const uint8_t *key, const uint8_t *bytes, size_t length,
    uint8_t result[LOAD_HASH_BYTES])
{
	EVP_MAC_CTX *context = hmac_context(suite);
	size_t written;

	if (!EVP_MAC_init(context, key, suite->hash_bytes, NULL) || !EVP_MAC_update(context, bytes, length) ||
	    !EVP_MAC_final(context, result, &written, LOAD_HASH_BYTES))
		load_die("HMAC failed");
}

/* HKDF-Expand-Label (§7.1); hash is NULL for an empty context. */
static void
expand_label(const struct load_suite *suite, const uint8_t *secret, const char *label, const uint8_t *hash,
    uint8_t *result, size_t length)
{
	static const char prefix[6] = { 't', 'l', 's', '1', '3', ' ' };
	uint8_t info[2 + 1 + sizeof prefix + 16 + 1 + LOAD_HASH_BYTES + 1];
	uint8_t block[LOAD_HASH_BYTES];
	size_t label_length = strlen(label);
	size_t hash_length = hash ? suite->hash_bytes : 0;
	uint8_t *at = info;

	*at++ = 0;
	*at++ = (uint8_t)length;
	*at++ = (uint8_t)(sizeof prefix + label_length);
	memcpy(at, prefix, sizeof prefix);
	memcpy(at + sizeof prefix, label, label_length);
	at += sizeof prefix + label_length;
	*at++ = (uint8_t)hash_length;
	if (hash)
		memcpy(at, hash, hash_length);
	at += hash_length;
	*at++ = 1; /* the first block, and the last */
	hmac(suite, secret, info, (size_t)(at - info), block);
	memcpy(result, block, length);
}

/* Derive-Secret (§7.1), or a secret with no context: one as long as the hash. */
static void
derive(const struct load_suite *suite, const uint8_t *secret, const char *label, const uint8_t *hash,
    uint8_t result[LOAD_HASH_BYTES])
{
	expand_label(suite, secret, label, hash, result, suite->hash_bytes);
}

/* The salt of the next stage: Derive-Secret(chain, "derived", ""). */
static void
derive_salt(const struct load_suite *suite, const uint8_t *chain, uint8_t salt[LOAD_HASH_BYTES])
{
	static uint8_t hashes_of_nothing[LOAD_SUITES][LOAD_HASH_BYTES];
	static bool is_known[LOAD_SUITES];
	size_t mine = (size_t)(suite - load_suites);

	if (!is_known[mine] && !EVP_Q_digest(NULL, suite->hash, NULL, "", 0, hashes_of_nothing[mine], NULL))
		load_die("libcrypto has no %s", suite->hash);
	is_known[mine] = true;
	derive(suite, chain, "derived", hashes_of_nothing[mine], salt);
}

/* Without a pre-shared key the first stage is the same in every handshake. */
static const uint8_t *
salt_of_handshake(const struct load_suite *suite)
{
	static uint8_t salts[LOAD_SUITES][LOAD_HASH_BYTES];
	static bool is_known[LOAD_SUITES];
	size_t mine = (size_t)(suite - load_suites);
	uint8_t early[LOAD_HASH_BYTES];

	if (!is_known[mine]) {
		hmac(suite, nothing, nothing, suite->hash_bytes, early);
		derive_salt(suite, early, salts[mine]);
		is_known[mine] = true;
	}
	return salts[mine];
}

void
load_secrets_of_handshake(struct load_secrets *secrets, const uint8_t shared[LOAD_SHARED_BYTES], const uint8_t *hellos)
{
	const struct load_suite *suite = secrets->suite;

	hmac(suite, salt_of_handshake(suite), shared, LOAD_SHARED_BYTES, secrets->chain);
	derive(suite, secrets->chain, "c hs traffic", hellos, secrets->client);
	derive(suite, secrets->chain, "s hs traffic", hellos, secrets->server);
}

void
load_secrets_of_application(struct load_secrets *secrets, const uint8_t *transcript)
{
	const struct load_suite *suite = secrets->suite;
	uint8_t salt[LOAD_HASH_BYTES];

	derive_salt(suite, secrets->chain, salt);
	hmac(suite, salt, nothing, suite->hash_bytes, secrets->chain);
	derive(suite, secrets->chain, "c ap traffic", transcript, secrets->client);
	derive(suite, secrets->chain, "s ap traffic", transcript, secrets->server);
}

void
load_secrets_traffic_key(
    const struct load_suite *suite, const uint8_t *secret, uint8_t key[LOAD_KEY_BYTES], uint8_t nonce[LOAD_NONCE_BYTES])
{
	expand_label(suite, secret, "key", NULL, key, suite->key_bytes);
	expand_label(suite, secret, "iv", NULL, nonce, LOAD_NONCE_BYTES);
}

void
load_secrets_finished(
    const struct load_suite *suite, const uint8_t *secret, const uint8_t *transcript, uint8_t finished[LOAD_HASH_BYTES])
{
	uint8_t key[LOAD_HASH_BYTES];

	derive(suite, secret, "finished", NULL, key);
	hmac(suite, key, transcript, suite->hash_bytes, finished);
}
