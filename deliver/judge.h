/* The judgement of a message before anything of it is written: it must be what COMMIT says, and beyond change.
 *
 * Trust: none in what COMMIT says. The body is read once, whole, here; files are hashed again when they are copied.
 * On failure: an outcome, and a sentence for the log.
 */
#ifndef TIDEGATE_DELIVER_JUDGE_H
#define TIDEGATE_DELIVER_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "deliver/copy.h"
#include "lib/ipc_messages.h"

struct judgement {
	enum commit_outcome outcome; /* the rest of these three: when it was found wrong */
	const char *why;
	int error;                    /* an errno that belongs to it, or 0 */
	bool is_rememberable;         /* has a Message-ID or a Date */
	uint8_t digest[SHA256_BYTES]; /* that it is remembered by (deliver/digest.h) */
};

/* False: it is not to be delivered. Uses the scratch. */
bool judge_message(const struct message *message, struct scratch *scratch, struct judgement *judgement);

#endif
