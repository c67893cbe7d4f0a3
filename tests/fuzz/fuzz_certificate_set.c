/* Any bytes as a set of certificates: what is one is the same when it is written again. */
#include <stdint.h>

#include "lib/bug.h"
#include "smtpd/certificate_set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = span_make((const char *)data, size);
	struct buf again = BUF_LIMIT(CERTIFICATE_SET_BYTES);
	struct certificate_set set;

	if (!certificate_set_parse(bytes, &set))
		return 0;
	certificate_set_begin(&again, set.generation, set.count);
	for (size_t i = 0; i < set.count; i++) {
		const struct certificate_entry *entry = &set.entries[i];

		certificate_set_add(&again, entry->name, entry->chain.length, entry->key.length);
		buf_append(&again, entry->chain);
		buf_append(&again, entry->key);
	}
	if (!buf_ok(&again) || !span_equal(buf_span(&again), bytes))
		BUG("a set is another one when it is written again");
	buf_free(&again);
	return 0;
}
