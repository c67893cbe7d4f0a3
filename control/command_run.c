/* tidegate run: reads the configuration and serves in the foreground.
 *
 * On failure: what is wrong on standard error, exit code 1.
 */
#include <stdio.h>

#include "control/commands.h"
#include "control/master.h"

int
command_run(int argc, char **argv)
{
	const char *path = command_default_config;
	const struct command_option options[] = { { "-c", &path, NULL }, { 0 } };

	if (!command_options(&argc, argv, options))
		return EXIT_USAGE;
	if (argc > 1) {
		fprintf(stderr, "tidegate run: unexpected \"%s\"\n", argv[1]);
		return EXIT_USAGE;
	}
	struct config *config = command_read_config(path);
	return config ? master_run(config, path) : 1;
}
