/* Any bytes as an encoded configuration: refused, or decoded to what encodes to the very same bytes. */
#include <stdint.h>

#include "conf/config.h"
#include "lib/bug.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = span_make((const char *)data, size);
	struct config *config = config_decode(bytes);

	if (!config)
		return 0;
	struct buf again = BUF_LIMIT(8 << 20);
	config_encode(config, &again);
	if (!span_equal(buf_span(&again), bytes))
		BUG("a configuration does not encode to what it was decoded from");
	config_print(config, &again);
	buf_free(&again);
	config_free(config);
	return 0;
}
