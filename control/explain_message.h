/* The message file of `tidegate explain --message`, read as DATA would have brought it.
 *
 * Trust: the file is whatever somebody wants judged.
 * On failure: a sentence.
 */
#ifndef TIDEGATE_CONTROL_EXPLAIN_MESSAGE_H
#define TIDEGATE_CONTROL_EXPLAIN_MESSAGE_H

#include <stdbool.h>

#include "lib/buf.h"
#include "smtpd/facts.h"

/* Reads a file ("-": standard input). A file whose first line ends in a bare LF is taken for one of a Unix mailbox, and
 * its LFs for CRLFs; any other is taken as it is. */
bool explain_message_read(const char *path, struct message_facts *facts, struct buf *why);

#endif
