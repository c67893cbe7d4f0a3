/* Asking the running server, for the subcommands that do nothing else.
 *
 * Trust: the server is found by its state folder, where only root or its own user can have put the socket.
 * On failure: a sentence on standard error.
 */
#ifndef TIDEGATE_CONTROL_COMMAND_ASK_H
#define TIDEGATE_CONTROL_COMMAND_ASK_H

#include <stdbool.h>

#include "lib/buf.h"

/* Asks the server of a configuration file. answer is its text without the verdict. False when there is no server (said
 * on standard error, answer empty) or its verdict is "error". */
bool command_ask(const char *command, const char *config_path, const char *request, struct buf *answer);
/* A whole subcommand: the request is its own name; prints the answer, or when_well when that is empty. */
int command_ask_simple(int argc, char **argv, const char *when_well);
/* The same with its options already taken: the configuration's path. */
int command_ask_of(const char *command, const char *config_path, const char *when_well);

#endif
