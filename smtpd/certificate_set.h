/* The file by which the master hands certificates on: to keys with their private keys, to smtpd without.
 *
 * Big-endian u32: generation, count; then for each: u32 length of name, chain and key, then these. For keys, chain and
 * key are as the files on disk have them (PEM); for smtpd the chain is DER, as keys has read it, and the key is empty.
 *
 * Trust: written by the master; the chains in it passed keys. Pure, but for certificate_set_load().
 * On failure: false; a set is never taken in part.
 */
#ifndef TIDEGATE_SMTPD_CERTIFICATE_SET_H
#define TIDEGATE_SMTPD_CERTIFICATE_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/span.h"

enum {
	CERTIFICATES_MAX = 64,          /* as many sections as a configuration may have */
	CERTIFICATE_FILE_BYTES = 65536, /* greatest file with a chain or a key */
	CERTIFICATE_SET_BYTES = 2 * CERTIFICATES_MAX * (CERTIFICATE_FILE_BYTES + 1024)
};

struct certificate_entry {
	struct span name;
	struct span chain;
	struct span key;
};

/* Spans point into the bytes it was parsed from. */
struct certificate_set {
	uint32_t generation;
	size_t count;
	struct certificate_entry entries[CERTIFICATES_MAX];
};

/* The head of a file of count entries. */
void certificate_set_begin(struct buf *bytes, uint32_t generation, size_t count);
/* The head of one entry; the bytes of its chain and of its key are to follow. */
void certificate_set_add(struct buf *bytes, struct span name, size_t chain_bytes, size_t key_bytes);
/* False when the bytes are not exactly one set. */
bool certificate_set_parse(struct span bytes, struct certificate_set *set);
/* Reads the whole file into bytes, which are made for it as BUF_OF_SECRETS and the caller's to free, whatever comes of
 * it. The descriptor stays the caller's. */
bool certificate_set_load(int fd, struct buf *bytes, struct certificate_set *set);

#endif
