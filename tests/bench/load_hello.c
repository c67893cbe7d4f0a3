/* The hellos of tests/bench/load_hello.h.
 *
 * On failure: see there.
 */
#include "tests/bench/load_hello.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <string.h>

#include "tests/bench/load_session.h"

enum {
	CLIENT_HELLO = 1,
	MESSAGE_HEAD = 4,
	RANDOM_BYTES = 32,
	SESSION_ID_AT = MESSAGE_HEAD + 2 + RANDOM_BYTES /* in both hellos */
};

/* The key share: what the servers compute is the same whether it is new or not. */
static EVP_PKEY *
key_share(void)
{
	static EVP_PKEY *key;

	if (!key)
		key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	if (!key)
		load_die("libcrypto makes no X25519");
	return key;
}

static EVP_PKEY_CTX *
agreement(void)
{
	static EVP_PKEY_CTX *context;

	if (!context) {
		context = EVP_PKEY_CTX_new(key_share(), NULL);
		if (!context || EVP_PKEY_derive_init(context) <= 0)
			load_die("libcrypto derives nothing from X25519");
	}
	return context;
}

static bool
agree(const uint8_t *theirs, uint8_t shared[LOAD_SHARED_BYTES])
{
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, theirs, LOAD_SHARED_BYTES);
	size_t length = LOAD_SHARED_BYTES;
	bool agreed = key && EVP_PKEY_derive_set_peer_ex(agreement(), key, 0) > 0 &&
		      EVP_PKEY_derive(agreement(), shared, &length) > 0;

	EVP_PKEY_free(key);
	return agreed;
}

void
load_hello_write(uint8_t hello[LOAD_HELLO_BYTES])
{
	static const uint8_t extensions[] = {
		0x00, 0x2b, 0x00, 0x03, 0x02, 0x03, 0x04,       /* supported_versions: TLS 1.3 */
		0x00, 0x0a, 0x00, 0x04, 0x00, 0x02, 0x00, 0x1d, /* supported_groups: x25519 */
		0x00, 0x0d, 0x00, 0x08, 0x00, 0x06, 0x04, 0x03, 0x05, 0x03, 0x08, 0x04, /* signature_algorithms */
		0x00, 0x2d, 0x00, 0x02, 0x01, 0x01,                                     /* psk_key_exchange_modes */
		0x00, 0x33, 0x00, 0x26, 0x00, 0x24, 0x00, 0x1d, 0x00, 0x20, /* key_share: x25519, 32 bytes */
	};
	static const uint8_t head[] = { CLIENT_HELLO, 0, 0, LOAD_HELLO_BYTES - MESSAGE_HEAD, 3, 3 };
	size_t share_bytes = LOAD_SHARED_BYTES;
	uint8_t *at = hello + sizeof head;

	memcpy(hello, head, sizeof head);
	if (RAND_bytes(at, RANDOM_BYTES) <= 0 || RAND_bytes(at + RANDOM_BYTES + 1, RANDOM_BYTES) <= 0)
		load_die("no random bytes");
	at += RANDOM_BYTES;
	*at = RANDOM_BYTES; /* of the session id */
	at += 1 + RANDOM_BYTES;
	*at++ = 0;
	*at++ = LOAD_SUITES * sizeof load_suites[0].code;
	for (size_t i = 0; i < LOAD_SUITES; i++, at += sizeof load_suites[0].code)
		memcpy(at, load_suites[i].code, sizeof load_suites[0].code);
	*at++ = 1; /* compression: none */
	*at++ = 0;
	*at++ = 0;
	*at++ = sizeof extensions + LOAD_SHARED_BYTES;
	memcpy(at, extensions, sizeof extensions);
	at += sizeof extensions;
	if (EVP_PKEY_get_raw_public_key(key_share(), at, &share_bytes) != 1)
		load_die("X25519 has no public part");
	_Static_assert(MESSAGE_HEAD + 2 + 2 * RANDOM_BYTES + 1 + 2 + LOAD_SUITES * 2 + 2 + 2 + sizeof extensions +
			       LOAD_SHARED_BYTES ==
			   LOAD_HELLO_BYTES,
	    "the hello is as long as it says");
}

static const struct load_suite *
suite_of(const uint8_t *code)
{
	for (size_t i = 0; i < LOAD_SUITES; i++)
		if (memcmp(code, load_suites[i].code, sizeof load_suites[i].code) == 0)
			return &load_suites[i];
	return NULL;
}

/* The server's key share, the one extension that is needed; NULL when it is not among these. */
static const uint8_t *
share_among(const uint8_t *extensions, size_t length)
{
	for (size_t at = 0; at + 4 <= length;) {
		size_t extent = (size_t)extensions[at + 2] << 8 | extensions[at + 3];
		bool is_share = extensions[at] == 0x00 && extensions[at + 1] == 0x33;

		at += 4;
		if (is_share && extent == 4 + LOAD_SHARED_BYTES && at + extent <= length)
			return extensions + at + 4;
		at += extent;
	}
	return NULL;
}

const struct load_suite *
load_hello_answer(const uint8_t *message, size_t length, uint8_t shared[LOAD_SHARED_BYTES])
{
	size_t suite_at = length > SESSION_ID_AT ? SESSION_ID_AT + 1u + message[SESSION_ID_AT] : length;
	size_t extensions_at = suite_at + 2 + 1 + 2; /* suite, compression, their length */

	if (length < extensions_at)
		return NULL;
	const struct load_suite *suite = suite_of(message + suite_at);
	const uint8_t *theirs = share_among(message + extensions_at, length - extensions_at);
	return suite && theirs && agree(theirs, shared) ? suite : NULL;
}
