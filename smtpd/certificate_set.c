/* Encoder and strict decoder of smtpd/certificate_set.h.
 *
 * On failure: see the header.
 */
#include "smtpd/certificate_set.h"

#include <sys/stat.h>
#include <unistd.h>

enum { NUMBER_BYTES = 4 };

static bool
take_bytes(struct span *rest, uint64_t length, struct span *bytes)
{
	if (length > rest->length || length > CERTIFICATE_FILE_BYTES)
		return false;
	*bytes = span_take(*rest, (size_t)length);
	*rest = span_skip(*rest, (size_t)length);
	return true;
}

void
certificate_set_begin(struct buf *bytes, uint32_t generation, size_t count)
{
	buf_append_number(bytes, generation, NUMBER_BYTES);
	buf_append_number(bytes, count, NUMBER_BYTES);
}

void
certificate_set_add(struct buf *bytes, struct span name, size_t chain_bytes, size_t key_bytes)
{
	buf_append_number(bytes, name.length, NUMBER_BYTES);
	buf_append_number(bytes, chain_bytes, NUMBER_BYTES);
	buf_append_number(bytes, key_bytes, NUMBER_BYTES);
	buf_append(bytes, name);
}

static bool
take_entry(struct span *rest, struct certificate_entry *entry)
{
	uint64_t name;
	uint64_t chain;
	uint64_t key;

	return span_take_number(rest, NUMBER_BYTES, &name) && span_take_number(rest, NUMBER_BYTES, &chain) &&
	       span_take_number(rest, NUMBER_BYTES, &key) && take_bytes(rest, name, &entry->name) &&
	       take_bytes(rest, chain, &entry->chain) && take_bytes(rest, key, &entry->key);
}

bool
certificate_set_parse(struct span bytes, struct certificate_set *set)
{
	uint64_t generation;
	uint64_t count;

	*set = (struct certificate_set){ 0 };
	if (!span_take_number(&bytes, NUMBER_BYTES, &generation) || !span_take_number(&bytes, NUMBER_BYTES, &count) ||
	    count > CERTIFICATES_MAX)
		return false;
	set->generation = (uint32_t)generation;
	for (set->count = 0; set->count < count; set->count++)
		if (!take_entry(&bytes, &set->entries[set->count]))
			return false;
	return bytes.length == 0;
}

bool
certificate_set_load(int fd, struct buf *bytes, struct certificate_set *set)
{
	struct stat facts;

	*bytes = BUF_OF_SECRETS(CERTIFICATE_SET_BYTES);
	if (fstat(fd, &facts) != 0 || facts.st_size <= 0 || facts.st_size > CERTIFICATE_SET_BYTES)
		return false;
	size_t size = (size_t)facts.st_size;
	char *to = buf_reserve(bytes, size);
	ssize_t got = to ? pread(fd, to, size, 0) : -1;
	/* What was read of a file that ends early is a part of a key all the same. */
	bytes->length = got > 0 ? (size_t)got : 0;
	return bytes->length == size && certificate_set_parse(buf_span(bytes), set);
}
