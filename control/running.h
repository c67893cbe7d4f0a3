/* Does a running process have the walls of its row? Read from /proc/PID/status.
 *
 * Trust: the text is the kernel's.
 * On failure: problems are named; a text that lacks a field has a problem.
 */
#ifndef TIDEGATE_CONTROL_RUNNING_H
#define TIDEGATE_CONTROL_RUNNING_H

#include <stdbool.h>
#include <sys/types.h>

#include "control/accounts.h"
#include "lib/buf.h"
#include "lib/span.h"

/* Compares the text of /proc/PID/status with what must be: a seccomp filter, no_new_privs, this account alone, no
 * groups, no capabilities. Appends "what is wrong; what is wrong"; nothing when all is right. Pure. */
void running_compare(struct span status, const struct account *account, struct buf *problems);
/* The same for a process. False when /proc cannot be read (problems says why). */
bool running_check(pid_t pid, const struct account *account, struct buf *problems);

#endif
