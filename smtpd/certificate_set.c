/* Encoder and strict decoder of smtpd/certificate_set.h.
 *
 * On failure: see the header.
 */
#include "smtpd/certificate_set.h"

#include <sys/stat.h>
#include <unistd.h>

static void
put_number(struct buf *bytes, size_t number)
{
	const char wire[4] = { (char)(number >> 24), (char)(number >> 16), (char)(number >> 8), (char)number };

	buf_append(bytes, span_make(wire, sizeof wire));
}

static bool
take_number(struct span *rest, uint32_t *number)
{
	const unsigned char *wire = (const unsigned char *)rest->data;

	if (rest->length < 4)
		return false;
	*number = (uint32_t)wire[0] << 24 | (uint32_t)wire[1] << 16 | (uint32_t)wire[2] << 8 | wire[3];
	*rest = span_skip(*rest, 4);
	return true;
}

static bool
take_bytes(struct span *rest, uint32_t length, struct span *bytes)
{
	if (length > rest->length || length > CERTIFICATE_FILE_BYTES)
		return false;
	*bytes = span_take(*rest, length);
	*rest = span_skip(*rest, length);
	return true;
}

void
certificate_set_begin(struct buf *bytes, uint32_t generation, size_t count)
{
	put_number(bytes, generation);
	put_number(bytes, count);
}

void
certificate_set_add(struct buf *bytes, struct span name, size_t chain_bytes, size_t key_bytes)
{
	put_number(bytes, name.length);
	put_number(bytes, chain_bytes);
	put_number(bytes, key_bytes);
	buf_append(bytes, name);
}

static bool
take_entry(struct span *rest, struct certificate_entry *entry)
{
	uint32_t name;
	uint32_t chain;
	uint32_t key;

	return take_number(rest, &name) && take_number(rest, &chain) && take_number(rest, &key) &&
	       take_bytes(rest, name, &entry->name) && take_bytes(rest, chain, &entry->chain) &&
	       take_bytes(rest, key, &entry->key);
}

bool
certificate_set_parse(struct span bytes, struct certificate_set *set)
{
	uint32_t count;

	*set = (struct certificate_set){ 0 };
	if (!take_number(&bytes, &set->generation) || !take_number(&bytes, &count) || count > CERTIFICATES_MAX)
		return false;
	for (set->count = 0; set->count < count; set->count++)
		if (!take_entry(&bytes, &set->entries[set->count]))
			return false;
	return bytes.length == 0;
}

bool
certificate_set_load(int fd, struct buf *bytes, struct certificate_set *set)
{
	struct stat facts;

	*bytes = BUF_LIMIT(CERTIFICATE_SET_BYTES);
	if (fstat(fd, &facts) != 0 || facts.st_size <= 0 || facts.st_size > CERTIFICATE_SET_BYTES)
		return false;
	size_t size = (size_t)facts.st_size;
	char *to = buf_reserve(bytes, size);
	if (!to || pread(fd, to, size, 0) != (ssize_t)size)
		return false;
	bytes->length = size;
	return certificate_set_parse(buf_span(bytes), set);
}
