/* A message in any pieces must have the digest that it has in one, and be remembered or not alike. */
#include <stdint.h>
#include <string.h>

#include "deliver/digest.h"
#include "lib/bug.h"
#include "tests/fuzz/chunks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sha256 *hash;
	struct chunks chunks = chunks_begin(data, size);
	uint8_t results[2][SHA256_BYTES];
	struct digest digest;

	if (!hash)
		hash = sha256_new();
	if (!hash)
		BUG("no memory");
	digest_begin(&digest, hash, SPAN("bob@example.net"));
	digest_add(&digest, chunks.rest);
	bool is_remembered = digest_end(&digest, results[0]);
	digest_begin(&digest, hash, SPAN("bob@example.net"));
	while (chunks.rest.length)
		digest_add(&digest, chunks_next(&chunks));
	if (digest_end(&digest, results[1]) != is_remembered || memcmp(results[0], results[1], SHA256_BYTES) != 0)
		BUG("a message has another digest in pieces");
	return 0;
}
