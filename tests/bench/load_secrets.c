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

static const uint8_t nothing[LOAD_HASH_BYTES];

/* One context serves all: each use brings its own key. */
static EVP_MAC_CTX *
hmac_context(void)
{
	static EVP_MAC_CTX *made;

	if (!made) {
		EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
		char digest[] = "SHA384";
		OSSL_PARAM parameters[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
			OSSL_PARAM_construct_end() };

		made = EVP_MAC_CTX_new(hmac);
		EVP_MAC_free(hmac);
		if (!made || !EVP_MAC_CTX_set_params(made, parameters))
			load_die("libcrypto makes no HMAC");
	}
	return made;
}

static void
hmac(const uint8_t key[LOAD_HASH_BYTES], const uint8_t *bytes, size_t length, uint8_t result[LOAD_HASH_BYTES])
{
	EVP_MAC_CTX *context = hmac_context();
	size_t written;

	if (!EVP_MAC_init(context, key, LOAD_HASH_BYTES, NULL) || !EVP_MAC_update(context, bytes, length) ||
	    !EVP_MAC_final(context, result, &written, LOAD_HASH_BYTES))
		load_die("HMAC failed");
}

/* HKDF-Expand-Label (§7.1); hash is NULL for an empty context. */
static void
expand_label(
    const uint8_t secret[LOAD_HASH_BYTES], const char *label, const uint8_t *hash, uint8_t *result, size_t length)
{
	static const char prefix[6] = { 't', 'l', 's', '1', '3', ' ' };
	uint8_t info[2 + 1 + sizeof prefix + 16 + 1 + LOAD_HASH_BYTES + 1];
	uint8_t block[LOAD_HASH_BYTES];
	size_t label_length = strlen(label);
	uint8_t *at = info;

	*at++ = 0;
	*at++ = (uint8_t)length;
	*at++ = (uint8_t)(sizeof prefix + label_length);
	memcpy(at, prefix, sizeof prefix);
	memcpy(at + sizeof prefix, label, label_length);
	at += sizeof prefix + label_length;
	*at++ = hash ? LOAD_HASH_BYTES : 0;
	if (hash) {
		memcpy(at, hash, LOAD_HASH_BYTES);
		at += LOAD_HASH_BYTES;
	}
	*at++ = 1; /* the first block, and the last */
	hmac(secret, info, (size_t)(at - info), block);
	memcpy(result, block, length);
}

/* The salt of the next stage: Derive-Secret(chain, "derived", ""). */
static void
derived(const uint8_t chain[LOAD_HASH_BYTES], uint8_t salt[LOAD_HASH_BYTES])
{
	static uint8_t hash_of_nothing[LOAD_HASH_BYTES];
	static bool is_known;

	if (!is_known && !EVP_Digest("", 0, hash_of_nothing, NULL, EVP_sha384(), NULL))
		load_die("libcrypto has no SHA-384");
	is_known = true;
	expand_label(chain, "derived", hash_of_nothing, salt, LOAD_HASH_BYTES);
}

/* Without a pre-shared key the first stage is the same in every handshake. */
static const uint8_t *
salt_of_handshake(void)
{
	static uint8_t salt[LOAD_HASH_BYTES];
	static bool is_known;
	uint8_t early[LOAD_HASH_BYTES];

	if (!is_known) {
		hmac(nothing, nothing, sizeof nothing, early);
		derived(early, salt);
		is_known = true;
	}
	return salt;
}

void
load_secrets_of_handshake(
    struct load_secrets *secrets, const uint8_t shared[LOAD_SHARED_BYTES], const uint8_t hellos[LOAD_HASH_BYTES])
{
	hmac(salt_of_handshake(), shared, LOAD_SHARED_BYTES, secrets->chain);
	expand_label(secrets->chain, "c hs traffic", hellos, secrets->client, LOAD_HASH_BYTES);
	expand_label(secrets->chain, "s hs traffic", hellos, secrets->server, LOAD_HASH_BYTES);
}

void
load_secrets_of_application(struct load_secrets *secrets, const uint8_t transcript[LOAD_HASH_BYTES])
{
	uint8_t salt[LOAD_HASH_BYTES];

	derived(secrets->chain, salt);
	hmac(salt, nothing, sizeof nothing, secrets->chain);
	expand_label(secrets->chain, "c ap traffic", transcript, secrets->client, LOAD_HASH_BYTES);
	expand_label(secrets->chain, "s ap traffic", transcript, secrets->server, LOAD_HASH_BYTES);
}

void
load_secrets_traffic_key(
    const uint8_t secret[LOAD_HASH_BYTES], uint8_t key[LOAD_KEY_BYTES], uint8_t nonce[LOAD_NONCE_BYTES])
{
	expand_label(secret, "key", NULL, key, LOAD_KEY_BYTES);
	expand_label(secret, "iv", NULL, nonce, LOAD_NONCE_BYTES);
}

void
load_secrets_finished(
    const uint8_t secret[LOAD_HASH_BYTES], const uint8_t transcript[LOAD_HASH_BYTES], uint8_t finished[LOAD_HASH_BYTES])
{
	uint8_t key[LOAD_HASH_BYTES];

	expand_label(secret, "finished", NULL, key, LOAD_HASH_BYTES);
	hmac(key, transcript, LOAD_HASH_BYTES, finished);
}
