/* Any bytes as a PROXY header: what is whole stays whole with more behind it, has only beginnings before it, and what
 * is broken stays broken. */
#include <stdint.h>

#include "lib/bug.h"
#include "smtpd/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LOOKED_AT = 300 };

static bool
are_same(const struct proxy_header *a, const struct proxy_header *b)
{
	return a->version == b->version && peer_equal(&a->client, &b->client) && peer_equal(&a->called, &b->called);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = span_make((const char *)data, size);
	struct proxy_header whole = { 0 };
	size_t end = SIZE_MAX;
	enum proxy_result before = PROXY_PARTIAL;

	for (size_t length = 0; length <= size && length <= LOOKED_AT; length++) {
		struct proxy_header header = { 0 };
		size_t taken = 0;
		enum proxy_result result = proxy_header_read(span_take(bytes, length), &header, &taken);

		if (before != PROXY_PARTIAL && result != before)
			BUG("more bytes have changed what was certain");
		if (result == PROXY_WHOLE && before == PROXY_PARTIAL) {
			if (taken != length || (header.version != 1 && header.version != 2))
				BUG("a header does not end where it becomes whole");
			whole = header;
			end = taken;
		}
		if (result == PROXY_WHOLE && (taken != end || !are_same(&whole, &header)))
			BUG("what follows a header has changed it");
		if (result != PROXY_WHOLE && taken != 0)
			BUG("bytes of no header were taken");
		before = result;
	}
	return 0;
}
