/* The subcommands of `tidegate`, one file each, and what they share.
 *
 * Trust: the arguments are the administrator's.
 * On failure: a sentence on standard error and exit code 1; 2 for a wrong command line.
 */
#ifndef TIDEGATE_CONTROL_COMMANDS_H
#define TIDEGATE_CONTROL_COMMANDS_H

#include <stdbool.h>

#include "conf/config.h"

enum { EXIT_USAGE = 2 };

/* argv[0] is the subcommand's own name. Each returns the exit code of the program. */
int command_run(int argc, char **argv);
int command_map(int argc, char **argv);
int command_lookup(int argc, char **argv);
int command_user(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_config(int argc, char **argv);
int command_status(int argc, char **argv);
int command_reload(int argc, char **argv);
int command_health(int argc, char **argv);
int command_trace(int argc, char **argv);
int command_selftest(int argc, char **argv);

/* One option of a subcommand. */
struct command_option {
	const char *name;   /* "-c", "--metrics" */
	const char **value; /* where its argument goes; NULL for a flag */
	bool *is_set;       /* set when the option is there; NULL when nobody asks */
};

/* Reads the options (ended by a row without a name); what is left is moved to argv[1]… and *argc counts it with
 * argv[0]. An option may stand before or behind the operands and be given once; "--" ends the options. False, with a
 * sentence on standard error, for anything else. */
bool command_options(int *argc, char **argv, const struct command_option *options);
/* The path of the configuration file when -c does not say. */
extern const char *const command_default_config;
/* Reads a configuration; prints all that is wrong with it on standard error and returns NULL. The caller frees it. */
struct config *command_read_config(const char *path);

#endif
