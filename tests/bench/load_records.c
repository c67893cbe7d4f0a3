/* The records of tests/bench/load_records.h.
 *
 * On failure: see there.
 */
#include "tests/bench/load_records.h"

#include <openssl/evp.h>
#include <string.h>

#include "tests/bench/load_session.h"

enum { TAG_BYTES = 16 };

static const EVP_CIPHER *
algorithm(const struct load_suite *suite)
{
	static EVP_CIPHER *fetched[LOAD_SUITES];
	EVP_CIPHER **mine = &fetched[suite - load_suites];

	if (!*mine)
		*mine = EVP_CIPHER_fetch(NULL, suite->cipher, NULL);
	return *mine;
}

void
load_seal_begin(struct load_seal *seal, const struct load_suite *suite, const uint8_t *secret, int seals)
{
	uint8_t key[LOAD_KEY_BYTES];

	load_secrets_traffic_key(suite, secret, key, seal->nonce);
	if (!seal->cipher)
		seal->cipher = EVP_CIPHER_CTX_new();
	if (!seal->cipher || !EVP_CipherInit_ex2(seal->cipher, algorithm(suite), key, NULL, seals, NULL))
		load_die("libcrypto makes no %s", suite->cipher);
	seal->sequence = 0;
}

void
load_seal_free(struct load_seal *seal)
{
	EVP_CIPHER_CTX_free(seal->cipher);
	seal->cipher = NULL;
}

/* The nonce of the next record, and its head as what is authenticated with it (§5.2, §5.3). */
static void
next(struct load_seal *seal, const uint8_t *head)
{
	uint8_t nonce[LOAD_NONCE_BYTES];
	int length;

	memcpy(nonce, seal->nonce, sizeof nonce);
	for (size_t i = 0; i < sizeof seal->sequence; i++)
		nonce[sizeof nonce - 1 - i] ^= (uint8_t)(seal->sequence >> (8 * i));
	seal->sequence++;
	if (!EVP_CipherInit_ex2(seal->cipher, NULL, NULL, nonce, -1, NULL) ||
	    !EVP_CipherUpdate(seal->cipher, NULL, &length, head, LOAD_RECORD_HEAD))
		load_die("AES-GCM failed");
}

static void
put_head(uint8_t *record, enum load_record_type type, size_t length)
{
	record[0] = (uint8_t)type;
	record[1] = 3;
	record[2] = 3;
	record[3] = (uint8_t)(length >> 8);
	record[4] = (uint8_t)length;
}

size_t
load_seal_close(struct load_seal *seal, enum load_record_type type, const void *content, size_t length, uint8_t *record)
{
	uint8_t *text = record + LOAD_RECORD_HEAD;
	int written;

	memcpy(text, content, length);
	if (!seal->cipher) {
		put_head(record, type, length);
		return LOAD_RECORD_HEAD + length;
	}
	text[length++] = (uint8_t)type;
	put_head(record, LOAD_APPLICATION, length + TAG_BYTES);
	next(seal, record);
	if (!EVP_CipherUpdate(seal->cipher, text, &written, text, (int)length) ||
	    !EVP_CipherFinal_ex(seal->cipher, text + length, &written) ||
	    !EVP_CIPHER_CTX_ctrl(seal->cipher, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, text + length))
		load_die("AES-GCM failed");
	return LOAD_RECORD_HEAD + length + TAG_BYTES;
}

int
load_seal_open(struct load_seal *seal, uint8_t *record, size_t *length)
{
	uint8_t *text = record + LOAD_RECORD_HEAD;
	size_t text_length = (size_t)record[3] << 8 | record[4];
	int written;

	*length = text_length;
	if (!seal->cipher || record[0] == LOAD_CHANGE_CIPHER)
		return record[0];
	if (record[0] != LOAD_APPLICATION || text_length <= TAG_BYTES)
		return -1;
	text_length -= TAG_BYTES;
	next(seal, record);
	if (!EVP_CipherUpdate(seal->cipher, text, &written, text, (int)text_length) ||
	    !EVP_CIPHER_CTX_ctrl(seal->cipher, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, text + text_length) ||
	    !EVP_CipherFinal_ex(seal->cipher, text + text_length, &written))
		return -1;
	while (text_length && !text[text_length - 1])
		text_length--; /* padding (§5.4) */
	if (!text_length)
		return -1;
	*length = text_length - 1;
	return text[text_length - 1];
}
