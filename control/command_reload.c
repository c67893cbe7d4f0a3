/* tidegate reload: the running server reads its configuration and map again.
 *
 * On failure: the server keeps what it has and says why; exit code 1. Also when a certificate cannot be used, for which
 * the server keeps the one it had and takes the rest.
 */
#include <stdio.h>

#include "lib/log.h"
#include "control/certificate_trial.h"
#include "control/command_ask.h"
#include "control/commands.h"

/* What keys thinks of new certificates the server learns after its answer. */
static bool
are_certificates_good(const char *path)
{
	struct config *config = command_read_config(path);
	bool are_good = config && certificate_trial(config, "reload");

	config_free(config);
	return are_good;
}

int
command_reload(int argc, char **argv)
{
	const char *path = command_default_config;
	const struct command_option options[] = { { "-c", &path, NULL }, { 0 } };

	if (!command_options(&argc, argv, options) || argc > 1) {
		fprintf(stderr, "usage: tidegate reload [-c FILE]\n");
		return EXIT_USAGE;
	}
	log_set_process("reload");
	int code = command_ask_of("reload", path, "reloaded");
	return code == 0 && !are_certificates_good(path) ? 1 : code;
}
