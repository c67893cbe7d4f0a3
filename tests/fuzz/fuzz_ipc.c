/* Any bytes as an IPC message: refused, or decoded to what encodes to the very same bytes. */
#include <stdint.h>

#include "lib/bug.h"
#include "lib/ipc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = span_make((const char *)data, size);
	struct buf again = BUF_LIMIT(IPC_MESSAGE_BYTES);
	struct ipc_message message;

	if (!ipc_decode(bytes, &message))
		return 0;
	ipc_encode(&message, &again);
	if (!span_equal(buf_span(&again), bytes))
		BUG("a message does not encode to what it was decoded from");
	buf_free(&again);
	return 0;
}
