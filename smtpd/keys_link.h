/* smtpd's way to keys: one question in the middle of a TLS handshake, one answer, waited for.
 *
 * OpenSSL 3.0 wants its signature at once, so this is the one place where smtpd waits for a neighbour: about a
 * millisecond, at most KEYS_LINK_LIMIT_MS, and after a time-out not again until the late answer has come.
 *
 * Trust: keys is trusted; a wrong signature only makes a handshake fail.
 * On failure: 0 and a sentence; the handshake fails with it.
 */
#ifndef TIDEGATE_SMTPD_KEYS_LINK_H
#define TIDEGATE_SMTPD_KEYS_LINK_H

#include <stdint.h>

#include "lib/ipc.h"
#include "smtpd/tls_provider.h"

enum { KEYS_LINK_LIMIT_MS = 2000, KEYS_LINK_ANSWER_BYTES = 2048 };

struct keys_link {
	struct ipc_channel channel; /* fd -1: none yet */
	struct tls_signer signer;   /* for tls_contexts_new(); asks over this link */
	bool is_open;
	uint32_t serial; /* of the last question */
	bool is_behind;  /* that one has had no answer in time */
	uint64_t behind_since_ms;
	uint64_t signatures;
	uint64_t failures;
	char storage[KEYS_LINK_ANSWER_BYTES]; /* of answers */
};

/* A link without a descriptor yet. It must not move afterwards. */
void keys_link_init(struct keys_link *link);
/* Takes the channel's descriptor, at the start and after keys was restarted; owns it. */
bool keys_link_attach(struct keys_link *link, int fd);

#endif
