/* The two files of a certificate, as one memory file for keys. Their bytes go from file to file within the kernel:
 * a private key never lies in the master's own memory.
 *
 * Trust: the paths are the configuration's; the files may be anything. Nothing in them is looked at here.
 * On failure: false, and a sentence that names the file.
 */
#ifndef TIDEGATE_CONTROL_PAIR_FILE_H
#define TIDEGATE_CONTROL_PAIR_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/config.h"
#include "control/file_identity.h"
#include "lib/buf.h"

/* What the two paths lead to, links followed; zero where that is nothing. */
struct pair_identity {
	struct file_identity chain;
	struct file_identity key;
};

struct pair_file {
	int fd; /* a memory file: the chain's bytes, then the key's; -1: none */
	uint32_t chain_bytes;
	uint32_t key_bytes;
};

struct pair_identity pair_identity_of(const struct config_certificate *certificate);
bool pair_identity_equal(const struct pair_identity *a, const struct pair_identity *b);
/* Reads both. Files over CERTIFICATE_FILE_BYTES, and what is no file, are refused. */
bool pair_file_read(const struct config_certificate *certificate, struct pair_file *pair, struct buf *why);
/* Appends it to a file at its current offset, as an entry of a set (smtpd/certificate_set.h). */
bool pair_file_append(const struct pair_file *pair, struct span name, int to);
void pair_file_close(struct pair_file *pair);

#endif
