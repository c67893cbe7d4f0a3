/* A new password, from a person at the terminal (not shown, asked twice) or from standard input (one line). Never from
 * the command line, where every user of the machine could read it.
 *
 * Trust: the administrator.
 * On failure: false, with a sentence; the terminal is as it was.
 */
#ifndef TIDEGATE_CONTROL_PASSWORD_INPUT_H
#define TIDEGATE_CONTROL_PASSWORD_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"

enum { PASSWORD_SIZE = 512 /* with its NUL: crypt(3) takes 511 bytes */ };

/* Reads a password and checks that it can be one. The caller wipes it. */
bool password_read(char password[static PASSWORD_SIZE], size_t *length, struct buf *why);

#endif
