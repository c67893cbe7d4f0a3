/* SHA-256 of deliver/sha256.h.
 *
 * On failure: `failed` sticks until the next sha256_begin.
 */
#include "deliver/sha256.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct sha256 {
	EVP_MD *algorithm;
	EVP_MD_CTX *context;
	bool failed;
};

struct sha256 *
sha256_new(void)
{
	struct sha256 *hash = calloc(1, sizeof *hash);

	if (!hash)
		return NULL;
	/* Fetched once: EVP_sha256() would be looked up in the provider at every start. */
	hash->algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
	hash->context = EVP_MD_CTX_new();
	if (hash->algorithm && hash->context)
		return hash;
	sha256_free(hash);
	return NULL;
}

void
sha256_free(struct sha256 *hash)
{
	if (!hash)
		return;
	EVP_MD_CTX_free(hash->context);
	EVP_MD_free(hash->algorithm);
	free(hash);
}

void
sha256_begin(struct sha256 *hash)
{
	hash->failed = EVP_DigestInit_ex2(hash->context, hash->algorithm, NULL) != 1;
}

void
sha256_add(struct sha256 *hash, struct span bytes)
{
	if (bytes.length && EVP_DigestUpdate(hash->context, bytes.data, bytes.length) != 1)
		hash->failed = true;
}

bool
sha256_end(struct sha256 *hash, uint8_t result[static SHA256_BYTES])
{
	return !hash->failed && EVP_DigestFinal_ex(hash->context, result, NULL) == 1;
}
