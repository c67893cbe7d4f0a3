/* Any bytes as IPC messages: refused, or each decoded to what encodes to the very same bytes. */
#include <stdint.h>

#include "lib/bug.h"
#include "lib/ipc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_make((const char *)data, size);
	struct span whole = rest;
	struct buf again = BUF_LIMIT(1 << 22);
	struct ipc_message message;

	while (ipc_decode(&rest, &message))
		ipc_encode(&message, &again);
	/* Behind the last one that decodes lies what does not, and an unknown part of it was looked at. */
	if (!buf_ok(&again) || !span_equal(buf_span(&again), span_take(whole, again.length)))
		BUG("messages do not encode to what they were decoded from");
	buf_free(&again);
	return 0;
}
